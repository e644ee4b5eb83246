using System.Text;
using Akka.Actor;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Pipelines.Testing;
using StreamEngine.Streams;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>A pipeline by its real worker on a log in memory, whose redrive topic the test writes.</summary>
internal sealed class RedriveLab : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly CancellationTokenSource _drain = new();
    private readonly ActorSystem _system;
    private readonly PipelineFile _file;
    private readonly MemoryLog _log;
    private readonly PipelineWorker _worker;
    private Task _run = Task.CompletedTask;
    private long _letters;

    /// <param name="file">The pipeline.</param>
    /// <param name="batchRows">The most rows of a batch.</param>
    /// <param name="before">Whose log is gone on with.</param>
    public RedriveLab(PipelineFile file, int batchRows = Batch.DefaultRows, RedriveLab? before = null)
    {
        _log = before?._log ?? new MemoryLog();
        _file = file with { Definition = file.Definition with { CommitInterval = TimeSpan.FromDays(1) } };
        _system = EngineSystem.Start(PipelineFile.Defaults(), NullLoggerFactory.Instance);
        foreach (var source in file.Definition.Sources)
            if (!_log.Exists(source.Topic)) _log.Create(source.Topic, 2);
        _log.Create(file.Definition.RedriveTopic, 1);
        var time = new ManualTime();
        var connectors = new MemoryConnectors(_log, batchRows, time);
        _worker = new PipelineWorker(_file.Definition, _file.Plan, connectors, _system, time, NullLogger.Instance) { FirstPause = TimeSpan.Zero };
    }

    /// <summary>Runs on the test's own behalf, for what it comes to.</summary>
    public Task RunAsync() => _run = _worker.RunAsync(_drain.Token).WaitAsync(Patience);

    public void Start() => _run = _worker.RunAsync(_drain.Token);

    public void Feed(string topic, int partition, string value) => _log.Append(topic, partition, new MemoryRecord(null, Encoding.UTF8.GetBytes(value), [], 1_000));

    /// <summary>Appends a redriven row; its original place has the number as its offset.</summary>
    public void Redrive(string source, string? insert, int partition, string value, long timestamp = 1_000)
    {
        var number = _letters++;
        var topic = _file.Definition.Sources.FirstOrDefault(s => s.Name == source)?.Topic ?? "gone";
        var headers = RedriveHeaders.Write([KeyValuePair.Create("trace", (byte[]?)[(byte)('0' + number)])],
            new RedriveMark(source, insert, topic, partition, 100 + number, timestamp, new LetterIdentity("p.dlq", "id", 0, number)));
        RedriveRaw(value, headers);
    }

    public void RedriveRaw(string value, byte[] headers) =>
        _log.Append(_file.Definition.RedriveTopic, 0, new MemoryRecord([7], Encoding.UTF8.GetBytes(value), headers, 9));

    /// <summary>Everything is read and committed, and watermarks that follow have closed their windows.</summary>
    public async Task SettleAsync()
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!IsCommitted())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Patience, $"epoch {Progress?.Ended} has ended, and not everything is committed: {Behind()}");
            await EpochAsync();
        }
        await EpochAsync();
    }

    private string Behind() => Last is not { } last ? "no manifest" : string.Join(", ", last.Sources.Select(s => $"{s.Key} "
        + $"{string.Join(' ', s.Value.Partitions.Select(p => $"{p.Key}:{p.Value.Offset}/{_log.End(s.Value.Topic, p.Key)}"))} "
        + $"redriven {s.Value.Redrive?.Offset}/{_log.End(_file.Definition.RedriveTopic, 0)}"));

    private bool IsCommitted() => Last is { } last && last.Sources.Values.All(s => s.Partitions.All(p => p.Value.Offset == _log.End(s.Topic, p.Key))
        && (s.Redrive?.Offset ?? 0) == _log.End(_file.Definition.RedriveTopic, 0));

    private async Task EpochAsync()
    {
        var (progress, before) = (_worker.Progress, _worker.Progress?.Ended);
        for (var waited = 0; _worker.Progress == progress && progress?.Ended == before; waited++)
        {
            // Asked again and again: between two incarnations nobody hears it.
            if (waited % 10 == 0) _worker.Checkpoint();
            if (_run.IsCompleted) await _run;
            Assert.True(waited < Patience.TotalMilliseconds && !_run.IsCompleted, $"the pipeline is stuck behind epoch {before}");
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
        }
    }

    /// <summary>A crash, and a new incarnation.</summary>
    public void Crash() => _worker.Crash();

    /// <summary>What the present incarnation tells of itself.</summary>
    public RunProgress? Progress => _worker.Progress;

    /// <summary>No more rows will come: it closes every window and ends.</summary>
    public async Task FinishAsync()
    {
        _log.Finish();
        await _run.WaitAsync(Patience);
    }

    public EpochManifest? Last => Manifests.LastOrDefault();

    public IReadOnlyList<EpochManifest> Manifests =>
        [.. _log.ReadAll($"{_file.Definition.QualifiedName}.epochs").Select(r => ManifestJson.Read(r.Value).Manifest).OfType<EpochManifest>()];

    public IReadOnlyList<string> Rows(string topic) => [.. _log.ReadAll(topic).Select(r => Encoding.UTF8.GetString(r.Value!)).Order(StringComparer.Ordinal)];

    /// <summary>Dead letters or late rows: where from, stage, reason, INSERT, and the headers of the original.</summary>
    public IReadOnlyList<string> Sides(string topic) => [.. _log.ReadAll(topic).Select(SideOf).Order(StringComparer.Ordinal)];

    private static string SideOf(MemoryRecord record)
    {
        var headers = new Dictionary<string, string>();
        foreach (var header in RecordHeaders.Read(record.Headers)) headers[Encoding.UTF8.GetString(header.Name)] = Encoding.UTF8.GetString(header.Value);
        Assert.DoesNotContain(headers, h => h.Key.StartsWith("streamengine.redrive", StringComparison.Ordinal));
        var trace = headers.GetValueOrDefault("trace") is { } t ? $" trace {t}" : "";
        return $"{headers["__streams.errors.topic"]}-{headers["__streams.errors.partition"]}@{headers["__streams.errors.offset"]} {headers["streamengine.stage"]} {headers["streamengine.insert"]} {headers["streamengine.reason"]}{trace}";
    }

    /// <summary>The sums over all manifests.</summary>
    public ConservationLine Sums(string insert)
    {
        var lines = Manifests.Select(m => m.Inserts[insert]).ToList();
        return new ConservationLine(lines.Sum(l => l.In), 0, lines.Sum(l => l.Done), lines.Sum(l => l.Filtered), lines.Sum(l => l.Late), lines.Sum(l => l.DeadLettered),
            lines[^1].HeldAfter);
    }

    public async ValueTask DisposeAsync()
    {
        await _drain.CancelAsync();
        await Task.WhenAny(_run, Task.Delay(Patience, TimeProvider.System));
        await _system.Terminate();
        _drain.Dispose();
    }
}
