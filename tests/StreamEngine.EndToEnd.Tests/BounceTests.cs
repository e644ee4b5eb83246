using System.Diagnostics;
using Confluent.Kafka;
using StreamEngine.Cli.Processes;
using StreamEngine.EndToEnd.Tests.Flights;
using StreamEngine.EndToEnd.Tests.Suite;
using Xunit.Abstractions;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>
/// Faults at random moments, by a printed seed, over one pipeline that goes on and on: workers that are killed, drained, or stand still while another one takes over,
/// transactions that time out, brokers that die, a network that refuses, stalls and resets. A committed reader checks all the while.
/// </summary>
public class BounceTests(ITestOutputHelper output)
{
    // Another seed is another run: ENGINE_SEED=.. ./engine test --filter BounceTests
    private static readonly int Seed = int.TryParse(Environment.GetEnvironmentVariable("ENGINE_SEED"), out var seed) ? seed : Random.Shared.Next(1, 1_000_000);

    private readonly Random _random = new(Seed);
    private TimeSpan _timeout;
    private Task _sending = Task.CompletedTask;

    [Fact]
    public async Task Fifteen_faults_on_the_embedded_broker_change_nothing_that_is_committed()
    {
        await using var broker = await EmbeddedBroker.StartAsync(proxied: true);
        await RunAsync(broker, rounds: 15);
    }

    [SkippableFact]
    public async Task Five_faults_on_real_Kafka_change_nothing_that_is_committed()
    {
        await using var broker = await RealKafka.StartAsync(proxied: true);
        await RunAsync(broker, rounds: 5);
    }

    private enum Fault
    {
        KillStarting,
        KillWorking,
        KillInTransaction,
        Drain,
        StandStillAndBeReplaced,
        StandStillPastTheTransactionTimeout,
        BrokerKill,
        Refuse,
        Stall,
        Reset,
    }

    private const int RowsOfRound = 1200;

