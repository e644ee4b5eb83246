using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.Groups;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Windows;

/// <summary>
/// The groups of a window that slides over panes: a pane is merged when its first window closes and taken out after its last one, so that a window costs what entered
/// and left since the one before, and a look at each of its groups. Time is cut into stretches of a window's length: the panes of the stretch in which the window
/// begins are the front, those of the next one the back; where the window begins in the next stretch, the back becomes the front and groups that are gone are forgotten
/// (van Herk, A fast algorithm for local minimum and maximum filters, 1992). What is merged with what depends on times alone and not on when it was done: sums of
/// doubles are the same after a restart. A pane that counts in no window before the present one, of rows that were late for the others, may have to come between others
/// at the front:
/// then the groups are made anew.
/// </summary>
internal sealed unsafe class SlidingGroups(WindowSpec window, DataType[] keys, IReadOnlyList<AggregateSpec> aggregates, MemoryScope scope) : IWindowGroups, IDisposable
{
    /// <summary>From the oldest pane to the newest: they leave in this order.</summary>
    private readonly List<FrontPane> _front = [];
    private readonly List<Pane> _entering = [];
    private readonly SlidingAggregate[] _aggregates = new SlidingAggregate[aggregates.Count];
    private GroupKeys? _keys;
    private GrowingBuffer<long>? _rows;
    private int _reserved;
    private long _frontBytes;
    private int _left;
    private long _stretch;
    private long _end;

    private sealed record FrontPane(Pane Pane, NativeBlock Map, Accumulator?[] Before);

    public GroupKeys Keys => _keys!;

    public long Bytes
    {
        get
        {
            if (_keys is null) return 0;
            var bytes = _keys.Bytes + _rows!.Bytes + _frontBytes;
            foreach (var aggregate in _aggregates) bytes += aggregate.Bytes;
            return bytes;
        }
    }

    /// <summary>Makes them the groups of the window that ends there, which is later than the one before.</summary>
    public void MoveTo(long end, PaneList panes)
    {
        var stretch = Calendar.FloorDivide(end - window.Size, window.Size);
        if (_keys is null || stretch != _stretch || !TryAdvance(end, panes)) Rebuild(end, stretch, panes);
        _end = end;
    }

    /// <summary>Takes out the panes that are in no later window than the one that ends there; afterwards they may be disposed.</summary>
    public void Leave(long closedTo)
    {
        for (; _left < _front.Count && window.LastEnd(_front[_left].Pane.Start) <= closedTo; _left++)
        {
            var (pane, block, before) = _front[_left];
            var map = (int*)block.Pointer;
            for (var a = 0; a < _aggregates.Length; a++)
            {
                _aggregates[a].TakeFront(pane.Accumulators[a], before[a], map, pane.Keys.Count);
                _frontBytes -= before[a]?.Bytes ?? 0;
                before[a]?.Dispose();
            }
            for (var i = 0; i < pane.Keys.Count; i++) _rows!.Pointer[map[i]] -= pane.RowsByGroup[i];
            _frontBytes -= block.Capacity;
            block.Release();
        }
    }

    /// <summary>Forgets everything: a pane that was merged has changed, or is about to be disposed.</summary>
    public void Reset()
    {
        for (; _left < _front.Count; _left++)
        {
            foreach (var before in _front[_left].Before) before?.Dispose();
            _front[_left].Map.Release();
        }
        _front.Clear();
        _left = 0;
        _keys?.Dispose();
        _keys = null;
        _rows?.Dispose();
        foreach (var aggregate in _aggregates) aggregate?.Dispose();
        Array.Clear(_aggregates);
        _reserved = 0;
        _frontBytes = 0;
    }

    private bool TryAdvance(long end, PaneList panes)
    {
        _entering.Clear();
        for (var i = panes.IndexOf(end - window.Size, long.MinValue); i < panes.Count && panes[i].Start < end; i++)
        {
            if (panes[i].First <= _end || panes[i].First > end) continue;
            if (StretchOf(panes[i]) == _stretch) return false;
            _entering.Add(panes[i]);
        }
        PutBack();
        return true;
    }

    private void Rebuild(long end, long stretch, PaneList panes)
    {
        var expected = _keys?.Count ?? 0;
        Reset();
        _stretch = stretch;
        _keys = GroupKeys.Create(keys, scope);
        _rows = new GrowingBuffer<long>(scope);
        for (var a = 0; a < _aggregates.Length; a++) _aggregates[a] = SlidingAggregate.Create(aggregates[a], scope);
        if (expected > 0)
        {
            _keys.Expect(expected);
            Reserve(expected);
        }
        _entering.Clear();
        for (var i = panes.IndexOf(end - window.Size, long.MinValue); i < panes.Count && panes[i].Start < end; i++)
        {
            if (panes[i].First > end) continue;
            if (StretchOf(panes[i]) == stretch) _front.Add(new FrontPane(panes[i], scope.Rent(panes[i].Keys.Count * sizeof(int)), new Accumulator?[_aggregates.Length]));
            else _entering.Add(panes[i]);
        }
        for (var i = _front.Count - 1; i >= 0; i--)
        {
            var (pane, block, before) = _front[i];
            var map = (int*)block.Pointer;
            Merge(pane, map);
            _frontBytes += block.Capacity;
            for (var a = 0; a < _aggregates.Length; a++)
            {
                before[a] = _aggregates[a].PutFront(pane.Accumulators[a], map, pane.Keys.Count);
                _frontBytes += before[a]?.Bytes ?? 0;
            }
        }
        PutBack();
    }

    private long StretchOf(Pane pane) => Calendar.FloorDivide(pane.Start, window.Size);

    /// <summary>In the order in which they would have entered one window after the other.</summary>
    private void PutBack()
    {
        if (_entering.Count == 0) return;
        _entering.Sort(static (a, b) => a.First != b.First ? a.First.CompareTo(b.First) : a.Start.CompareTo(b.Start));
        var arena = scope.RentArena();
        foreach (var pane in _entering)
        {
            var map = arena.Allocate<int>(pane.Keys.Count);
            Merge(pane, map);
            for (var a = 0; a < _aggregates.Length; a++) _aggregates[a].PutBack(pane.Accumulators[a], map, pane.Keys.Count);
        }
        arena.Release();
    }

    private void Merge(Pane pane, int* map)
    {
        _keys!.Map(pane.Keys, map);
        if (_keys.Count > _reserved) Reserve(_keys.Count);
        for (var i = 0; i < pane.Keys.Count; i++) _rows!.Pointer[map[i]] += pane.RowsByGroup[i];
    }

    private void Reserve(int groups)
    {
        _rows!.Reserve(groups);
        _reserved = _rows.Capacity;
        foreach (var aggregate in _aggregates) aggregate.Reserve(_reserved);
    }

    public int Next(ref int cursor, int* groups, int most)
    {
        var rows = _rows!.Pointer;
        var (at, to, count) = (cursor, Keys.Count, 0);
        for (; at < to && count < most; at++)
        {
            groups[count] = at;
            // A group whose panes have all left has no rows.
            count += rows[at] != 0 ? 1 : 0;
        }
        cursor = at;
        return count;
    }

    public ColumnVector Emit(int aggregate, int* groups, int count, Arena arena, List<int> overflowed) => _aggregates[aggregate].Emit(groups, count, arena, overflowed);

    public void Dispose() => Reset();
}
