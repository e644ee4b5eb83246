using StreamEngine.Compute;
using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;

namespace StreamEngine.Operators.Windows;

/// <summary>What a windowed aggregation computes.</summary>
/// <param name="Window">The windows.</param>
/// <param name="Keys">The grouping columns of the input.</param>
/// <param name="Aggregates">The aggregates.</param>
internal sealed record WindowAggregateSpec(WindowSpec Window, IReadOnlyList<int> Keys, IReadOnlyList<AggregateSpec> Aggregates);

/// <summary>
/// Groups rows by window and key. A window is emitted once, when the common watermark reaches its end, batch by batch; a row that is not late always finds its windows open, since the common watermark is
/// never past its own partition's. Emits window_start, window_end, the keys, the aggregates.
/// </summary>
internal sealed unsafe class WindowAggregateOperator : IOperator
{
    private readonly WindowAggregateSpec _spec;
    private readonly DataType[] _keyTypes;
    private readonly int _paneColumn;
    private readonly int _firstColumn;
    private readonly SortedDictionary<(long Start, long First), Pane> _panes = [];
    private readonly WindowState _state;
    private MemoryScope _scope = null!;
    private RowCounts _counts = null!;
    private OperatorContext _context = null!;
    private long _watermark = Watermark.None;
    private long _closedTo = Watermark.None;
    private bool _changed;
    private Pane? _closing;
    private long _closingEnd;
    private int _emitted;
    private bool _ownsClosing;

    public WindowAggregateOperator(string id, Schema input, WindowAggregateSpec spec)
    {
        Id = id;
        _spec = spec;
        _paneColumn = input.IndexOf(AssignWindowOperator.PaneColumn);
        _firstColumn = input.IndexOf(AssignWindowOperator.FirstColumn);
        _keyTypes = [.. spec.Keys.Select(k => input[k].Type)];
        Output = new Schema([new Field("window_start", DataType.Timestamp, false), new Field("window_end", DataType.Timestamp, false), .. spec.Keys.Select(k => input[k] with { Format = null }),
            .. spec.Aggregates.Select(a => new Field(a.Name, a.Type, a.Function != AggregateFunction.Count))]);
        _state = new WindowState(spec.Aggregates);
    }

    public string Id { get; }

    public Schema Output { get; }

    public void Open(OperatorContext context)
    {
        _context = context;
        _scope = context.Scope;
        _counts = context.Counts;
    }

    public Progress Process(Batch batch, IEmitter output)
    {
        var arena = _scope.RentArena();
        var hashes = arena.Allocate<ulong>(batch.Rows);
        var keys = new ColumnVector[_spec.Keys.Count];
        for (var i = 0; i < keys.Length; i++) keys[i] = batch[_spec.Keys[i]];
        KeyHash.Compute(keys, batch, hashes);
        var panes = batch[_paneColumn].As<long>();
        var firsts = batch[_firstColumn].As<long>();
        var groups = arena.Allocate<int>(Math.Max(1, batch.Count));
        var count = batch.Count;
        // Most batches lie in one pane: it is found once, and the batch added whole.
        var from = 0;
        while (from < count)
        {
            var row = batch.RowAt(from);
            var (pane, first) = (panes[row], firsts[row]);
            var same = true;
            var to = from + 1;
            for (; to < count; to++)
            {
                var next = batch.RowAt(to);
                if (panes[next] == pane && firsts[next] == first) continue;
                same = false;
                break;
            }
            if (same && from == 0) PaneOf(pane, first).Add(batch, keys, hashes, groups);
            else AddRun(batch, from, to, PaneOf(pane, first), keys, hashes, groups, arena);
            from = to;
        }
        _counts.Held += count;
        batch.Dispose();
        arena.Release();
        CheckLimit();
        return Progress.Done;
    }

    private static void AddRun(Batch batch, int from, int to, Pane pane, ColumnVector[] keys, ulong* hashes, int* groups, Arena arena)
    {
        var rows = arena.Allocate<ushort>(to - from);
        for (var i = from; i < to; i++) rows[i - from] = (ushort)batch.RowAt(i);
        using var run = batch.Share().WithSelection(rows, to - from, arena.Retain());
        pane.Add(run, keys, hashes, groups);
    }

    private Pane PaneOf(long start, long first)
    {
        if (!_panes.TryGetValue((start, first), out var pane)) _panes[(start, first)] = pane = new Pane(start, first, _spec.Aggregates, _scope);
        return pane;
    }

    private void CheckLimit()
    {
        if (_context.StateLimit == long.MaxValue) return;
        var bytes = _panes.Values.Sum(p => p.Bytes);
        if (bytes > _context.StateLimit) throw new StartupException($"the state of operator {Id} has {bytes >> 20} MiB, above its limit of {_context.StateLimit >> 20} MiB: raise state.limit, or group by fewer keys or shorter windows");
    }

    public Progress OnWatermark(long time, IEmitter output)
    {
        _watermark = time;
        return Continue(output);
    }