    private async Task RunAsync(TestBroker broker, int rounds)
    {
        // Real Kafka leaves a partition without a leader for some seconds when the machine is busy: what is written then waits for less than a transaction lasts.
        _timeout = TimeSpan.FromSeconds(broker is RealKafka ? 8 : 3);
        var pipeline = $"{FlightPipeline.Text()}\nkafka.transaction-timeout = {_timeout.TotalSeconds}s";
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed, (rounds + 5) * RowsOfRound, Days: 4), pipeline);
        scene.Tell($"seed {Seed}");
        try
        {
            var engine = scene.StartEngine();
            await scene.IsReadyAsync(engine);
            _ = scene.Live;
            var faults = new Queue<Fault>();
            for (var round = 1; round <= rounds; round++)
            {
                // Each kind comes once before one comes again.
                if (faults.Count == 0) faults = new Queue<Fault>(Shuffled());
                var fault = faults.Dequeue();
                scene.Tell($"round {round} of {rounds}: {fault}");
                engine = await RoundAsync(scene, engine, fault);
                await scene.Live.NothingIsGoneAsync();
            }
            await scene.CompleteAsync(engine);
            Assert.True(scene.Live.Wrong is null, scene.Live.Wrong);
        }
        finally
        {
            output.WriteLine(scene.Story);
        }
    }

    private Fault[] Shuffled()
    {
        var all = Enum.GetValues<Fault>();
        _random.Shuffle(all);
        return all;
    }

    /// <summary>Rows come, the fault happens at some moment, more rows come: the round ends when an epoch with some of those is committed.</summary>
    private async Task<ChildProcess> RoundAsync(FlightScene scene, ChildProcess engine, Fault fault)
    {
        var read = scene.Live.Read;
        _sending = scene.Loader.SendAsync(RowsOfRound * 3 / 4, TimeSpan.FromMilliseconds(1500));
        await scene.WaitAsync(engine, () => scene.Live.Read > read, "this round's first commit");
        await Task.Delay(_random.Next(500));
        engine = await HappenAsync(scene, engine, fault);
        await _sending;
        var since = Stopwatch.StartNew();
        read = Math.Max(scene.Live.Read, scene.Loader.Sent);
        await scene.Loader.SendAsync(RowsOfRound / 4, TimeSpan.Zero);
        await scene.WaitAsync(engine, () => scene.Live.Read > read, "a commit after the fault");
        scene.Tell($"goes on, {since.Elapsed.TotalSeconds:0.0} s later; {scene.Loader.Sent} rows sent, {scene.Live.Read} read, {scene.Live.Seen} committed records checked");
        return engine;
    }

    private Task<ChildProcess> HappenAsync(FlightScene scene, ChildProcess engine, Fault fault) => fault switch
    {
        Fault.KillStarting or Fault.KillWorking or Fault.KillInTransaction => KillAsync(scene, engine, fault),
        Fault.Drain => DrainAsync(scene, engine),
        Fault.StandStillAndBeReplaced => ReplaceAsync(scene, engine),
        Fault.StandStillPastTheTransactionTimeout => TimeOutAsync(scene, engine),
        Fault.BrokerKill => KillBrokerAsync(scene, engine),
        _ => BreakNetworkAsync(scene, engine, fault),
    };

    private async Task<ChildProcess> KillAsync(FlightScene scene, ChildProcess engine, Fault fault)
    {
        if (fault == Fault.KillInTransaction) await StopWithinATransactionAsync(scene, engine);
        scene.IsAlive(engine);
        await engine.KillAsync();
        scene.Tell("killed");
        if (fault == Fault.KillStarting)
        {
            var second = scene.StartEngine();
            await Task.Delay(_random.Next(1500));
            scene.IsAlive(second);
            await second.KillAsync();
            scene.Tell("killed while it started");
        }
        return await StartAsync(scene);
    }

    private static async Task<ChildProcess> StartAsync(FlightScene scene)
    {
        var engine = scene.StartEngine();
        await scene.IsReadyAsync(engine);
        scene.Tell("it runs");
        return engine;
    }

    private static async Task<ChildProcess> DrainAsync(FlightScene scene, ChildProcess engine)
    {
        await scene.DrainAsync(engine);
        return await StartAsync(scene);
    }

    private async Task<ChildProcess> ReplaceAsync(FlightScene scene, ChildProcess zombie)
    {
        await StopWithinATransactionAsync(scene, zombie);
        var stood = Stopwatch.StartNew();
        var successor = await StartAsync(scene);
        // A successor that has rows left may stand still for longer than whoever waits for its rest, and write afterwards.
        await _sending;
        await scene.WaitAsync(successor, () => scene.Live.Read >= scene.Loader.Sent, "the successor to read all that was sent");
        var left = _timeout + TimeSpan.FromSeconds(2) - stood.Elapsed;
        if (left > TimeSpan.Zero) await Task.Delay(left);
        await scene.RestAsync();
        var before = await FlightScene.EndsAsync(scene.Cluster);
        zombie.Continue();
        var code = await zombie.WaitForExitAsync();
        scene.Tell($"it woke after {stood.Elapsed.TotalSeconds:0.0} s and ended with {code}");
        Assert.True(code == 3, $"exit code {code} instead of 3\n{zombie.Tail}\n{scene.State}");
        Assert.Contains($"process {successor.Id} on {Environment.MachineName}", zombie.Output, StringComparison.Ordinal);
        await scene.IsUntouchedAsync(before, "the zombie");
        return successor;
    }

    private async Task<ChildProcess> TimeOutAsync(FlightScene scene, ChildProcess engine)
    {
        for (var tries = 1; !await IsAbortedAsync(scene, engine); tries++)
        {
            Assert.True(tries < 10, $"in {tries} tries the broker never aborted the transaction\n{scene.State}");
            engine.Continue();
        }
        var incarnation = scene.Live.Incarnation;
        engine.Continue();
        await scene.WaitAsync(engine, () => scene.Live.Incarnation > incarnation, "a new incarnation of the same process");
        return engine;
    }

    /// <summary>
    /// Leaves the engine standing still until the broker has ended its transaction; false where that was no abort: a commit that the engine had sent before it was
    /// stopped lies at the broker unread for as long as that has no time for it, and is carried out then.
    /// </summary>
    private async Task<bool> IsAbortedAsync(FlightScene scene, ChildProcess engine)
    {
        await StopWithinATransactionAsync(scene, engine);
        var stood = Stopwatch.StartNew();
        var open = (await OutputEndsAsync(scene)).Where(e => e.Value.Stable < e.Value.High).ToDictionary(e => e.Key, e => e.Value.Stable);
        while (await IsOpenAsync(scene))
        {
            Assert.True(stood.Elapsed < Patience.Usual, $"the broker does not end the transaction\n{scene.State}");
            await Task.Delay(100);
        }
        await scene.Reader.PassAsync(await OutputEndsAsync(scene));
        // Ended before its place was known it cannot be told.
        var aborted = open.Count > 0 && !FlightPipeline.Outputs.SelectMany(scene.Reader.Of)
            .Any(r => open.TryGetValue(r.At.TopicPartition, out var start) && r.At.Offset.Value >= start);
        scene.Tell($"stood still within a transaction, which the broker ended after {stood.Elapsed.TotalSeconds:0.0} s{(aborted ? "" : ", perhaps by a commit")}");
        return aborted;
    }

    private async Task<ChildProcess> KillBrokerAsync(FlightScene scene, ChildProcess engine)
    {
        await StopWithinATransactionAsync(scene, engine);
        // What the input's producer has under way when its broker is killed may be written twice: Apache Kafka that recovers from a crash forgets a producer without a
        // transaction whose records are stamped more than producer.id.expiration.ms ago (a day; the flights are of 2001), and takes what it sends again as new.
        if (scene.Broker is RealKafka)
        {
            await _sending;
            scene.Loader.Finish();
        }
        await scene.Broker.KillAsync();
        engine.Continue();
        await Task.Delay(_random.Next(500));
        await scene.Broker.RestartAsync();
        scene.Tell("the broker was killed and is back");
        return engine;
    }

    private async Task<ChildProcess> BreakNetworkAsync(FlightScene scene, ChildProcess engine, Fault fault)
    {
        var proxy = scene.Broker.Proxy!;
        var way = (ProxyWay)_random.Next(1, 4);
        switch (fault)
        {
            case Fault.Refuse:
                await proxy.RefuseAsync();
                proxy.CutAll();
                await Task.Delay(_random.Next(200, 2000));
                scene.Tell("the network refused");
                break;
            case Fault.Stall:
                proxy.Stall(way);
                // At times for longer than the transaction may last.
                await Task.Delay(_random.Next(200, 5000));
                scene.Tell($"the network stood still, {way}");
                break;
            default:
                for (var i = 0; i < 4; i++)
                {
                    var (bytes, before) = (_random.Next(1, 30_000), proxy.Resets);
                    proxy.ResetAfter(bytes, way);
                    await Task.Delay(300);
                    scene.Tell($"{(proxy.Resets > before ? "a" : "no")} reset after {bytes} bytes, {way}");
                    way = (ProxyWay)_random.Next(1, 4);
                }
                break;
        }
        proxy.Heal();
        scene.IsAlive(engine);
        return engine;
    }

    /// <summary>
    /// Leaves the engine standing still with a transaction open. Between look and signal it may commit, and with nothing left to do none is open: more rows are sent, and
    /// it is tried until it has come to pass.
    /// </summary>
    private async Task StopWithinATransactionAsync(FlightScene scene, ChildProcess engine)
    {
        var tried = Stopwatch.StartNew();
        for (var tries = 1; ; tries++)
        {
            Assert.True(tried.Elapsed < Patience.Usual / 3,
                $"in {tries} tries the engine never stood still within a transaction: {scene.Loader.Sent} of {scene.Loader.Total} rows were sent\n{scene.State}");
            if (_sending.IsCompleted)
            {
                await _sending;
                _sending = scene.Loader.SendAsync(RowsOfRound / 12, TimeSpan.FromMilliseconds(500));
            }
            if (!await IsOpenAsync(scene)) continue;
            engine.Pause();
            // A commit that was sent already is carried out all the same.
            if (await IsOpenAsync(scene))
            {
                await Task.Delay(100);
                if (await IsOpenAsync(scene))
                {
                    scene.Tell($"stands still within a transaction, try {tries}");
                    return;
                }
            }
            engine.Continue();
            await Task.Delay(_random.Next(50));
        }
    }

    private static async Task<bool> IsOpenAsync(FlightScene scene) => (await OutputEndsAsync(scene)).Values.Any(e => e.Stable < e.High);

    private static Task<IReadOnlyDictionary<TopicPartition, (long Stable, long High)>> OutputEndsAsync(FlightScene scene) =>
        scene.Cluster.EndsAsync(scene.Cluster.Partitions(FlightPipeline.Outputs));
}
