using System.Collections.Immutable;
using Akka.Streams;
using Akka.Streams.Stage;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>How a source is read in one run of a graph.</summary>
/// <param name="Source">Opened, not started.</param>
/// <param name="Layout">What it found.</param>
/// <param name="Positions">Where each partition that the slot owns starts.</param>
/// <param name="Watermark">The last watermark issued before, microseconds.</param>
internal sealed record SourceRun(ISource Source, SourceLayout Layout, IReadOnlyDictionary<int, PartitionPosition> Positions, long Watermark)
{
    /// <summary>How event time is taken from it; null when nothing reads it.</summary>
    public EventTimeSettings? EventTime { get; init; }

    /// <summary>
    /// Of a replay: where the live run lifted a partition's watermark, growing, and to what. A batch of the source begins at each of these offsets; those before its
    /// position count from its first row on.
    /// </summary>
    public IReadOnlyDictionary<int, IReadOnlyList<WatermarkMove>> Moves { get; init; } = new Dictionary<int, IReadOnlyList<WatermarkMove>>();

    /// <summary>The redrive topic; null where there is none.</summary>
    public RedriveRun? Redrive { get; init; }
}

/// <summary>How a source's event time becomes watermarks.</summary>
/// <param name="OutOfOrderness">Microseconds that a row may be older than the newest before it.</param>
/// <param name="IdleTimeout">After which a partition at its end does not hold the watermark back.</param>
/// <param name="MaxDrift">Microseconds of event time that a partition is read ahead of the slowest.</param>
internal sealed record EventTimeSettings(long OutOfOrderness, TimeSpan IdleTimeout, long MaxDrift)
{
    /// <summary>
    /// A source that is idle as a whole for so long goes on by the clock, so that its last windows close; <see cref="TimeSpan.MaxValue"/>: they wait for the next row.
    /// </summary>
    public TimeSpan CloseByClockAfter { get; init; } = TimeSpan.MaxValue;
}

/// <summary>
/// Reads the partitions of a source into lanes: a partition belongs to one lane. It alone issues the watermark that all partitions share, in band on every lane, so that
/// the order of rows and watermarks is the same whatever the threads do; and it stops taking from a partition that is too far ahead of the slowest, rather than not
/// pulling an inlet of a fan-in, which deadlocks.
/// </summary>
internal sealed class SourceStage : GraphStage<SourceLanesShape>
{
    private readonly SourceRun _run;
    private readonly EventTimeFeedback _feedback;
    private readonly EpochControl _control;
    private readonly RunProgress _progress;
    private readonly TimeProvider _time;

    public SourceStage(SourceRun run, int lanes, EventTimeFeedback feedback, EpochControl control, RunProgress progress, TimeProvider time)
    {
        _run = run;
        _feedback = feedback;
        _control = control;
        _progress = progress;
        _time = time;
        Shape = new SourceLanesShape([.. Enumerable.Range(0, lanes).Select(i => new Outlet<StreamElement>($"{run.Source.Name}.lane{i}"))]);
    }

    public override SourceLanesShape Shape { get; }

