using System.Diagnostics;
using System.Text;
using StreamEngine.EndToEnd.Tests.Suite;

namespace StreamEngine.EndToEnd.Tests.Flights;

/// <summary>One long run of the flights pipeline with rows coming, a reader beside it, and kills.</summary>
internal sealed class KillRun : IAsyncDisposable
{
    private readonly TestBroker _broker;
    private readonly Random _random;
    private readonly TemporaryFolder _folder = new();
    private readonly Cluster _cluster;
    private readonly FlightLoader _loader;
    private readonly CommittedReader _reader;
    private readonly FlightOracle _expected;
    private readonly string _pipeline;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly StringBuilder _story = new();
    private ChildProcess? _engine;
    private int _starts;

    private KillRun(TestBroker broker, int seed, int rows, Cluster cluster)
    {
        _broker = broker;
        _random = new Random(seed);
        _cluster = cluster;
        var flights = FlightInput.Generate(new FlightPlan(seed, rows, Days: 4));
        _expected = new FlightOracle(flights);
        _loader = new FlightLoader(broker.Bootstrap, flights);
        _reader = new CommittedReader(broker.Bootstrap, cluster.Partitions([.. FlightPipeline.Outputs, FlightPipeline.DeadLetters, FlightPipeline.Late]));
        _pipeline = _folder.Write("flights.conf", FlightPipeline.Text());
        Tell($"{flights.Count} rows; expected {string.Join(", ", _expected.Rows.Select(r => $"{r.Key} {r.Value.Count}"))}, {_expected.DeadLetters.Count} dead letters, {_expected.Late.Count} late");
    }

    public static async Task<KillRun> StartAsync(TestBroker broker, int seed, int rows)
    {
        var cluster = new Cluster(broker.Bootstrap);
        await cluster.CreateAsync(FlightPipeline.Topics);
        return new KillRun(broker, seed, rows, cluster);
    }

    /// <summary>What happened when.</summary>
    public string Story => _story.ToString();

    public string State => $"{_story}{_reader.State}\n{_engine?.Tail}\n{_broker.Tail}";

    private void Tell(string what) => _story.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"{_clock.Elapsed.TotalSeconds,7:0.00} s  {what}");

    private void StartEngine()
    {
        _engine = ChildProcess.Engine($"engine {++_starts}", _folder.Path, "run", _pipeline, "--bootstrap", _broker.Bootstrap, "--ready-file", Ready);
        Tell($"engine {_starts} started, process {_engine.Id}");
    }

    private string Ready => _folder.File($"ready-{_starts}");

    private Task IsReadyAsync() => Patience.UntilAsync(() => Alive() && File.Exists(Ready), "the engine to run", () => State);

    private bool Alive() => _engine!.HasExited ? throw new InvalidOperationException($"the engine ended by itself with {_engine.ExitCode}") : true;

    /// <summary>Starts the engine, lets rows come, and kills it: while it starts, at a moment of its work, or when a transaction of it is seen to be open.</summary>
    public async Task RoundAsync(int rows, bool killBroker)
    {
        StartEngine();
        var way = killBroker ? 1 : _random.Next(4);
        if (way == 0)
        {
            var sending = _loader.SendAsync(rows, TimeSpan.FromSeconds(1));
            await Task.Delay(_random.Next(2500));
            await KillAsync("while it started");
            await sending;
            return;
        }
        await IsReadyAsync();
        var more = _loader.SendAsync(rows, TimeSpan.FromMilliseconds(1500));
        if (killBroker) await KillBrokerAsync();
        await Task.Delay(_random.Next(1500));
        if (way == 2) await AnOpenTransactionAsync();
        Alive();
        await KillAsync(way == 2 ? "inside an open transaction" : "at its work");
        await more;
    }

    private async Task KillAsync(string when)
    {
        await _engine!.KillAsync();
        await _engine.DisposeAsync();
        Tell($"killed {when}; {_loader.Sent} rows sent, {_reader.State}");
    }

    private async Task KillBrokerAsync()
    {
        await Task.Delay(_random.Next(800));
        await _broker.KillAsync();
        Tell("broker killed");
        await Task.Delay(_random.Next(500));
        await _broker.RestartAsync();
        Tell("broker started again");
    }

    // Bounded: with nothing left to do no transaction may be open.
    private async Task AnOpenTransactionAsync()
    {
        var partitions = _cluster.Partitions(FlightPipeline.Outputs);
        for (var tries = 0; tries < 100; tries++)
            if ((await _cluster.EndsAsync(partitions)).Values.Any(e => e.Stable < e.High)) return;
    }

    /// <summary>Lets everything come to its end, stops the engine in order, and checks all that was committed.</summary>
    public async Task CompleteAsync()
    {
        StartEngine();
        await _loader.SendRestAsync();
        _loader.Finish();
        await Patience.UntilAsync(() => Alive() && HasAll(), "all expected rows", () => State);
        Tell("all rows are there");
        _engine!.Terminate();
        Assert.Equal(0, await _engine.WaitForExitAsync());
        Tell("drained");
        await CheckAsync();
        Tell("checked");
    }

    private bool HasAll() => FlightPipeline.Outputs.All(t => _reader.Count(t) >= _expected.Rows[t].Count) && _reader.Count(FlightPipeline.DeadLetters) >= _expected.DeadLetters.Count && _reader.Count(FlightPipeline.Late) >= _expected.Late.Count;

    private async Task CheckAsync()
    {
        string[] topics = [.. FlightPipeline.Outputs, FlightPipeline.DeadLetters, FlightPipeline.Late];
        var ends = await _cluster.EndsAsync(_cluster.Partitions([.. topics, FlightPipeline.Epochs, FlightPipeline.State, FlightPipeline.Name]));
        Assert.DoesNotContain(ends, e => e.Value.Stable != e.Value.High);
        await _reader.PassAsync(ends.Where(e => topics.Contains(e.Key.Topic)).ToDictionary());
        var all = await CommittedReader.ReadAllAsync(_broker.Bootstrap, _cluster, [.. topics, FlightPipeline.Epochs]);
        var again = all.ToLookup(r => r.Topic);
        var epochs = again[FlightPipeline.Epochs].ToList();
        List<string> wrong =
        [
            .. CommittedOutput.Compare(_expected, _reader.Of),
            // Whoever comes later reads the same.
            .. CommittedOutput.Compare(_expected, t => [.. again[t]]).Select(w => $"read again: {w}"),
            .. Manifests.Check(epochs, _expected),
        ];
        var records = topics.Sum(t => again[t].Count());
        Tell($"{Manifests.Of(epochs).Count} epochs of {Manifests.Of(epochs, "claim").Count} incarnations; {ends.Where(e => topics.Contains(e.Key.Topic)).Sum(e => e.Value.High) - records} records of the outputs are control records or of aborted transactions");
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    public async ValueTask DisposeAsync()
    {
        if (_engine is not null) await _engine.DisposeAsync();
        _reader.Dispose();
        _loader.Dispose();
        _cluster.Dispose();
        _folder.Dispose();
    }
}
