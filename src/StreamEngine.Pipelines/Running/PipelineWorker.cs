using Akka.Actor;
using Akka.Streams;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka.Native;
using StreamEngine.Operators.EventTime;
using StreamEngine.Operators.Sinks;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Redrive;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;
using StreamEngine.Quality.DeadLetters;
using StreamEngine.Streams;

namespace StreamEngine.Pipelines.Running;

/// <summary>What a worker is doing, for whoever shows it.</summary>
internal enum WorkerPhase : byte
{
    Starting,
    Running,
    Draining,
    Restarting,
    Stopped,
}

/// <summary>
/// One slot of a pipeline: opens its log and sources, reads state back, runs the graph until it is drained, and starts a new incarnation after a failure, since after an
/// unknown outcome nothing of the old one can be trusted. It ends for good when it is drained, finished or fenced, or when it cannot start.
/// </summary>
internal sealed class PipelineWorker
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private readonly PipelineDefinition _definition;
    private readonly PhysicalPlan _plan;
    private readonly IConnectors _connectors;
    private readonly ActorSystem _system;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly int _slot;
    private RunProgress? _progress;
    private EpochControl? _control;
    private ActorMaterializer? _materializer;
    private volatile WorkerPhase _phase = WorkerPhase.Starting;
    private long _rowsBefore;
    private EpochClaim? _claim;
    private volatile ISource[]? _sources;
    private int _restarts;

    public PipelineWorker(PipelineDefinition definition, PhysicalPlan plan, IConnectors connectors, ActorSystem system, TimeProvider time, ILogger logger, int slot = 0)
    {
        _definition = definition;
        _plan = plan;
        _connectors = connectors;
        _system = system;
        _time = time;
        _logger = logger;
        _slot = slot;
    }

    public string Name => _definition.Name;

    public WorkerPhase Phase => _phase;

    /// <summary>The present run's figures; null before the first one.</summary>
    public RunProgress? Progress => _progress;

    /// <summary>Rows read by all incarnations of this process.</summary>
    public long RowsIn => Interlocked.Read(ref _rowsBefore) + (_progress?.RowsIn ?? 0);

    /// <summary>Records that wait in its topics; null where nobody knows.</summary>
    public long? Behind => _sources is { } sources && sources.Any(s => s.Behind is not null) ? sources.Sum(s => s.Behind ?? 0) : null;

    /// <summary>Incarnations that were started after a failure.</summary>
    public int Restarts => _restarts;

    /// <summary>Called when an incarnation's graph runs, with its number.</summary>
    public Action<long>? OnRunning { get; init; }

    /// <summary>Called when an incarnation has claimed its slot, before it reads or writes anything; what it throws is why that one cannot go on.</summary>
    public Func<CancellationToken, Task> OnClaimed { get; init; } = _ => Task.CompletedTask;

    /// <summary>What is read, where the run is a replay.</summary>
    public ReplayBounds? Replay { get; init; }

    /// <summary>The pause before the first new incarnation after a failure; it doubles while none of them commits.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Changes of state after which a whole snapshot of it begins; null: as <see cref="CommitSettings.SnapshotBytes"/> says.</summary>
    public long? SnapshotBytes { get; init; }

    /// <summary>Ends the present epoch now.</summary>
    public void Checkpoint() => _control?.Ask(EpochRequest.Checkpoint);

    /// <summary>Tells the sources that the clock was moved.</summary>
    public void TimeMoved() => _control?.Tell(SourceCommand.TimeMoved);

    /// <summary>Ends the present incarnation as a crash would: nothing more is committed, a new one starts.</summary>
    public void Crash() => _materializer?.Shutdown();

    /// <summary>Runs until the drain is asked for and done, or the sources are finished.</summary>
    /// <exception cref="StartupException">It cannot start, or state cannot be read: a person has to act.</exception>
    /// <exception cref="FencedException">Another incarnation has taken over.</exception>
    public async Task<RunEnd?> RunAsync(CancellationToken drain)
    {
        var pause = FirstPause;
        try
        {
            while (true)
            {
                try
                {
                    return await RunOnceAsync(drain);
                }
                catch (OperationCanceledException) when (drain.IsCancellationRequested)
                {
                    return null;
                }
                catch (AggregateException e) when (e.InnerException is { } inner && IsFinal(inner))
                {
                    throw inner;
                }
                catch (Exception e) when (!IsFinal(e))
                {
                    _phase = WorkerPhase.Restarting;
                    _restarts++;
                    // It had committed something: the next pause is short again.
                    if (_progress?.LastManifest is not null) pause = FirstPause;
                    if (drain.IsCancellationRequested)
                        throw new StartupException($"pipeline {Name}: it was asked to end, and failed before its last epoch was committed: {e.Message}\n  nothing is lost: the next start reads again what came behind the last committed epoch", e);
                    // What is foreseen says it all in its message; of everything else the place is of use.
                    _logger.LogError(IsForeseen(e) ? null : e, "pipeline {Pipeline} slot {Slot}: the incarnation failed; a new one starts in {Pause} ms: {Why}", Name, _slot,
                        (int)pause.TotalMilliseconds, e.Message);
                    await PauseAsync(pause, drain);
                    pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks));
                }
            }
        }
        finally
        {
            _phase = WorkerPhase.Stopped;
        }
    }

    /// <summary>
    /// Whether a new incarnation would come to the same end. That no broker answers is one at the first start, where an address may be wrong; later it passes.
    /// </summary>
    private bool IsFinal(Exception e) => e is FencedException || (e is StartupException startup && !(startup.MayPass && _claim is not null));

    private static bool IsForeseen(Exception e) => e is KafkaClientException or StartupException or TimeoutException;

    private Task PauseAsync(TimeSpan pause, CancellationToken drain)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var timer = _system.Scheduler.Advanced.ScheduleOnceCancelable(pause, () => done.TrySetResult());
        // A drain ends the pause; what it means is for the next incarnation to say, which does not start, or drains at once.
        var registration = drain.Register(() => done.TrySetResult());
        return Finish();

        async Task Finish()
        {
            try
            {
                await done.Task;
            }
            finally
            {
                timer.Cancel();
                await registration.DisposeAsync();
            }
        }
    }

    private async Task<RunEnd?> RunOnceAsync(CancellationToken drain)
    {
        _phase = WorkerPhase.Starting;
        Interlocked.Add(ref _rowsBefore, _progress?.RowsIn ?? 0);
        _progress = null;
        using var scope = new MemoryScope($"{Name}-{_slot}");
        var end = await RunInScopeAsync(scope, drain);
        // After a normal end everything has come back; after a failure what is out is freed with the scope.
        if (scope.BlocksOut > 0) _logger.LogError("pipeline {Pipeline} slot {Slot}: {Blocks} memory blocks were not given back: a defect of the engine", Name, _slot,
            scope.BlocksOut);
        return end;
    }

    private async Task<RunEnd?> RunInScopeAsync(MemoryScope scope, CancellationToken drain)
    {
        await using var log = _connectors.CreateLog(_definition, _slot);
        var sources = _plan.Sources.ToDictionary(s => s.Name, s => _connectors.CreateSource(_definition, _definition.Sources.First(d => d.Name == s.Name), scope));
        RedriveRuns? redrive = null;
        try
        {
            var layouts = new Dictionary<string, SourceLayout>();
            // Sources first: a topic that is missing is said before anything is written.
            foreach (var (name, source) in sources) layouts[name] = await source.OpenAsync(drain);
            var opened = await OpenAsync(log, drain);
            await OnClaimed(drain);
            CheckPlan(opened.Last);
            CheckBounds(opened.Last);
            var state = await RestoredState.ReadAsync(log, opened.Last, drain);
            CheckState(state);
            var runs = sources.ToDictionary(s => s.Key, s => ToRun(s.Key, s.Value, layouts[s.Key], opened.Last));
            // Behind the log, which creates the topic where it does not exist.
            redrive = await RedriveRuns.OpenAsync(_connectors, _definition, _plan, Replay, opened.Last, scope, _logger, drain);
            runs = runs.ToDictionary(r => r.Key, r => r.Value with { Redrive = redrive.Runs.GetValueOrDefault(r.Key) });
            _sources = [.. sources.Values];
            return await RunGraphAsync(SpecOf(log, opened, state, runs, scope), drain);
        }
        finally
        {
            _sources = null;
            await Disposal.OfAllAsync([.. redrive is null ? Array.Empty<IAsyncDisposable>() : [redrive], .. sources.Values], _logger);
        }
    }

    private async Task<CommitLogState> OpenAsync(ICommitLog log, CancellationToken drain)
    {
        try
        {
            return await log.OpenAsync(_claim, drain);
        }
        finally
        {
            _claim = log.Claim ?? _claim;
        }
    }

    private async Task<RunEnd> RunGraphAsync(GraphSpec spec, CancellationToken drain)
    {
        var (graph, control, progress) = PipelineGraph.Build(spec);
        using var materializer = await StageStart.CreateAsync(_system, $"{Name}-{_slot}");
        var end = graph.Run(materializer);
        _progress = progress;
        _control = control;
        _materializer = materializer;
        _phase = WorkerPhase.Running;
        _logger.LogInformation("pipeline {Pipeline} slot {Slot}: incarnation {Incarnation} runs from epoch {Epoch}", Name, _slot, spec.Commit.Start.Incarnation,
            spec.Commit.Start.Last?.Epoch ?? 0);
        OnRunning?.Invoke(spec.Commit.Start.Incarnation);
        await using var registration = drain.Register(() =>
        {
            _phase = WorkerPhase.Draining;
            control.Ask(EpochRequest.Drain);
        });
        try
        {
            return await end;
        }
        finally
        {
            (_control, _materializer) = (null, null);
            // Stages free what they hold when they stop; only then may sources and the scope go.
            materializer.Shutdown();
            await StageEnd.WaitAsync(materializer, _system);
        }
    }

    private void CheckPlan(EpochManifest? last)
    {
        if (last is null || last.Pipeline == _plan.Hash) return;
        _logger.LogInformation("pipeline {Pipeline}: its plan has changed since epoch {Epoch} ({Before} to {Now})", Name, last.Epoch, last.Pipeline, _plan.Hash);
    }

    // The same command twice at once: each has found bounds for itself, and those of the one that committed first count.
    private void CheckBounds(EpochManifest? last)
    {
        if (Replay is null || last?.Replay is not { } begun || ManifestJson.AreSame(Replay, begun)) return;
        throw new StartupException($"'{Name}' was begun by another process meanwhile, which this one has stopped: where it reads to is what that one found\n  start it again: the same command goes on with it");
    }

    private void CheckState(RestoredState state)
    {
        var known = _plan.Inserts.SelectMany(i => i.Before.Concat(i.After)).Where(o => o.IsStateful).Select(o => o.Id).ToHashSet();
        var lost = state.Operators.Where(o => !known.Contains(o)).ToList();
        if (lost.Count > 0)
            throw new StartupException($"pipeline '{Name}' has state of {string.Join(", ", lost)}, which its file does not have any more: a changed window, key or aggregate is another operator, and its open windows would be lost\n  to go back:                   run the file that wrote it\n  to start the pipeline anew:   give it another name");
    }

    private SourceRun ToRun(string name, ISource source, SourceLayout layout, EpochManifest? last)
    {
        var position = last?.Sources.GetValueOrDefault(name);
        if (position is not null && position.TopicId != layout.TopicId)
            throw new StartupException($"topic '{layout.Topic}' was deleted and created again since epoch {last!.Epoch}: its id was {position.TopicId} and is {layout.TopicId}, so that the offsets of the pipeline mean nothing there\n  to start the pipeline anew:   give it another name");
        var replay = Replay?.Sources.GetValueOrDefault(name);
        // A partition that was added after a replay was bounded has nothing of its range.
        var partitions = Enumerable.Range(0, layout.Partitions).Where(p => replay is null || replay.Partitions.ContainsKey(p));
        var positions = partitions.ToDictionary(p => p, p => position?.Partitions.GetValueOrDefault(p)
            // A partition that was added later is read from its beginning, whatever the start policy was.
            ?? (replay?.Partitions.GetValueOrDefault(p) is { } bounds ? new PartitionPosition(bounds.Start, bounds.Newest, [])
            : new PartitionPosition(position is null ? layout.Starts[p] : layout.Begins[p], Watermark.None, [])));
        var definition = _definition.Sources.First(d => d.Name == name);
        var physical = _plan.Sources.First(s => s.Name == name);
        return new SourceRun(source, layout, positions, position?.Watermark ?? Watermark.None)
        {
            EventTime = physical.EventTime is null ? null
                : ToSettings(replay is null ? definition.EventTime
                : definition.EventTime with { IdleTimeout = TimeSpan.MaxValue, CloseByClockAfter = TimeSpan.MaxValue }),
            Moves = replay?.Partitions.ToDictionary(p => p.Key, p => p.Value.Moves) ?? [],
        };
    }

    private static EventTimeSettings ToSettings(EventTimeDefinition time) =>
        new(Micros(time.OutOfOrderness), time.IdleTimeout, Micros(time.MaxDrift)) { CloseByClockAfter = time.CloseByClockAfter };

    private static long Micros(TimeSpan span) => span == TimeSpan.MaxValue ? long.MaxValue / 4 : span.Ticks / 10;

    private GraphSpec SpecOf(ICommitLog log, CommitLogState opened, RestoredState state, IReadOnlyDictionary<string, SourceRun> runs, MemoryScope scope) => new()
    {
        Plan = _plan,
        Sources = runs,
        EventTimes = _plan.Sources.Where(s => s.EventTime is not null).ToDictionary(s => s.Name, s =>
        {
            var time = _definition.Sources.First(d => d.Name == s.Name).EventTime;
            return new EventTimeSpec(s.EventTime!.Value, time.Column ?? "_timestamp", Micros(time.OutOfOrderness), Micros(time.MaxAhead));
        }),
        CreateDecoder = source => FormatBinding.CreateDecoder(_definition.Sources.First(d => d.Name == source.Name).Format, source, scope),
        SinkOf = insert =>
        {
            var sink = _definition.Sinks.First(s => s.Name == insert.Sink);
            return new SinkSpec(sink.Topic, insert.Sink, FormatBinding.CreateEncoder(sink.Format, insert.Output, insert.Written), insert.KeyColumns.Length == 0 ? null
                : FormatBinding.CreateKeyEncoder(insert.Output, insert.KeyColumns), _definition.MaxMessageBytes);
        },
        CreateSideOutputs = () => new SideOutputWriter(new SideOutputSpec(_definition.DeadLetterTopic, _definition.LateTopic, _definition.MaxMessageBytes), scope,
            schema => FormatBinding.CreateEncoder(new JsonFormatDefinition(), schema, schema.Count)),
        DeadLetterTopic = _definition.DeadLetterTopic,
        Log = log,
        Commit = CommitOf(opened, state),
        State = state,
        Scope = scope,
        Time = _time,
        Lanes = _definition.Parallelism == 0 ? Environment.ProcessorCount : _definition.Parallelism,
        StateLimit = _definition.StateLimit,
        MaxMessageBytes = _definition.MaxMessageBytes,
    };

    private CommitSettings CommitOf(CommitLogState opened, RestoredState state)
    {
        var settings = new CommitSettings(_plan.Hash, _slot, [.. _plan.Inserts.Select(i => (i.Sink, i.Source)), .. _plan.Vias.Select(v => (v.Name, v.Input))],
            _plan.Sources.Count, _definition.CommitInterval, opened) { Replay = Replay, Restored = state.Bytes };
        return SnapshotBytes is { } bytes ? settings with { SnapshotBytes = bytes } : settings;
    }
}
