using StreamEngine.EndToEnd.Tests.Flights;
using StreamEngine.EndToEnd.Tests.Suite;
using Xunit.Abstractions;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>The engine, and at times the broker, killed at random moments: a reader of committed records beside it sees exactly the expected rows.</summary>
public class KillTests(ITestOutputHelper output)
{
    // Another seed is another run: ENGINE_SEED=.. ./engine test --filter KillTests
    private static readonly int Seed = int.TryParse(Environment.GetEnvironmentVariable("ENGINE_SEED"), out var seed) ? seed : Random.Shared.Next(1, 1_000_000);

    private readonly Random _random = new(Seed);

    [Fact]
    public async Task Ten_kills_on_the_embedded_broker_change_nothing_that_is_committed()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await RunAsync(broker, rounds: 10, rows: 30_000, brokerKills: [3, 7]);
    }

    [SkippableFact]
    public async Task Three_kills_on_real_Kafka_change_nothing_that_is_committed()
    {
        await using var broker = await RealKafka.StartAsync();
        await RunAsync(broker, rounds: 3, rows: 20_000, brokerKills: []);
    }

    private async Task RunAsync(TestBroker broker, int rounds, int rows, int[] brokerKills)
    {
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed, rows, Days: 4));
        scene.Tell($"seed {Seed}");
        try
        {
            var first = _random.Next(3);
            for (var round = 0; round < rounds; round++)
                await RoundAsync(scene, rows / rounds, (KillMoment)((first + round) % 3), killBroker: brokerKills.Contains(round));
            var engine = scene.StartEngine();
            await scene.Loader.SendRestAsync();
            scene.Loader.Finish();
            await scene.HasAllAsync(engine);
            await scene.DrainAsync(engine);
            await scene.CheckAsync();
        }
        finally
        {
            output.WriteLine(scene.Story);
        }
    }

    private enum KillMoment
    {
        Starting,
        Working,
        InTransaction,
    }

    /// <summary>Starts the engine, lets rows come, and kills it: while it starts, at a moment of its work, or when a transaction of it is seen to be open.</summary>
    private async Task RoundAsync(FlightScene scene, int rows, KillMoment moment, bool killBroker)
    {
        var seen = scene.Reader.Total;
        var engine = scene.StartEngine();
        if (moment == KillMoment.Starting && !killBroker)
        {
            var sending = scene.Loader.SendAsync(rows, TimeSpan.FromSeconds(1));
            await Task.Delay(_random.Next(2500));
            await KillAsync(scene, engine, "while it started");
            await sending;
            return;
        }
        await scene.IsReadyAsync(engine);
        var more = scene.Loader.SendAsync(rows, TimeSpan.FromMilliseconds(1500));
        await scene.WaitAsync(engine, () => scene.Reader.Total > seen, "this incarnation to commit something");
        if (killBroker) await KillBrokerAsync(scene);
        await Task.Delay(_random.Next(800));
        if (moment == KillMoment.InTransaction) await AnOpenTransactionAsync(scene);
        scene.IsAlive(engine);
        await KillAsync(scene, engine, moment == KillMoment.InTransaction ? "inside an open transaction" : "at its work");
        await more;
    }

    private static async Task KillAsync(FlightScene scene, ChildProcess engine, string when)
    {
        await engine.KillAsync();
        scene.Tell($"killed {when}; {scene.Loader.Sent} rows sent, {scene.Reader.State}");
    }

    private async Task KillBrokerAsync(FlightScene scene)
    {
        await Task.Delay(_random.Next(800));
        await scene.Broker.KillAsync();
        scene.Tell("broker killed");
        await Task.Delay(_random.Next(500));
        await scene.Broker.RestartAsync();
        scene.Tell("broker started again");
    }

    // Bounded: with nothing left to do no transaction may be open.
    private static async Task AnOpenTransactionAsync(FlightScene scene)
    {
        var partitions = scene.Cluster.Partitions(FlightPipeline.Outputs);
        for (var tries = 0; tries < 100; tries++)
            if ((await scene.Cluster.EndsAsync(partitions)).Values.Any(e => e.Stable < e.High)) return;
    }
}