    public Progress Continue(IEmitter output)
    {
        if (_closing is null && !TryBeginClosing()) return Progress.Done;
        Emit(output);
        return Progress.More;
    }

    private bool TryBeginClosing()
    {
        if (_panes.Count == 0 || !TryNextEnd(out var end) || end > _watermark) return false;
        _closingEnd = end;
        _emitted = 0;
        var inside = PanesOf(end);
        if (inside.Count == 1)
        {
            (_closing, _ownsClosing) = (inside[0], false);
            return true;
        }
        _closing = new Pane(end - _spec.Window.Size, end, _spec.Aggregates, _scope);
        _ownsClosing = true;
        foreach (var pane in inside) _closing.Merge(pane);
        return true;
    }

    /// <summary>The end of the next window that has rows: the least, over the panes, of the first windows that count them and are not closed yet.</summary>
    private bool TryNextEnd(out long end)
    {
        end = long.MaxValue;
        foreach (var pane in _panes.Values)
        {
            // Panes come by start: none behind this one is in a window that ends earlier.
            if (pane.Start + _spec.Window.Pane > end) break;
            var next = pane.First > _closedTo ? pane.First : _spec.Window.FirstEndAfter(pane.Start, _closedTo);
            if (next <= _spec.Window.LastEnd(pane.Start)) end = Math.Min(end, next);
        }
        return end != long.MaxValue;
    }

    private List<Pane> PanesOf(long end)
    {
        var inside = new List<Pane>();
        foreach (var pane in _panes.Values)
        {
            if (pane.Start >= end) break;
            if (pane.Start >= end - _spec.Window.Size && pane.First <= end) inside.Add(pane);
        }
        return inside;
    }

    private void Emit(IEmitter output)
    {
        var pane = _closing!;
        var count = Math.Min(Batch.DefaultRows, pane.Keys.Count - _emitted);
        var arena = _scope.RentArena();
        var starts = arena.Allocate<long>(count);
        var ends = arena.Allocate<long>(count);
        new Span<long>(starts, count).Fill(_closingEnd - _spec.Window.Size);
        new Span<long>(ends, count).Fill(_closingEnd);
        var keys = arena.Allocate<Bytes>(count);
        for (var i = 0; i < count; i++) keys[i] = pane.Keys.KeyOf(_emitted + i);
        var overflowed = new List<int>();
        ColumnVector[] columns = [new(DataType.Timestamp, count, (byte*)starts), new(DataType.Timestamp, count, (byte*)ends), .. KeyEncoder.Decode(_keyTypes, keys, count, arena),
            .. pane.Accumulators.Select(a => a.Emit(_emitted, count, arena, overflowed))];
        var batch = Batch.Create(Output, columns, count, arena, aggregated: true);
        _emitted += count;
        if (overflowed.Count > 0) batch = WithoutOverflowed(batch, overflowed, output);
        output.Emit(batch);
        if (_emitted == pane.Keys.Count) Close();
    }

    private Batch WithoutOverflowed(Batch batch, List<int> overflowed, IEmitter output)
    {
        overflowed.Sort();
        var arena = _scope.RentArena();
        var rows = arena.Allocate<ushort>(batch.Count);
        var kept = 0;
        for (var row = 0; row < batch.Rows; row++)
        {
            if (overflowed.BinarySearch(row) < 0) rows[kept++] = (ushort)row;
            else output.Fault(batch, row, new Fault(FaultStage.Expression, "an aggregate of the group overflows its type"));
        }
        return batch.WithSelection(rows, kept, arena);
    }

    /// <summary>The window is out: panes that are in no later one are dropped, and their rows are done.</summary>
    private void Close()
    {
        if (_ownsClosing) _closing!.Dispose();
        _closing = null;
        _closedTo = _closingEnd;
        _changed = true;
        Drop();
    }

    private void Drop()
    {
        foreach (var (key, pane) in _panes.TakeWhile(p => _spec.Window.LastEnd(p.Key.Start) <= _closedTo).ToList())
        {
            _panes.Remove(key);
            _counts.Done += pane.Rows;
            _counts.Held -= pane.Rows;
            pane.Dispose();
        }
    }

    public void Snapshot(in SnapshotRequest request, IStateWriter writer)
    {
        _state.Write(request, _panes.Values, _closedTo, _changed, writer);
        _changed = false;
    }

    public void Restore(in StatePart part)
    {
        _state.Read(part, _context.KeyGroups, PaneOf, ref _closedTo);
        foreach (var (key, pane) in _panes.TakeWhile(p => _spec.Window.LastEnd(p.Key.Start) <= _closedTo).ToList())
        {
            _panes.Remove(key);
            pane.Dispose();
        }
        foreach (var pane in _panes.Values) pane.Written();
        _counts.Held = _panes.Values.Sum(p => p.Rows);
    }

    public void Dispose()
    {
        if (_ownsClosing) _closing?.Dispose();
        foreach (var pane in _panes.Values) pane.Dispose();
        _panes.Clear();
    }
}
