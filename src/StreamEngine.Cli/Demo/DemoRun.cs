using System.Globalization;
using StreamEngine.Broker;
using StreamEngine.Cli.Processes;
using StreamEngine.Cli.Terminal;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Pipelines.Files;

namespace StreamEngine.Cli.Demo;

/// <summary>
/// The demo, step by step: a broker in this process, a worker in a process of its own, flights at a rate; the worker is killed inside an open transaction and started
/// again; what was committed is then held against what the input says. Everything it starts ends with it.
/// </summary>
internal sealed class DemoRun : IAsyncDisposable
{
    public const int Partitions = 4;
    public const string ReplayedFrom = "2001-01-08";
    public const string ReplayedTo = "2001-01-15";
    private const double Rate = 4000;

    /// <summary>Flights that open a transaction by themselves: some of them are spoilt, and lead to dead letters.</summary>
    private const int Portion = 5 * DirtyFlights.Every;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(10);

    private readonly DemoScreen _screen;
    private readonly DirectoryInfo _folder;
    private readonly BrokerHost _broker;
    private readonly KafkaTopics _topics;
    private readonly IReadOnlyList<FedRecord> _records;
    private readonly List<EngineProcess> _workers = [];
    private readonly string _file;
    private long _rateAt;
    private double _rateSince;
    private double _rate;

    private DemoRun(DemoScreen screen, DirectoryInfo folder, BrokerHost broker, PipelineFile pipeline, string file, IReadOnlyList<FedRecord> records)
    {
        (_screen, _folder, _broker, _file, _records) = (screen, folder, broker, file, records);
        Definition = pipeline.Definition;
        Connection = new KafkaConnection(broker.Bootstrap);
        _topics = new KafkaTopics(Connection, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        Manifests = new ManifestWatch(new TopicReader(Connection), $"{Definition.QualifiedName}.epochs");
    }

    public Plan.Definitions.PipelineDefinition Definition { get; }

    public KafkaConnection Connection { get; }

    public ManifestWatch Manifests { get; }

    public BrokerHost Broker => _broker;

    public static async Task<DemoRun> StartAsync(DemoScreen screen, int port, CancellationToken cancellation)
    {
        var file = Project.File("hocon/pipelines/flights.conf");
        var records = DirtyFlights.Read(Project.File("data/flights.ndjson"));
        var pipeline = PipelineFile.Load(file);
        var folder = Directory.CreateTempSubdirectory("streamengine-demo-");
        try
        {
            var broker = await BrokerHost.StartAsync(new BrokerOptions { Port = port, DataDirectory = Path.Combine(folder.FullName, "broker") },
                Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, TimeProvider.System, cancellation);
            screen.Say($"embedded broker on {broker.Bootstrap}; its data is in a temporary folder");
            return new DemoRun(screen, folder, broker, pipeline, file, records);
        }
        catch
        {
            folder.Delete(recursive: true);
            throw;
        }
    }

    /// <summary>Feeds, kills, recovers and waits for the end; gives what the input should have led to.</summary>
    public async Task<ExpectedRows> PlayAsync(CancellationToken cancellation)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await _topics.CreateAsync(Definition.Sources[0].Topic, Partitions, null, cancellation);
        var worker = StartWorker();
        // A quarter is kept for a worker that is hard to catch inside a transaction: with everything committed none would be open any more.
        var feed = new FlightFeed(_broker.Bootstrap, Definition.Sources[0].Topic, Partitions, Rate) { Limit = _records.Count - _records.Count / 4 };
        var (feeding, watching) = (Task.CompletedTask, Task.CompletedTask);
        try
        {
            var expected = ExpectedRows.Of(_records, Partitions);
            await ReadyAsync(worker, cancellation);
            _screen.Say($"worker {worker.Id} runs {Path.GetFileName(_file)}");
            feeding = feed.RunAsync(_records, ending.Token);
            watching = Manifests.RunAsync(ending.Token);
            _screen.Say($"feeds {_records.Count:N0} flights at {Rate:N0} a second, one in {DirtyFlights.Every} spoilt in one of ten ways");
            await FollowAsync(feed, worker, watching, feeding, () => Manifests.Count >= 2 && feed.Delivered >= _records.Count / 2, cancellation);
            worker = await KillAndRestartAsync(feed, worker, cancellation);
            await FollowAsync(feed, worker, watching, feeding, () => IsDone(expected), cancellation);
            await feeding;
            return expected;
        }
        finally
        {
            await ending.CancelAsync();
            await Quietly(feeding);
            await Quietly(watching);
        }
    }

    /// <summary>Replays a week of what was just processed, as the command would, and answers what it said, the comparison with the live rows last.</summary>
    /// <exception cref="IOException">It failed, or its rows are not the live ones.</exception>
    public async Task<IReadOnlyList<string>> ReplayAsync(CancellationToken cancellation)
    {
        var replay = EngineProcess.Start(_folder.FullName, "replay", "start", _file, "--bootstrap", _broker.Bootstrap, "--from", ReplayedFrom, "--to", ReplayedTo,
            "--diff");
        _workers.Add(replay);
        await replay.WaitForEndAsync(cancellation);
        return [.. replay.Lines.Split('\n').Where(l => l.StartsWith("replay ", StringComparison.Ordinal)
            || Definition.Sinks.Any(s => l.StartsWith(s.Name + ": ", StringComparison.Ordinal)))];
    }

