using System.Diagnostics;
using System.Globalization;
using System.Text;
using Confluent.Kafka;
using StreamEngine.EndToEnd.Tests.Suite;

namespace StreamEngine.EndToEnd.Tests.Flights;

/// <summary>How engines reach the broker, where not as the tests' own clients do.</summary>
/// <param name="Bootstrap">The listener.</param>
/// <param name="Environment">Variables of their environment, of which a pipeline's file takes its secrets.</param>
internal sealed record EngineAccess(string Bootstrap, IReadOnlyDictionary<string, string> Environment);

/// <summary>The flights pipeline on a broker: its topics, its file, a reader of committed records beside it, and its processes.</summary>
internal sealed class FlightScene : IAsyncDisposable
{
    private static readonly string[] Read = [.. FlightPipeline.Outputs, FlightPipeline.DeadLetters, FlightPipeline.Late];

    private readonly TemporaryFolder _folder = new();
    private readonly List<ChildProcess> _engines = [];
    private readonly StringBuilder _story = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly string _pipeline;
    private readonly EngineAccess _access;
    private LiveCheck? _live;

    private FlightScene(TestBroker broker, Cluster cluster, IReadOnlyList<Flight> flights, string pipeline, EngineAccess access)
    {
        (Broker, Cluster, _access) = (broker, cluster, access);
        Expected = new FlightOracle(flights);
        Loader = new FlightLoader(broker.Bootstrap, flights);
        Reader = new CommittedReader(broker.Bootstrap, cluster.Partitions(Read));
        _pipeline = _folder.Write("flights.conf", pipeline);
        var rows = string.Join(", ", Expected.Rows.Select(r => $"{r.Key} {r.Value.Count}"));
        Tell($"{flights.Count} rows; expected {rows}, {Expected.DeadLetters.Count} dead letters, {Expected.Late.Count} late");
    }

    /// <summary>Makes the topics; no engine runs yet.</summary>
    public static async Task<FlightScene> CreateAsync(TestBroker broker, FlightPlan plan, string? pipeline = null, EngineAccess? access = null)
    {
        var cluster = new Cluster(broker.Bootstrap);
        await cluster.CreateAsync(FlightPipeline.Topics);
        return new FlightScene(broker, cluster, FlightInput.Generate(plan), pipeline ?? FlightPipeline.Text(),
            access ?? new EngineAccess(broker.Bootstrap, new Dictionary<string, string>()));
    }

    public TestBroker Broker { get; }

    public Cluster Cluster { get; }

    public FlightOracle Expected { get; }

    public FlightLoader Loader { get; }

    public CommittedReader Reader { get; }

    /// <summary>Checks what is committed while it is committed, once an engine has run for the first time; every wait for an engine fails with what it finds.</summary>
    public LiveCheck Live => _live ??= new LiveCheck(Broker.Bootstrap, Cluster.Partitions([.. Read, FlightPipeline.Epochs]), Expected);

    /// <summary>What happened when.</summary>
    public string Story => _story.ToString();

    /// <summary>All that its engines wrote, to the screen and into files.</summary>
    public string Written => string.Join('\n', [.. _engines.Select(e => e.Output),
        .. Directory.EnumerateFiles(Path.Combine(_folder.Path, ".streamengine"), "*", SearchOption.AllDirectories).Select(File.ReadAllText)]);

    /// <summary>Everything that helps to understand a failure.</summary>
    public string State => $"{_story}{Reader.State}\n{string.Join('\n', _engines.TakeLast(2).Select(e => e.Tail))}\n{Broker.Tail}";

    public void Tell(string what) => _story.AppendLine(CultureInfo.InvariantCulture, $"{_clock.Elapsed.TotalSeconds,7:0.00} s  {what}");

    public ChildProcess StartEngine()
    {
        var number = _engines.Count + 1;
        string[] arguments = ["run", _pipeline, "--bootstrap", _access.Bootstrap, "--ready-file", _folder.File($"ready-{number}")];
        var engine = ChildProcess.Engine($"engine {number}", _folder.Path, _access.Environment, arguments);
        _engines.Add(engine);
        Tell($"engine {number} started, process {engine.Id}");
        return engine;
    }

    /// <summary>Another command of the engine, run to its end; the pipeline's file is FILE among its arguments.</summary>
    public async Task<(int Code, string Output)> CommandAsync(params string[] arguments)
    {
        await using var process = Start("command", arguments);
        var code = await process.WaitForExitAsync();
        Tell($"{string.Join(' ', arguments)}: exit code {code}");
        return (code, process.Output);
    }

    /// <summary>The same, going on in the background.</summary>
    public ChildProcess Start(string name, params string[] arguments)
    {
        var process = ChildProcess.Engine(name, _folder.Path, _access.Environment,
            [.. arguments.Select(a => a == "FILE" ? _pipeline : a), "--bootstrap", _access.Bootstrap]);
        _engines.Add(process);
        return process;
    }

    /// <summary>Writes another text into the pipeline's file.</summary>
    public void Change(string pipeline) => _folder.Write("flights.conf", pipeline);

    public Task IsReadyAsync(ChildProcess engine) => WaitAsync(engine, () => File.Exists(_folder.File($"ready-{_engines.IndexOf(engine) + 1}")), "the engine to run");

    /// <summary>Waits while the engine lives.</summary>
    public Task WaitAsync(ChildProcess engine, Func<bool> condition, string what) => Patience.UntilAsync(() => IsAlive(engine) && condition(), what, () => State);

