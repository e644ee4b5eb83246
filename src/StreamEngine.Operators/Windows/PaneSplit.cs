using System.Runtime.Intrinsics;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Operators.Windows;

/// <summary>Divides the rows of a batch by pane, keeping their order: one pass finds the panes, one puts the rows together. Buffers are reused from batch to
/// batch.</summary>
internal sealed unsafe class PaneSplit
{
    private readonly Dictionary<(long Start, long First), int> _numbers = [];
    private readonly ushort[] _numberOf = new ushort[Batch.MaxRows];
    private (long Start, long First)[] _panes = new (long, long)[16];
    private int[] _starts = new int[17];
    private ushort* _rows;

    public int Count { get; private set; }

    public (long Start, long First, RowSet Rows) this[int pane]
        => (_panes[pane].Start, _panes[pane].First, new RowSet(_rows + _starts[pane], _starts[pane + 1] - _starts[pane]));

    /// <summary>Whether all physical rows lie in one pane.</summary>
    public static bool IsOne(long* panes, long* firsts, int rows)
    {
        var (pane, first) = (Vector512.Create(panes[0]), Vector512.Create(firsts[0]));
        var row = 0;
        for (; row <= rows - Vector512<long>.Count; row += Vector512<long>.Count)
            if (((Vector512.Load(panes + row) ^ pane) | (Vector512.Load(firsts + row) ^ first)) != Vector512<long>.Zero) return false;
        for (; row < rows; row++)
            if (panes[row] != panes[0] || firsts[row] != firsts[0]) return false;
        return true;
    }

    public void Divide(long* panes, long* firsts, RowSet rows, Arena arena)
    {
        Number(panes, firsts, rows);
        _rows = arena.Allocate<ushort>(rows.Count);
        // The counts, shifted by one, become the places where the panes begin.
        for (var pane = 0; pane < Count; pane++) _starts[pane + 1] += _starts[pane];
        for (var i = 0; i < rows.Count; i++) _rows[_starts[_numberOf[i]]++] = (ushort)rows.At(i);
        for (var pane = Count; pane > 0; pane--) _starts[pane] = _starts[pane - 1];
        _starts[0] = 0;
    }

    private void Number(long* panes, long* firsts, RowSet rows)
    {
        _numbers.Clear();
        Array.Clear(_starts);
        Count = 0;
        var number = -1;
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (number < 0 || panes[row] != _panes[number].Start || firsts[row] != _panes[number].First) number = NumberOf((panes[row], firsts[row]));
            _numberOf[i] = (ushort)number;
            _starts[number + 1]++;
        }
    }

    private int NumberOf((long Start, long First) pane)
    {
        if (_numbers.TryGetValue(pane, out var number)) return number;
        if (Count == _panes.Length)
        {
            Array.Resize(ref _panes, Count * 2);
            Array.Resize(ref _starts, Count * 2 + 1);
        }
        _panes[Count] = pane;
        _numbers.Add(pane, Count);
        return Count++;
    }
}
