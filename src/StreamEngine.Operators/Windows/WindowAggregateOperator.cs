using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Windows;

/// <summary>What a windowed aggregation computes.</summary>
/// <param name="Window">The windows.</param>
/// <param name="Keys">The grouping columns of the input.</param>
/// <param name="Aggregates">The aggregates.</param>
internal sealed record WindowAggregateSpec(WindowSpec Window, IReadOnlyList<int> Keys, IReadOnlyList<AggregateSpec> Aggregates)
{
    /// <summary>The INSERT that it is of, which faults name.</summary>
    public string? Insert { get; init; }
}

/// <summary>
/// Groups rows by window and key. A window is emitted once, when the common watermark reaches its end, batch by batch; a row that is not late always finds its windows
/// open, since the common watermark is never past its own partition's. Emits window_start, window_end, the keys, the aggregates.
/// </summary>
internal sealed unsafe class WindowAggregateOperator : IOperator
{
    private const int MostExpected = 4096;

    private readonly WindowAggregateSpec _spec;
    private readonly DataType[] _keyTypes;
    private readonly int _paneColumn;
    private readonly int _firstColumn;
    private readonly ColumnVector[] _keys;
    private readonly PaneList _panes = new();
    private readonly PaneSplit _split = new();
    private readonly WindowState _state;
    private readonly List<int> _overflowed = [];
    private MemoryScope _scope = null!;
    private RowCounts _counts = null!;
    private OperatorContext _context = null!;
    private SlidingGroups? _sliding;
    private Pane? _last;
    private long _watermark = Watermark.None;
    private long _closedTo = Watermark.None;
    private long _bytes;
    private bool _changed;
    private IWindowGroups? _closing;
    private long _closingEnd;
    private int _cursor;

    public WindowAggregateOperator(string id, Schema input, WindowAggregateSpec spec)
    {
        Id = id;
        _spec = spec;
        _paneColumn = input.IndexOf(AssignWindowOperator.PaneColumn);
        _firstColumn = input.IndexOf(AssignWindowOperator.FirstColumn);
        _keyTypes = [.. spec.Keys.Select(k => input[k].Type)];
        _keys = new ColumnVector[_keyTypes.Length];
        Output = new Schema([new Field("window_start", DataType.Timestamp, false), new Field("window_end", DataType.Timestamp, false),
            .. spec.Keys.Select(k => input[k] with { Format = null }),
            .. spec.Aggregates.Select(a => new Field(a.Name, a.Type, a.Function != AggregateFunction.Count))]);
        _state = new WindowState(spec.Aggregates, _keyTypes);
    }

    public string Id { get; }

    public Schema Output { get; }

    /// <summary>Off: windows close as ever, but without rows. For measuring what it costs to keep them.</summary>
    internal bool Emits { get; set; } = true;

    public void Open(OperatorContext context)
    {
        _context = context;
        _scope = context.Scope;
        _counts = context.Counts;
        if (!_spec.Window.IsTumbling) _sliding = new SlidingGroups(_spec.Window, _keyTypes, _spec.Aggregates, _scope);
    }

    public Progress Process(Batch batch, IEmitter output)
    {
        var arena = _scope.RentArena();
        for (var i = 0; i < _keys.Length; i++) _keys[i] = batch[_spec.Keys[i]];
        var panes = batch[_paneColumn].As<long>();
        var firsts = batch[_firstColumn].As<long>();
        var rows = new RowSet(batch.Selection, batch.Count);
        var groups = arena.Allocate<int>(Math.Max(1, batch.Count));
        // Most batches lie in one pane.
        if (batch.Count > 0 && PaneSplit.IsOne(panes, firsts, batch.Rows)) Add(batch, panes[0], firsts[0], rows, groups);
        else if (batch.Count > 0)
        {
            _split.Divide(panes, firsts, rows, arena);
            for (var i = 0; i < _split.Count; i++) Add(batch, _split[i].Start, _split[i].First, _split[i].Rows, groups);
        }
        _counts.Held += batch.Count;
        batch.Dispose();
        arena.Release();
        CheckLimit();
        return Progress.Done;
    }

    private void Add(Batch batch, long start, long first, RowSet rows, int* groups)
    {
        var pane = PaneOf(start, first);
        pane.Add(batch, _keys, rows, groups);
        _bytes += pane.TakeGrowth();
        // Cannot be while the common watermark is no further than a row's own; if it were, the row would still count in the windows to come.
        if (first <= _closedTo) _sliding?.Reset();
    }

    private Pane PaneOf(long start, long first)
    {
        if (_last is not null && _last.Start == start && _last.First == first) return _last;
        if (_panes.Find(start, first) is { } known) return _last = known;
        // Like the one before it, but no more than costs little if it is wrong.
        _last = new Pane(start, first, _keyTypes, _spec.Aggregates, _scope, Math.Min(_last?.Keys.Count ?? 0, MostExpected));
        _panes.Add(_last);
        return _last;
    }

    private void CheckLimit()
    {
        var bytes = _bytes + (_sliding?.Bytes ?? 0);
        if (bytes <= _context.StateLimit) return;
        throw new StartupException(
            $"the state of operator {Id} has {bytes >> 20} MiB, above its limit of {_context.StateLimit >> 20} MiB: raise state.limit, or group by fewer keys or "
            + "shorter windows");
    }