    private static async Task Quietly(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or StartupException)
        {
            // What failed was told by whoever waited for it before.
        }
    }

    private EngineProcess StartWorker()
    {
        var ready = ReadyFile(_workers.Count);
        var worker = EngineProcess.Start(_folder.FullName, "run", _file, "--bootstrap", _broker.Bootstrap, "--ready-file", ready);
        _workers.Add(worker);
        return worker;
    }

    private string ReadyFile(int worker) => Path.Combine(_folder.FullName, $"ready-{worker}");

    private async Task ReadyAsync(EngineProcess worker, CancellationToken cancellation) =>
        await worker.WaitForFileAsync(ReadyFile(_workers.IndexOf(worker)), cancellation);

    // All windows end with an hour: a watermark that goes on behind the last full one changes nothing, and an epoch in which nothing else happened is not written.
    private bool IsDone(ExpectedRows expected) => Manifests.Last is { } last && Manifests.Read == _records.Count
        && last.Sources.Values.First().Watermark >= new DateTimeOffset(ExpectedRows.HourOf(expected.Watermark), TimeSpan.Zero).ToUnixTimeMilliseconds() * 1000;

    private async Task FollowAsync(FlightFeed feed, EngineProcess worker, Task watching, Task feeding, Func<bool> done, CancellationToken cancellation)
    {
        while (!done())
        {
            if (worker.HasExited) throw new IOException($"worker {worker.Id} ended unexpectedly\n{worker.Lines}");
            if (watching.IsFaulted) await watching;
            if (feeding.IsFaulted) await feeding;
            Show(feed);
            await Task.Delay(Poll, TimeProvider.System, cancellation);
        }
    }

    private void Show(FlightFeed feed)
    {
        var (read, seconds) = (Manifests.Read, _screen.Seconds);
        if (seconds - _rateSince >= 1) (_rate, _rateAt, _rateSince) = ((read - _rateAt) / (seconds - _rateSince), read, seconds);
        var watermark = Manifests.Last?.Sources.Values.First().Watermark ?? Watermark.None;
        _screen.Status(string.Create(CultureInfo.InvariantCulture,
            $"committed epoch {Manifests.Last?.Epoch ?? 0,3}  {_rate,7:N0} rows/s  lag {Math.Max(0, feed.Delivered - read),6:N0}  watermark {Watermark.TextOf(watermark)}"));
    }

    private async Task<EngineProcess> KillAndRestartAsync(FlightFeed feed, EngineProcess worker, CancellationToken cancellation)
    {
        for (var attempt = 0; ; attempt++)
        {
            // Open, and with result rows in it that no reader may see yet.
            while (await FindOpenAsync(cancellation) is null || (await UncommittedAsync(cancellation)).Count == 0)
            {
                if (worker.HasExited) throw new IOException($"worker {worker.Id} ended unexpectedly\n{worker.Lines}");
                if (Manifests.Read == _records.Count) throw new IOException("the worker could not be killed inside of a transaction: it has committed all there is");
                // All that it was given it has committed: it was caught too late, or not at all.
                if (Manifests.Read >= feed.Limit) feed.Limit += Portion;
                await Task.Delay(Poll, TimeProvider.System, cancellation);
            }
            worker.Kill();
            var open = await FindOpenAsync(cancellation);
            var uncommitted = await UncommittedAsync(cancellation);
            if (open is not null && uncommitted.Count > 0)
            {
                feed.Limit = long.MaxValue;
                Tell(worker, open, uncommitted);
            }
            // Between the look and the kill it had committed: the next one then.
            else if (attempt == 10) throw new IOException("the worker could not be killed inside of a transaction in ten attempts");
            worker = StartWorker();
            await ReadyAsync(worker, cancellation);
            if (open is null || uncommitted.Count == 0) continue;
            _screen.Say($"worker {worker.Id} took over: it fenced the dead one, so that the broker aborted its transaction, and goes on from epoch {Manifests.Last!.Epoch}");
            return worker;
        }
    }

    private void Tell(EngineProcess worker, OpenTransaction open, Dictionary<string, (long Stable, long High)> uncommitted)
    {
        _screen.Say($"killed worker {worker.Id} (SIGKILL) inside the open transaction '{open.TransactionalId}', producer id {open.ProducerId} epoch {open.Epoch}, begun at {open.Started:HH:mm:ss.fff} UTC");
        foreach (var (partition, (stable, high)) in uncommitted)
            _screen.Print($"         {partition}: last stable offset {stable} < high watermark {high}, {high - stable} records written and not committed");
    }

    private Task<OpenTransaction?> FindOpenAsync(CancellationToken cancellation) =>
        OpenTransactions.FindAsync("127.0.0.1", _broker.Port, $"{Definition.QualifiedName}-0", cancellation);

    private async Task<Dictionary<string, (long Stable, long High)>> UncommittedAsync(CancellationToken cancellation)
    {
        var found = new Dictionary<string, (long, long)>();
        foreach (var (topic, partitions) in new[] { (Definition.Sinks[0].Topic, Partitions), (Definition.DeadLetterTopic, 1) })
        {
            for (var p = 0; p < partitions; p++)
            {
                var (stable, high) = await _topics.EndsAsync(topic, p, cancellation);
                if (stable < high) found[$"{topic}-{p}"] = (stable, high);
            }
        }
        return found;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _workers) worker.Dispose();
        _topics.Dispose();
        await _broker.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
