using StreamEngine.Compute;
using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Windows;

/// <summary>The groups of one pane that count from one window on: keys, rows per group, one accumulator per aggregate.</summary>
internal sealed unsafe class Pane : IDisposable
{
    private readonly MemoryScope _scope;
    private readonly GrowingBuffer<long> _rows;
    private readonly GrowingBuffer<byte> _dirtyFlags;
    private readonly List<int> _dirty = [];
    private readonly int[] _membersWritten;
    private byte[] _key = new byte[256];

    public Pane(long start, long first, IReadOnlyList<AggregateSpec> aggregates, MemoryScope scope)
    {
        Start = start;
        First = first;
        _scope = scope;
        _rows = new GrowingBuffer<long>(scope);
        _dirtyFlags = new GrowingBuffer<byte>(scope);
        Keys = new KeyTable(scope);
        Accumulators = [.. aggregates.Select(a => Accumulator.Create(a, scope))];
        _membersWritten = new int[Accumulators.Length];
    }

    public long Start { get; }

    /// <summary>The end of the first window that counts its rows.</summary>
    public long First { get; }

    public KeyTable Keys { get; }

    public Accumulator[] Accumulators { get; }

    /// <summary>Input rows in it.</summary>
    public long Rows { get; private set; }

    public IReadOnlyList<int> Dirty => _dirty;

    public bool HasNewMembers => Accumulators.Index().Any(a => a.Item is CountDistinctAccumulator set && set.Members > _membersWritten[a.Index]);

    public long Bytes => Keys.Bytes + _rows.Bytes + _dirtyFlags.Bytes + Accumulators.Sum(a => a.Bytes);

    public long RowsOf(int group) => _rows.Pointer[group];

    /// <summary>Adds the selected rows of a batch, whose keys have these hashes (by physical row).</summary>
    public void Add(Batch batch, ReadOnlySpan<ColumnVector> keys, ulong* hashes, int* groups)
    {
        var keySize = KeyEncoder.FixedSize(keys);
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            var size = keySize >= 0 ? keySize : KeyEncoder.SizeOf(keys, row);
            if (size > _key.Length) _key = new byte[size * 2];
            fixed (byte* key = _key) groups[i] = GroupOf(hashes[row], key, KeyEncoder.Encode(keys, row, key));
            _rows.Pointer[groups[i]]++;
            Touch(groups[i]);
        }
        foreach (var accumulator in Accumulators) accumulator.Add(batch, groups);
        Rows += batch.Count;
    }

    private int GroupOf(ulong hash, byte* key, int length)
    {
        var group = Keys.FindOrAdd(hash, key, length, out var added);
        if (added) Reserve(group + 1);
        return group;
    }

    /// <summary>The group of an encoded key, a new one where it is not there yet.</summary>
    public int GroupOf(ReadOnlySpan<byte> key, ulong hash)
    {
        fixed (byte* p = key) return GroupOf(hash, p, key.Length);
    }

    private void Reserve(int groups)
    {
        _rows.Reserve(groups);
        _dirtyFlags.Reserve(groups);
        foreach (var accumulator in Accumulators) accumulator.Reserve(groups);
    }

    private void Touch(int group)
    {
        if (_dirtyFlags.Pointer[group] != 0) return;
        _dirtyFlags.Pointer[group] = 1;
        _dirty.Add(group);
    }

    /// <summary>Adds all groups of another pane.</summary>
    public void Merge(Pane other)
    {
        var arena = _scope.RentArena();
        var map = arena.Allocate<int>(Math.Max(1, other.Keys.Count));
        for (var i = 0; i < other.Keys.Count; i++)
        {
            var key = other.Keys.KeyOf(i);
            map[i] = GroupOf(other.Keys.HashOf(i), key.Pointer, key.Length);
            _rows.Pointer[map[i]] += other._rows.Pointer[i];
        }
        for (var a = 0; a < Accumulators.Length; a++) Accumulators[a].Merge(other.Accumulators[a], map, other.Keys.Count);
        Rows += other.Rows;
        arena.Release();
    }

    /// <summary>Replaces the row count of a restored group.</summary>
    public void SetRows(int group, long rows)
    {
        Rows += rows - _rows.Pointer[group];
        _rows.Pointer[group] = rows;
    }

    /// <summary>The members of the a-th aggregate's set that were added since the last snapshot.</summary>
    public int FirstNewMember(int aggregate) => _membersWritten[aggregate];

    /// <summary>Everything that changed has been written.</summary>
    public void Written()
    {
        foreach (var group in _dirty) _dirtyFlags.Pointer[group] = 0;
        _dirty.Clear();
        for (var a = 0; a < Accumulators.Length; a++)
            if (Accumulators[a] is CountDistinctAccumulator set) _membersWritten[a] = set.Members;
    }

    public void Dispose()
    {
        Keys.Dispose();
        _rows.Dispose();
        _dirtyFlags.Dispose();
        foreach (var accumulator in Accumulators) accumulator.Dispose();
    }
}