    public Progress OnWatermark(long time, IEmitter output)
    {
        _watermark = time;
        return Continue(output);
    }

    public Progress Continue(IEmitter output)
    {
        if (_closing is null && !TryBeginClosing()) return Progress.Done;
        if (!Emits || !TryEmit(output)) Close();
        return Progress.More;
    }

    private bool TryBeginClosing()
    {
        if (_panes.Count == 0 || !TryNextEnd(out var end) || end > _watermark) return false;
        _closingEnd = end;
        _cursor = 0;
        if (_sliding is null)
        {
            // Of a tumbling window the first pane is all there is.
            _closing = _panes[0];
            return true;
        }
        _sliding.MoveTo(end, _panes);
        _closing = _sliding;
        return true;
    }

    /// <summary>The end of the next window that has rows: the least, over the panes, of the first windows that count them and are not closed yet.</summary>
    private bool TryNextEnd(out long end)
    {
        end = long.MaxValue;
        for (var i = 0; i < _panes.Count; i++)
        {
            var pane = _panes[i];
            var least = _spec.Window.FirstEndAfter(pane.Start, _closedTo);
            // Panes that start later are in no earlier window.
            if (least >= end) break;
            var next = Math.Max(least, pane.First);
            if (next <= _spec.Window.LastEnd(pane.Start)) end = Math.Min(end, next);
        }
        return end != long.MaxValue;
    }

    /// <summary>Emits the next groups of the window; false when there were none left.</summary>
    private bool TryEmit(IEmitter output)
    {
        var arena = _scope.RentArena();
        var groups = arena.Allocate<int>(Batch.DefaultRows);
        var count = _closing!.Next(ref _cursor, groups, Batch.DefaultRows);
        if (count == 0)
        {
            arena.Release();
            return false;
        }
        var starts = arena.Allocate<long>(count);
        var ends = arena.Allocate<long>(count);
        new Span<long>(starts, count).Fill(_closingEnd - _spec.Window.Size);
        new Span<long>(ends, count).Fill(_closingEnd);
        _overflowed.Clear();
        var columns = new ColumnVector[Output.Count];
        columns[0] = new ColumnVector(DataType.Timestamp, count, (byte*)starts);
        columns[1] = new ColumnVector(DataType.Timestamp, count, (byte*)ends);
        _closing.Keys.Decode(groups, count, arena).CopyTo(columns, 2);
        for (var a = 0; a < _spec.Aggregates.Count; a++) columns[2 + _keys.Length + a] = _closing.Emit(a, groups, count, arena, _overflowed);
        var batch = Batch.Create(Output, columns, count, arena, aggregated: true);
        if (_overflowed.Count > 0) batch = WithoutOverflowed(batch, output);
        output.Emit(batch);
        return true;
    }

    private Batch WithoutOverflowed(Batch batch, IEmitter output)
    {
        _overflowed.Sort();
        var arena = _scope.RentArena();
        var rows = arena.Allocate<ushort>(batch.Count);
        var kept = 0;
        for (var row = 0; row < batch.Rows; row++)
        {
            if (_overflowed.BinarySearch(row) < 0) rows[kept++] = (ushort)row;
            else output.Fault(batch, row, new Fault(FaultStage.Expression, "an aggregate of the group overflows its type", Insert: _spec.Insert));
        }
        return batch.WithSelection(rows, kept, arena);
    }

    /// <summary>The window is out: panes that are in no later one are dropped, and their rows are done.</summary>
    private void Close()
    {
        _closing = null;
        _closedTo = _closingEnd;
        _changed = true;
        _sliding?.Leave(_closedTo);
        _counts.Done += Drop();
    }

    /// <summary>Drops the panes that are in no window to come; returns how many rows they had.</summary>
    private long Drop()
    {
        long rows = 0;
        var count = 0;
        for (; count < _panes.Count && _spec.Window.LastEnd(_panes[count].Start) <= _closedTo; count++)
        {
            var pane = _panes[count];
            if (pane == _last) _last = null;
            rows += pane.Rows;
            _bytes -= pane.Bytes - pane.TakeGrowth();
            pane.Dispose();
        }
        if (count > 0) _panes.RemoveFirst(count);
        _counts.Held -= rows;
        return rows;
    }

    public void Snapshot(in SnapshotRequest request, IStateWriter writer)
    {
        _state.Write(request, _panes, _closedTo, _changed, writer);
        _changed = false;
    }

    /// <summary>Costs what the piece holds, whatever was restored before it.</summary>
    public void Restore(in StatePart part)
    {
        _sliding?.Reset();
        var before = _closedTo;
        var reader = new StateReader(part.Payload);
        _counts.Held += _state.Read(ref reader, part.KeyGroup, _context.KeyGroups, this, ref _closedTo);
        if (_last is not null) _bytes += _last.TakeGrowth();
        if (_closedTo != before) Drop();
    }

    /// <summary>The pane that a group of state belongs to; null when all of its windows have closed.</summary>
    internal Pane? Restored(long start, long first)
    {
        if (_last is not null && _last.Start == start && _last.First == first) return _last;
        if (_last is not null) _bytes += _last.TakeGrowth();
        return _spec.Window.LastEnd(start) <= _closedTo ? null : PaneOf(start, first);
    }

    public void Dispose()
    {
        _sliding?.Dispose();
        for (var i = 0; i < _panes.Count; i++) _panes[i].Dispose();
        _panes.Clear();
    }
}