    public bool IsAlive(ChildProcess engine) => _live?.Wrong is { } wrong ? throw new InvalidOperationException($"{wrong}\n{State}")
        : engine.HasExited ? throw new InvalidOperationException($"the engine ended by itself with {engine.ExitCode}\n{State}") : true;

    /// <summary>Waits until the engine has committed offsets up to these.</summary>
    public async Task WaitUntilReadAsync(ChildProcess engine, IReadOnlyDictionary<int, long> ends)
    {
        var waited = Stopwatch.StartNew();
        while (!Manifests.AreAt(await EpochsAsync(), ends))
        {
            if (!IsAlive(engine) || waited.Elapsed > Patience.Usual)
                throw new TimeoutException($"waited {waited.Elapsed.TotalSeconds:0} s for all rows to be read\n{State}");
            await Task.Delay(100);
        }
    }

    /// <summary>Waits for as many records as must come.</summary>
    public async Task HasAllAsync(ChildProcess engine)
    {
        await WaitAsync(engine, () => Expected.IsReachedBy(Reader), "all expected rows");
        Tell("all rows are there");
    }

    /// <summary>SIGTERM: the engine ends with 0, and leaves no transaction open.</summary>
    public async Task DrainAsync(ChildProcess engine)
    {
        engine.Terminate();
        var code = await engine.WaitForExitAsync();
        Tell($"stopped by SIGTERM, exit code {code}");
        Assert.True(code == 0, $"SIGTERM: exit code {code}\n{State}");
        var open = (await EndsAsync(Cluster)).Where(e => e.Key.Topic != FlightPipeline.Name && e.Value.Stable != e.Value.High).ToList();
        Assert.True(open.Count == 0, $"a transaction is open after a drain: {string.Join(", ", open)}\n{State}");
    }

    /// <summary>Sends what is left, waits for all that has to come of it, drains the engine and compares.</summary>
    public async Task CompleteAsync(ChildProcess engine)
    {
        await Loader.SendRestAsync();
        Loader.Finish();
        await HasAllAsync(engine);
        await DrainAsync(engine);
        await CheckAsync();
    }

    /// <summary>The ends of all topics that the pipeline reads and writes.</summary>
    public static Task<IReadOnlyDictionary<TopicPartition, (long Stable, long High)>> EndsAsync(Cluster cluster) =>
        cluster.EndsAsync(cluster.Partitions([.. Read, FlightPipeline.Name, FlightPipeline.Epochs, FlightPipeline.State]));

    /// <summary>Waits until nothing is written any more: whatever is written from then on is somebody else's.</summary>
    public async Task RestAsync()
    {
        var last = await EndsAsync(Cluster);
        for (var (tries, same) = (0, 0); same < 5; tries++)
        {
            if (tries > 300) throw new TimeoutException($"the engine does not come to rest\n{State}");
            await Task.Delay(200);
            var now = await EndsAsync(Cluster);
            same = now.All(n => last.TryGetValue(n.Key, out var before) && before == n.Value && n.Value.Stable == n.Value.High) ? same + 1 : 0;
            last = now;
        }
    }

    /// <summary>Fails where somebody has written since.</summary>
    public async Task IsUntouchedAsync(IReadOnlyDictionary<TopicPartition, (long Stable, long High)> before, string who)
    {
        var after = await EndsAsync(Cluster);
        var written = before.Where(b => after[b.Key] != b.Value).Select(b => $"{b.Key} {b.Value} to {after[b.Key]}").ToList();
        Assert.True(written.Count == 0, $"{who} wrote: {string.Join(", ", written)}\n{State}");
    }

    /// <summary>The epochs topic as a committed reader sees it now.</summary>
    public Task<IReadOnlyList<SeenRecord>> EpochsAsync() => CommittedReader.ReadAllAsync(Broker.Bootstrap, Cluster, FlightPipeline.Epochs);

    /// <summary>Compares all that was committed, as the reader beside the engine saw it and as one sees it that comes later, with what had to come.</summary>
    public async Task CheckAsync()
    {
        var ends = (await EndsAsync(Cluster)).Where(e => Read.Contains(e.Key.Topic)).ToDictionary();
        await Reader.PassAsync(ends);
        var later = (await CommittedReader.ReadAllAsync(Broker.Bootstrap, Cluster, Read)).ToLookup(r => r.Topic);
        var epochs = await EpochsAsync();
        List<string> wrong =
        [
            .. CommittedOutput.Compare(Expected, Reader.Of),
            .. CommittedOutput.Compare(Expected, t => [.. later[t]]).Select(w => $"read again: {w}"),
            .. Manifests.Check(epochs, Expected),
        ];
        var (manifests, claims) = (Manifests.Of(epochs).Count, Manifests.Of(epochs, "claim").Count);
        var other = ends.Values.Sum(e => e.High) - Read.Sum(t => later[t].Count());
        Tell($"{manifests} epochs of {claims} incarnations; {other} records of the outputs are control records or of aborted transactions");
        Assert.True(wrong.Count == 0, $"{string.Join('\n', wrong)}\n{State}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var engine in _engines) await engine.DisposeAsync();
        _live?.Dispose();
        Reader.Dispose();
        Loader.Dispose();
        Cluster.Dispose();
        _folder.Dispose();
    }
}
