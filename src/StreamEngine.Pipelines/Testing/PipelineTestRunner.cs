using Akka.Actor;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;

namespace StreamEngine.Pipelines.Testing;

/// <summary>The ways in which each test file is run: all have to give the same.</summary>
internal enum TestMode : byte
{
    /// <summary>As it stands.</summary>
    Whole,

    /// <summary>In batches of one row.</summary>
    OneRow,

    /// <summary>With a commit, a crash and a restore after each input line.</summary>
    Killed,
}

/// <summary>Runs a pipeline against the rows of a test file, on a memory log, and says where the result differs.</summary>
internal sealed class PipelineTestRunner
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly PipelineFile _pipeline;
    private readonly PipelineTestFile _test;
    private readonly MemoryLog _log = new();
    private readonly ManualTime _time = new();
    private readonly PipelineWorker _worker;
    private readonly SemaphoreSlim _running = new(0);
    private readonly string _epochs;
    private int _incarnations;

    private PipelineTestRunner(PipelineFile pipeline, PipelineTestFile test, TestMode mode, ActorSystem system)
    {
        // Epochs end when the test says so, and not in between.
        _pipeline = pipeline with { Definition = pipeline.Definition with { CommitInterval = TimeSpan.FromDays(1) } };
        _test = test;
        _epochs = $"{pipeline.Definition.QualifiedName}.epochs";
        _worker = new PipelineWorker(_pipeline.Definition, _pipeline.Plan, new MemoryConnectors(_log, mode == TestMode.OneRow ? 1 : Batch.DefaultRows, _time), system,
            _time, NullLogger.Instance)
        {
            FirstPause = TimeSpan.Zero,
            OnRunning = _ =>
            {
                Interlocked.Increment(ref _incarnations);
                _running.Release();
            },
        };
    }

    /// <summary>Differences as lines for people; none when the test passes.</summary>
    public static async Task<IReadOnlyList<string>> RunAsync(PipelineFile pipeline, PipelineTestFile test, TestMode mode, ActorSystem system)
    {
        var wrong = test.Steps.OfType<InputStep>().Where(s => pipeline.Definition.Sources.All(d => d.Name != s.Source))
            .Select(s => $"{test.Path}:{s.Line}: the pipeline has no source '{s.Source}', it has {string.Join(", ", pipeline.Definition.Sources.Select(d => d.Name))}")
            .Take(1)
            .Concat(test.Expectations.Where(e => e.Name is not ("dead-letters" or "late") && pipeline.Definition.Sinks.All(s => s.Name != e.Name))
                .Select(e => $"{test.Path}:{e.Line}: the pipeline has no sink '{e.Name}', it has {string.Join(", ", pipeline.Definition.Sinks.Select(s => s.Name))}"))
                .ToList();
        if (wrong.Count > 0) return wrong;
        var runner = new PipelineTestRunner(pipeline, test, mode, system);
        return await runner.RunAsync(mode);
    }

    private async Task<IReadOnlyList<string>> RunAsync(TestMode mode)
    {
        foreach (var source in _pipeline.Definition.Sources)
            _log.Create(source.Topic, Math.Max(source.CreatePartitions ?? 1,
                _test.Steps.OfType<InputStep>().Where(s => s.Source == source.Name).Select(s => s.Partition + 1).DefaultIfEmpty(1).Max()));
        using var drain = new CancellationTokenSource();
        var run = _worker.RunAsync(drain.Token);
        var watch = WatchAsync(run);
        await StartedAsync(watch);
        foreach (var step in _test.Steps)
        {
            await DoAsync(step, watch);
            if (mode != TestMode.Killed || step is not InputStep) continue;
            await SettleAsync(watch);
            await RestartAsync(watch);
        }
        if (!_log.IsFinished) await SettleAsync(watch);
        await drain.CancelAsync();
        await run.WaitAsync(Patience);
        return new PipelineTestResult(_pipeline.Definition, _test, _log).Differences();
    }

    private static async Task<Exception?> WatchAsync(Task run)
    {
        try
        {
            await run;
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private async Task StartedAsync(Task<Exception?> watch)
    {
        if (await Task.WhenAny(_running.WaitAsync(Patience), watch) == watch && await watch is { } cause)
            throw new StartupException($"{_test.Path}: the pipeline does not run: {cause.Message}", cause);
    }

    private async Task DoAsync(TestStep step, Task<Exception?> watch)
    {
        switch (step)
        {
            case InputStep input:
                var topic = _pipeline.Definition.Sources.First(s => s.Name == input.Source).Topic;
                _log.Append(topic, input.Partition, new MemoryRecord(input.Key, input.Value, [], input.Timestamp));
                break;
            case CheckpointStep:
                await SettleAsync(watch);
                break;
            case RestartStep:
                await SettleAsync(watch);
                await RestartAsync(watch);
                break;
            case IdleStep idle:
                await SettleAsync(watch);
                (_log.IdlePartitions ??= []).Add(idle.Partition);
                await AdvanceAsync(_pipeline.Definition.Sources.Max(s => s.EventTime.IdleTimeout == TimeSpan.MaxValue ? TimeSpan.Zero : s.EventTime.IdleTimeout), watch);
                break;
            case AdvanceStep advance:
                await SettleAsync(watch);
                await AdvanceAsync(advance.By, watch);
                break;
            case EndStep:
                _log.Finish();
                if (await Task.WhenAny(watch).WaitAsync(Patience) == watch && await watch is { } cause) throw cause;
                break;
        }
    }

    private async Task AdvanceAsync(TimeSpan by, Task<Exception?> watch)
    {
        _time.Advance(by);
        _worker.TimeMoved();
        // Two rounds: the question about the ends is answered in the first, the watermark that follows passes in the second.
        await EpochAsync(watch);
        await SettleAsync(watch);
    }

    private async Task RestartAsync(Task<Exception?> watch)
    {
        _worker.Crash();
        await StartedAsync(watch);
    }

    /// <summary>Everything that was written is read and committed, and the windows that it closes are out.</summary>
    private async Task SettleAsync(Task<Exception?> watch)
    {
        for (var round = 0; !IsCommitted(); round++)
        {
            if (round > 10_000) throw new InvalidOperationException($"{_test.Path}: the pipeline does not come to the end of its input");
            await EpochAsync(watch);
        }
        // The rows of the last epoch have told their event time before it was committed: this one carries the watermark.
        await EpochAsync(watch);
    }

    private bool IsCommitted()
    {
        var last = _log.ReadAll(_epochs).Select(r => ManifestJson.Read(r.Value).Manifest).LastOrDefault(m => m is not null);
        return last is not null && last.Sources.Values.All(s => s.Partitions.All(p => p.Value.Offset == _log.End(s.Topic, p.Key)));
    }

    private async Task EpochAsync(Task<Exception?> watch)
    {
        var (incarnation, before) = (_incarnations, _worker.Progress?.Ended ?? 0);
        _worker.Checkpoint();
        for (var waited = 0; (_worker.Progress?.Ended ?? 0) == before && incarnation == _incarnations; waited++)
        {
            if (watch.IsCompleted) throw await watch ?? new InvalidOperationException($"{_test.Path}: the pipeline ended before its test did");
            if (waited > Patience.TotalMilliseconds) throw new InvalidOperationException($"{_test.Path}: the pipeline is stuck in epoch {before + 1}");
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
        }
    }
}
