using Akka.Streams;
using Akka.Streams.Stage;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>What the commit stage needs to know of the pipeline.</summary>
/// <param name="PlanHash">Written into each manifest.</param>
/// <param name="Slot">The worker slot.</param>
/// <param name="Inserts">Each INSERT, and each user's own stage, with the stream that it reads, for the conservation lines.</param>
/// <param name="Sources">How many sources there are.</param>
/// <param name="Interval">Time between two barriers.</param>
/// <param name="Start">What was found when the log was opened.</param>
internal sealed record CommitSettings(string PlanHash, int Slot, IReadOnlyList<(string Insert, string Source)> Inserts, int Sources, TimeSpan Interval,
    CommitLogState Start)
{
    /// <summary>Offsets that moved over control records alone are committed after this long, so that Kafka's own tools show no lag.</summary>
    public TimeSpan OffsetsOnlyInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A whole snapshot of the state begins when the deltas since the last one are at least this many bytes, and as many as the last one had.</summary>
    public long SnapshotBytes { get; init; } = 64 << 10;

    /// <summary>The state that was read back.</summary>
    public StateBytes Restored { get; init; }

    /// <summary>What a replay reads, which each of its manifests repeats; null for a live pipeline.</summary>
    public ReplayBounds? Replay { get; init; }
}