    protected override Attributes InitialAttributes => Attributes.CreateName($"source {_run.Source.Name}");

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this);

    private sealed class Logic : TimerGraphStageLogic, ISourceListener
    {
        private readonly SourceRun _run;
        private readonly ISource _source;
        private readonly EventTimeFeedback _feedback;
        private readonly EpochControl _control;
        private readonly RunProgress _progress;
        private readonly TimeProvider _time;
        private readonly Outlet<StreamElement>[] _outlets;
        private readonly Queue<StreamElement>[] _controls;
        private readonly PartitionState[][] _lanes;
        private readonly Dictionary<int, PartitionState> _partitions;
        private readonly Action<int> _onReady;
        private readonly Action<(int Partition, long Offset)> _onEndOfPartition;
        private readonly Action<(int Partition, long Stable, long High)> _onEnds;
        private readonly Action<Exception> _onFailed;
        private readonly RedriveInput? _redrive;
        private long _watermark;
        private long _clockAt;
        private bool _stopped;
        private bool _finished;

        public Logic(SourceStage stage)
            : base(stage.Shape)
        {
            _run = stage._run;
            _source = _run.Source;
            _feedback = stage._feedback;
            _control = stage._control;
            _progress = stage._progress;
            _time = stage._time;
            _watermark = _run.Watermark;
            _outlets = [.. stage.Shape.Outlets.Cast<Outlet<StreamElement>>()];
            _controls = [.. _outlets.Select(_ => new Queue<StreamElement>())];
            _partitions = _run.Positions.OrderBy(p => p.Key).Select((p, i) => new PartitionState(p.Key, i % _outlets.Length, p.Value)).ToDictionary(p => p.Partition);
            _lanes = [.. _outlets.Select((_, lane) => _partitions.Values.Where(p => p.Lane == lane).ToArray())];
            // A partition that is restored goes on at least at the last watermark issued, which is noted as a move only where it was behind.
            foreach (var state in _partitions.Values) Restored(state);
            _onReady = GetAsyncCallback<int>(Ready);
            _onEndOfPartition = GetAsyncCallback<(int, long)>(EndOfPartition);
            _onEnds = GetAsyncCallback<(int, long, long)>(Ends);
            _onFailed = GetAsyncCallback<Exception>(FailStage);
            if (_run.Redrive is { } redrive) _redrive = new RedriveInput(redrive, GetAsyncCallback(() => Serve(0)), GetAsyncCallback<long>(EndOfRedrive), _onFailed);
            for (var i = 0; i < _outlets.Length; i++)
            {
                var lane = i;
                SetHandler(_outlets[i], onPull: () => Serve(lane), onDownstreamFinish: cause => OnCancel(lane, cause));
            }
        }

        private void Restored(PartitionState state)
        {
            if (_run.EventTime is not { } time || _watermark == Watermark.None || state.Idle) return;
            // Not idle: it had woken, and taken for idle it would no longer hold the watermark back, so that its rows were late for the restart alone.
            if (WatermarkOf(state.SeenNewest, time) < _watermark) state.Lift(_watermark);
        }

        private static long WatermarkOf(long newest, EventTimeSettings time) => newest == Watermark.None ? Watermark.None : newest - time.OutOfOrderness;

        public override void PreStart()
        {
            var now = _time.GetTimestamp();
            foreach (var state in _partitions.Values) state.MovedAt = now;
            _clockAt = now;
            _feedback.OnReport(GetAsyncCallback(Reported));
            // What was issued before the restart is known to every operator before the first row, as it was then.
            if (_watermark != Watermark.None) Send(new Watermark(_watermark));
            _control.AddSource(GetAsyncCallback<SourceCommand>(Command));
            _source.Start(_run.Positions.ToDictionary(p => p.Key, p => new OffsetAndEpoch(p.Value.Offset, p.Value.LeaderEpoch)), this);
            _redrive?.Start();
            if (_run.EventTime is { } time)
                ScheduleRepeatedly("idle", TimeSpan.FromTicks(Math.Clamp(time.IdleTimeout.Ticks / 4, TimeSpan.TicksPerMillisecond, TimeSpan.TicksPerSecond)));
        }

        private void Serve(int lane)
        {
            if (!IsAvailable(_outlets[lane])) return;
            if (_controls[lane].TryDequeue(out var element))
            {
                Push(_outlets[lane], element);
                if (element is End) Complete(_outlets[lane]);
                return;
            }
            if (_stopped || (lane == 0 && TryRedriven(whateverTurn: false)) || _redrive is { HoldsBack: true }) return;
            var least = LeastNewest();
            PartitionState? chosen = null;
            Batch? batch = null;
            // The partition that is furthest behind first: it keeps the state small that waits for its rows.
            foreach (var state in InOrder(_lanes[lane]))
            {
                if (IsTooFarAhead(state, least) || !_source.TryTake(state.Partition, out batch)) continue;
                chosen = state;
                break;
            }
            if (chosen is null || batch is null)
            {
                if (lane == 0) TryRedriven(whateverTurn: true);
                return;
            }
            Take(chosen, batch);
            Push(_outlets[lane], batch);
        }

        /// <summary>Redriven rows go down the first lane: which it is does not matter, since an exchange stands before all state where there are several.</summary>
        private bool TryRedriven(bool whateverTurn)
        {
            if (_redrive?.TryTake(_watermark, whateverTurn) is not { } batch) return false;
            _progress.AddRowsIn(batch.Records!.Count);
            Push(_outlets[0], batch);
            return true;
        }

        private void EndOfRedrive(long offset)
        {
            _redrive!.Reached(offset);
            if (!_redrive.IsFinished) return;
            FinishAll();
            ServeAll();
        }

        private IEnumerable<PartitionState> InOrder(PartitionState[] states) => states.Length == 1 ? states : states.OrderBy(s => _feedback[s.Partition])
            .ThenBy(s => s.Partition);

        private void Take(PartitionState state, Batch batch)
        {
            var records = batch.Records!;
            if (state.Idle)
            {
                state.Idle = false;
                state.MovedAt = _time.GetTimestamp();
                state.Lift(_watermark);
            }
            LiftAsLive(state, records);
            records.IdleFloor = state.Floor;
            state.Took(records.NextOffset);
            _progress.AddRowsIn(records.Count);
        }

        /// <summary>A replay moves watermarks where the live run did, whatever the clock says now.</summary>
        private unsafe void LiftAsLive(PartitionState state, LogRecords records)
        {
            if (!_run.Moves.TryGetValue(state.Partition, out var moves)) return;
            for (; state.MovesDone < moves.Count && moves[state.MovesDone].Offset <= records.Offsets[0]; state.MovesDone++)
                state.LiftAgain(moves[state.MovesDone].To);
        }

        private long LeastNewest()
        {
            if (_run.EventTime is null || _partitions.Count == 1) return Watermark.None;
            var least = Watermark.Finished;
            foreach (var state in _partitions.Values)
                if (!state.AtEnd && !state.Idle && !state.Finished) least = Math.Min(least, _feedback[state.Partition]);
            return least;
        }

        private bool IsTooFarAhead(PartitionState state, long least)
        {
            if (_run.EventTime is not { } time || least == Watermark.Finished || _partitions.Count == 1) return false;
            var newest = _feedback[state.Partition];
            // A partition that has shown nothing yet holds the others at what they have read so far.
            return newest != Watermark.None && (least == Watermark.None ? state.Offset > _run.Positions[state.Partition].Offset : newest > least + time.MaxDrift);
        }

        private void Ready(int partition)
        {
            if (_partitions.TryGetValue(partition, out var state)) Serve(state.Lane);
        }

        private void ServeAll()
        {
            for (var lane = 0; lane < _outlets.Length; lane++) Serve(lane);
        }

        private void EndOfPartition((int Partition, long Offset) at)
        {
            var state = _partitions[at.Partition];
            // The position also moves over control records and aborted ones, which no batch carries.
            if (at.Offset > state.Offset) state.Passed(at.Offset);
            if (at.Offset < state.Offset) return;
            state.AtEnd = true;
            if (_source is IBoundedSource bounded && at.Offset >= bounded.EndOf(at.Partition)) Finish(state);
            ServeAll();
        }

        private void Finish(PartitionState state)
        {
            state.Finished = true;
            FinishAll();
        }

        private void FinishAll()
        {
            if (_finished || !_partitions.Values.All(p => p.Finished) || _redrive is { IsFinished: false }) return;
            _finished = true;
            Send(new Watermark(Watermark.Finished));
            _control.Ask(EpochRequest.SourceFinished);
        }

        private void Reported()
        {
            _feedback.Seen();
            Advance();
            // What was too far ahead may go on now.
            ServeAll();
        }

        private void Advance()
        {
            if (_run.EventTime is not { } time || _finished) return;
            var now = _time.GetTimestamp();
            var least = Watermark.Finished;
            var greatest = Watermark.None;
            foreach (var state in _partitions.Values)
            {
                var newest = _feedback[state.Partition];
                if (newest > state.SeenNewest)
                {
                    state.SeenNewest = newest;
                    state.MovedAt = now;
                }
                var own = Math.Max(WatermarkOf(newest, time), state.Floor);
                greatest = Math.Max(greatest, own);
                if (!state.Idle && !state.Finished) least = Math.Min(least, own);
            }
            // All idle or finished: the furthest of them counts.
            var watermark = least == Watermark.Finished ? greatest : least;
            if (watermark <= _watermark) return;
            _watermark = watermark;
            Send(new Watermark(watermark));
        }

        private void Send(StreamElement element)
        {
            foreach (var controls in _controls) controls.Enqueue(element);
            ServeAll();
        }

        private void Command(SourceCommand command)
        {
            if (command.Barrier is not { } barrier)
            {
                AskIdle();
                return;
            }
            // What the lanes have told by now closes windows before the epoch ends, not in the next one.
            Advance();
            _stopped |= command.Last;
            barrier.Report.PutSource(_source.Name, new SourcePosition(_run.Layout.Topic, _run.Layout.TopicId, _watermark,
                _partitions.Values.ToDictionary(p => p.Partition, p => p.TakePosition(_feedback[p.Partition], _source))) { Redrive = _redrive?.Position });
            foreach (var controls in _controls)
            {
                controls.Enqueue(barrier);
                if (command.Last) controls.Enqueue(End.Instance);
            }
            ServeAll();
        }

        protected override void OnTimer(object timerKey) => AskIdle();

        private void AskIdle()
        {
            if (_run.EventTime?.IdleTimeout is not { } timeout) return;
            foreach (var state in _partitions.Values)
                if (!state.Idle && !state.Asked && !state.Finished && IsQuiet(state, timeout))
                {
                    state.Asked = true;
                    _source.QueryEnds(state.Partition);
                }
            CloseByClock();
        }

        /// <summary>
        /// It is at its end for all that was fetched, and no row moved its watermark for the timeout; rows that still wait in a lane under back-pressure may yet do so.
        /// </summary>
        private bool IsQuiet(PartitionState state, TimeSpan timeout) => state.AtEnd && _feedback.ProcessedTo(state.Partition) >= state.SentTo
            && _time.GetElapsedTime(state.MovedAt) >= timeout;

        /// <summary>
        /// The option for quiet sources: with every partition idle the watermark goes on by the wall clock, a step per timeout. A partition that wakes is lifted to it as
        /// after any idleness, and that move stands in the manifest with its offset, so that a restart and a replay decide the same.
        /// </summary>
        private void CloseByClock()
        {
            if (_run.EventTime is not { } time || time.CloseByClockAfter == TimeSpan.MaxValue || _finished || _partitions.Count == 0) return;
            var quietSince = _clockAt;
            foreach (var state in _partitions.Values)
            {
                if (!state.Idle) return;
                quietSince = Math.Max(quietSince, state.MovedAt);
            }
            if (_time.GetElapsedTime(quietSince) < time.CloseByClockAfter) return;
            _clockAt = _time.GetTimestamp();
            var clock = (_time.GetUtcNow().UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / TimeSpan.TicksPerMicrosecond - time.OutOfOrderness;
            if (clock <= _watermark) return;
            _watermark = clock;
            Send(new Watermark(clock));
        }

        // A row may have come while the question was under way: only when the position is the end, and nothing waits behind a transaction that is open, is the partition
        // idle.
        private void Ends((int Partition, long Stable, long High) at)
        {
            var state = _partitions[at.Partition];
            state.Asked = false;
            if (state.Offset < at.Stable || at.Stable != at.High || !IsQuiet(state, _run.EventTime!.IdleTimeout)) return;
            state.Idle = true;
            Advance();
            CloseByClock();
            ServeAll();
        }

        private void OnCancel(int lane, Exception cause)
        {
            if (!_stopped) FailStage(new InvalidOperationException($"source {_source.Name}: lane {lane} cancelled while rows flow", cause));
        }

        void ISourceListener.OnReady(int partition) => _onReady(partition);

        void ISourceListener.OnEndOfPartition(int partition, long offset) => _onEndOfPartition((partition, offset));

        void ISourceListener.OnEnds(int partition, long lastStableOffset, long highWatermark) => _onEnds((partition, lastStableOffset, highWatermark));

        void ISourceListener.OnFailed(Exception cause) => _onFailed(cause);
    }
}

/// <summary>One outlet per lane.</summary>
internal sealed class SourceLanesShape(ImmutableArray<Outlet> outlets) : Shape
{
    public override ImmutableArray<Inlet> Inlets => [];

    public override ImmutableArray<Outlet> Outlets { get; } = outlets;

    public override Shape DeepCopy() => new SourceLanesShape([.. Outlets.Select(o => (Outlet)o.CarbonCopy())]);

    public override Shape CopyFromPorts(ImmutableArray<Inlet> inlets, ImmutableArray<Outlet> ports) => new SourceLanesShape(ports);
}
