using StreamEngine.Core;

namespace StreamEngine.Compute.Evaluation;

/// <summary>A row on which an expression failed.</summary>
internal readonly record struct RowFault(int Row, string Message);

/// <summary>
/// The rows of one batch on which expressions failed, each with its first reason. Owned by the caller and reused: clear it before each batch. A failed row has a null
/// in the result of the
/// expression; whether it leaves the batch is the caller's decision (<see cref="Remove"/>).
/// </summary>
internal sealed unsafe class RowFaults
{
    private readonly List<RowFault> _faults = [];
    private readonly ulong[] _rows = new ulong[Batch.MaxRows / 64];

    public int Count => _faults.Count;

    public RowFault this[int index] => _faults[index];

    public bool Contains(int row) => (_rows[row >> 6] >> (row & 63) & 1) != 0;

    /// <summary>Records a reason for the row unless it has one.</summary>
    public void Add(int row, string message)
    {
        if (Contains(row)) return;
        _rows[row >> 6] |= 1UL << (row & 63);
        _faults.Add(new RowFault(row, message));
    }

    public void Clear()
    {
        if (_faults.Count == 0) return;
        _faults.Clear();
        Array.Clear(_rows);
    }

    /// <summary>Takes the failed rows out of a selection (null: of all rows); <paramref name="into"/> has room for <paramref name="count"/> and may be the selection
    /// itself. Returns how many are left.</summary>
    public int Remove(ushort* selection, int count, ushort* into)
    {
        var left = 0;
        for (var i = 0; i < count; i++)
        {
            var row = selection is null ? (ushort)i : selection[i];
            into[left] = row;
            if (!Contains(row)) left++;
        }
        return left;
    }
}