/// <summary>
/// The end of the graph: puts side batches and outputs into the open transaction, and at an aligned barrier commits it with the manifest. It numbers the epochs: barrier
/// n + 1 is sent only after n is committed. It never blocks; while a commit is under way it does not pull.
/// </summary>
internal sealed class CommitStage(CommitSettings settings, ICommitLog log, EpochControl control, RunProgress progress, TimeProvider time)
    : GraphStageWithMaterializedValue<SinkShape<StreamElement>, Task<RunEnd>>
{
    private readonly Inlet<StreamElement> _in = new("commit.in");

    public override SinkShape<StreamElement> Shape => new(_in);

    protected override Attributes InitialAttributes { get; } = Attributes.CreateName("commit");

    public override ILogicAndMaterializedValue<Task<RunEnd>> CreateLogicAndMaterializedValue(Attributes inheritedAttributes)
    {
        var end = new TaskCompletionSource<RunEnd>(TaskCreationOptions.RunContinuationsAsynchronously);
        return new LogicAndMaterializedValue<Task<RunEnd>>(new Logic(this, settings, log, control, progress, time, end), end.Task);
    }

    private sealed class Logic : TimerGraphStageLogic, ICommitLogListener
    {
        private readonly CommitSettings _settings;
        private readonly Inlet<StreamElement> _in;
        private readonly ICommitLog _log;
        private readonly EpochControl _control;
        private readonly RunProgress _progress;
        private readonly TimeProvider _time;
        private readonly TaskCompletionSource<RunEnd> _end;
        private readonly SnapshotRotation _rotation;
        private readonly Action _onWritable;
        private readonly Action<long> _onCommitted;
        private readonly Action<Exception> _onFailed;

        private Batch? _held;
        private EpochManifest? _last;
        private EpochManifest? _committing;
        private Barrier? _inFlight;
        private long _epoch;
        private bool _wrote;
        private bool _sourcesStarted;
        private bool _drain;
        private bool _lastSent;
        private bool _lastIsEnd;
        private int _finishedSources;
        private readonly int _sources;
        private long _committedAt;
        private bool _timeIsUp;

        public Logic(CommitStage stage, CommitSettings settings, ICommitLog log, EpochControl control, RunProgress progress, TimeProvider time,
            TaskCompletionSource<RunEnd> end)
            : base(stage.Shape)
        {
            _settings = settings;
            _in = stage._in;
            _log = log;
            _control = control;
            _progress = progress;
            _time = time;
            _end = end;
            _last = settings.Start.Last;
            _epoch = _last?.Epoch ?? 0;
            _rotation = new SnapshotRotation(_last?.State, settings.Restored, settings.SnapshotBytes);
            _sources = settings.Sources;
            _onWritable = GetAsyncCallback(() => Guarded(Writable));
            _onCommitted = GetAsyncCallback<long>(epoch => Guarded(() => Committed(epoch)));
            _onFailed = GetAsyncCallback<Exception>(Failed);
            SetHandler(_in, onPush: () => Guarded(OnPush), onUpstreamFinish: OnFinish, onUpstreamFailure: Failed);
        }

        public override void PreStart()
        {
            SetKeepGoing(true);
            _log.Listen(this);
            _control.SetCommitter(GetAsyncCallback<EpochRequest>(request => Guarded(() => Requested(request))));
            Pull(_in);
        }

        public override void PostStop()
        {
            _held?.Dispose();
            _end.TrySetException(new InvalidOperationException("the graph was stopped before it came to its end"));
        }

        private void OnPush()
        {
            switch (Grab(_in))
            {
                case Batch batch:
                    Append(batch);
                    break;
                case Barrier barrier:
                    Commit(barrier);
                    break;
                case End:
                    Complete();
                    break;
                case Watermark watermark:
                    _progress.SetWatermark(watermark.Time);
                    Pull(_in);
                    break;
                default:
                    Pull(_in);
                    break;
            }
        }

        private void Append(Batch batch)
        {
            if (batch.Role is BatchRole.Main or BatchRole.Raw)
            {
                batch.Dispose();
                throw new InvalidOperationException("rows reached the commit without having been encoded by a sink");
            }
            var (role, count) = (batch.Role, batch.Count);
            var state = role == BatchRole.Changelog ? batch.Records!.ValueBytes : 0;
            if (!_log.TryAppend(batch))
            {
                _held = batch;
                return;
            }
            _wrote = true;
            _rotation.Wrote(state);
            _progress.AddOut(role, count);
            Pull(_in);
        }

        private void Writable()
        {
            if (_held is not { } batch) return;
            _held = null;
            Append(batch);
        }

        private void Commit(Barrier barrier)
        {
            var manifest = ManifestOf(barrier);
            var moved = _last is null || !SameOffsets(manifest.Sources, _last.Sources);
            var counted = manifest.Inserts.Values.Any(l => l.In > 0 || l.Done > 0 || l.Late > 0 || l.Filtered > 0 || l.DeadLettered > 0);
            var changed = _last is null || _wrote || counted || manifest.Finished != _last.Finished || MovedWatermark(manifest);
            // Only control records were passed: that alone is written now and then, and at the end.
            if (!changed && moved) changed = _lastSent || _time.GetElapsedTime(_committedAt) >= _settings.OffsetsOnlyInterval;
            if (!changed)
            {
                Next(barrier.Epoch);
                return;
            }
            _committing = manifest;
            _log.Commit(manifest);
        }

        private bool MovedWatermark(EpochManifest manifest) => manifest.Sources.Any(s => s.Value.Partitions.Any(p => p.Value.Moves.Count > 0));

        private EpochManifest ManifestOf(Barrier barrier)
        {
            var report = barrier.Report;
            var sources = report.Sources();
            var lines = new Dictionary<string, ConservationLine>();
            foreach (var (insert, source) in _settings.Inserts)
            {
                var (before, own) = (report.SourceCounts(source), report.InsertCounts(insert));
                var line = new ConservationLine(before.In + own.In, _last?.Inserts.GetValueOrDefault(insert)?.HeldAfter ?? 0, before.Done + own.Done,
                    before.Filtered + own.Filtered,
                    before.Late + own.Late, before.DeadLettered + own.DeadLettered, before.Held + own.Held);
                // A new incarnation would count the same again: a person has to act.
                if (!line.Holds) throw new StartupException($"rows are not conserved in epoch {barrier.Epoch} of INSERT INTO {insert}: {line}\n  this is a defect of the engine; nothing of the epoch is committed, and the state is as the epoch before left it");
                lines[insert] = line;
            }
            return new EpochManifest
            {
                Pipeline = _settings.PlanHash, Slot = _settings.Slot, Incarnation = _settings.Start.Incarnation, Epoch = barrier.Epoch, At = _time.GetUtcNow(),
                    Sources = sources, Inserts = lines,
                State = _rotation.AtBarrier(report, _log.StateEnd), Finished = IsEnd(sources), Replay = _settings.Replay,
            };
        }

        /// <summary>Every source was read to its end: by this run, or by the one before, behind which a drain read nothing more.</summary>
        private bool IsEnd(IReadOnlyDictionary<string, SourcePosition> sources) => _lastIsEnd || (_last is { Finished: true } && SameOffsets(sources, _last.Sources));

        private static bool SameOffsets(IReadOnlyDictionary<string, SourcePosition> a, IReadOnlyDictionary<string, SourcePosition> b) => a.Count == b.Count
            && a.All(s => b.TryGetValue(s.Key, out var other)
            && s.Value.Redrive == other.Redrive && s.Value.Partitions.Count == other.Partitions.Count
                && s.Value.Partitions.All(p => other.Partitions.TryGetValue(p.Key, out var position) && position.Offset == p.Value.Offset));

        private void Committed(long epoch)
        {
            if (_committing is not { } manifest || manifest.Epoch != epoch)
            {
                Failed(new InvalidOperationException($"the log answered for epoch {epoch}, which is not being committed"));
                return;
            }
            _last = manifest;
            _committing = null;
            _wrote = false;
            _rotation.Committed();
            _committedAt = _time.GetTimestamp();
            _progress.Committed(manifest);
            Next(epoch);
        }

        private void Next(long epoch)
        {
            if (_inFlight?.Epoch != epoch) throw new InvalidOperationException($"epoch {epoch} ended, but {_inFlight?.Epoch} is under way");
            _inFlight = null;
            _progress.EpochEnded(epoch);
            Pull(_in);
            if (_timeIsUp || LastIsDue) Begin();
        }

        private bool AreSourcesFinished => _sources > 0 && _finishedSources == _sources;

        private bool LastIsDue => !_lastSent && (_drain || AreSourcesFinished);

        private void Begin()
        {
            if (!_sourcesStarted || _inFlight is not null || _lastSent) return;
            _timeIsUp = false;
            _lastSent = LastIsDue;
            // A drain that comes behind the sources' ends takes nothing from them.
            _lastIsEnd = _lastSent && AreSourcesFinished;
            var (from, to) = _rotation.NextRange();
            _inFlight = new Barrier(++_epoch, new EpochReport(from, to));
            _control.Tell(new SourceCommand(_inFlight, _lastSent));
        }

        private void Requested(EpochRequest request)
        {
            switch (request)
            {
                case EpochRequest.SourcesStarted:
                    _sourcesStarted = true;
                    _committedAt = _time.GetTimestamp();
                    ScheduleRepeatedly("epoch", _settings.Interval);
                    // The first epoch is committed at once, so that "start from latest" is decided once and for all.
                    if (_last is null || LastIsDue || _timeIsUp) Begin();
                    break;
                case EpochRequest.SourceFinished:
                    _finishedSources++;
                    if (LastIsDue) Begin();
                    break;
                case EpochRequest.Drain:
                    _drain = true;
                    Begin();
                    break;
                default:
                    _timeIsUp = true;
                    Begin();
                    break;
            }
        }

        protected override void OnTimer(object timerKey)
        {
            _timeIsUp = true;
            Begin();
        }

        private void OnFinish() => Failed(new InvalidOperationException("the graph completed without an End: elements may be lost"));

        private void Complete()
        {
            _end.TrySetResult(new RunEnd(_last, _last is { Finished: true }));
            CompleteStage();
        }

        /// <summary>
        /// An exception that leaves a handler stops the stage, and one that leaves a callback does so without a word: the run has to end with it, not with having been
        /// stopped.
        /// </summary>
        private void Guarded(Action action)
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                Failed(e);
            }
        }

        private void Failed(Exception cause)
        {
            _end.TrySetException(cause);
            FailStage(cause);
        }

        void ICommitLogListener.OnWritable() => _onWritable();

        void ICommitLogListener.OnCommitted(long epoch) => _onCommitted(epoch);

        void ICommitLogListener.OnFailed(Exception cause) => _onFailed(cause);
    }
}

/// <summary>How a graph came to a regular end.</summary>
/// <param name="Last">The last committed manifest.</param>
/// <param name="Finished">True when every source was bounded and is finished; false after a drain before that.</param>
internal sealed record RunEnd(EpochManifest? Last, bool Finished);
