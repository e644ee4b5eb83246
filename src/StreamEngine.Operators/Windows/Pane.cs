using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.Groups;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Windows;

/// <summary>The groups of one pane that count from one window on: keys, rows per group, one accumulator per aggregate.</summary>
internal sealed unsafe class Pane : IWindowGroups, IDisposable
{
    private readonly GrowingBuffer<long> _rows;

    // Set blindly for every row: to look first would cost more than to look through all groups at a snapshot.
    private readonly GrowingBuffer<byte> _dirty;
    private readonly GrowingBuffer<byte> _keyGroups;
    private readonly int[] _membersWritten;
    private int _hashed;
    private int _reserved;
    private long _reported;

    /// <param name="start">Where it begins.</param>
    /// <param name="first">The end of the first window that counts its rows.</param>
    /// <param name="keys">The types of the grouping columns.</param>
    /// <param name="aggregates">The aggregates.</param>
    /// <param name="scope">Where its memory comes from.</param>
    /// <param name="expected">As many groups as it will probably have.</param>
    public Pane(long start, long first, DataType[] keys, IReadOnlyList<AggregateSpec> aggregates, MemoryScope scope, int expected = 0)
    {
        Start = start;
        First = first;
        _rows = new GrowingBuffer<long>(scope);
        _dirty = new GrowingBuffer<byte>(scope);
        _keyGroups = new GrowingBuffer<byte>(scope);
        Keys = GroupKeys.Create(keys, scope);
        Accumulators = [.. aggregates.Select(a => a is { Function: AggregateFunction.Count, Argument: < 0 }
            ? new RowCountAccumulator(_rows)
            : Accumulator.Create(a, scope))];
        _membersWritten = new int[Accumulators.Length];
        if (expected == 0) return;
        Keys.Expect(expected);
        Reserve(expected);
    }

    public long Start { get; }

    /// <summary>The end of the first window that counts its rows.</summary>
    public long First { get; }

    public GroupKeys Keys { get; }

    public Accumulator[] Accumulators { get; }

    /// <summary>Input rows in it.</summary>
    public long Rows { get; private set; }

    /// <summary>Input rows by group.</summary>
    public long* RowsByGroup => _rows.Pointer;

    /// <summary>Whether a group has changed since the last snapshot.</summary>
    public bool IsDirty { get; private set; }

    /// <summary>By group, whether it has changed since the last snapshot: 1, else 0.</summary>
    public ReadOnlySpan<byte> Dirty => IsDirty ? new ReadOnlySpan<byte>(_dirty.Pointer, Keys.Count) : default;

    /// <summary>The key group of each group. A key is hashed once, at the first snapshot that sees it.</summary>
    public ReadOnlySpan<byte> KeyGroups()
    {
        _keyGroups.Reserve(Keys.Count);
        for (; _hashed < Keys.Count; _hashed++) _keyGroups.Pointer[_hashed] = (byte)KeyGroupRange.Of(Keys.HashOf(_hashed));
        return new ReadOnlySpan<byte>(_keyGroups.Pointer, Keys.Count);
    }

    public long Bytes
    {
        get
        {
            var bytes = Keys.Bytes + _rows.Bytes + _dirty.Bytes + _keyGroups.Bytes;
            foreach (var accumulator in Accumulators) bytes += accumulator.Bytes;
            return bytes;
        }
    }

    /// <summary>By how many bytes it has grown since this was asked last.</summary>
    public long TakeGrowth()
    {
        var bytes = Bytes;
        var growth = bytes - _reported;
        _reported = bytes;
        return growth;
    }

    /// <summary>Adds rows of a batch; <paramref name="groups"/> is room for as many numbers.</summary>
    public void Add(Batch batch, ReadOnlySpan<ColumnVector> keys, RowSet rows, int* groups)
    {
        Keys.Find(keys, rows, groups);
        Reserve(Keys.Count);
        var counts = _rows.Pointer;
        var dirty = _dirty.Pointer;
        for (var i = 0; i < rows.Count; i++)
        {
            counts[groups[i]]++;
            dirty[groups[i]] = 1;
        }
        foreach (var accumulator in Accumulators) accumulator.Add(batch, rows, groups);
        IsDirty = true;
        Rows += rows.Count;
    }

    /// <summary>The group of an encoded key, a new one where it is not there yet.</summary>
    public int GroupOf(ReadOnlySpan<byte> key)
    {
        var group = Keys.FindEncoded(key);
        Reserve(Keys.Count);
        return group;
    }

    private void Reserve(int groups)
    {
        if (groups <= _reserved) return;
        _rows.Reserve(groups);
        _dirty.Reserve(groups);
        _reserved = Math.Min(_rows.Capacity, _dirty.Capacity);
        foreach (var accumulator in Accumulators) accumulator.Reserve(_reserved);
    }

    /// <summary>Replaces the row count of a restored group, and returns by how much it grew.</summary>
    public long SetRows(int group, long rows)
    {
        var more = rows - _rows.Pointer[group];
        Rows += more;
        _rows.Pointer[group] = rows;
        return more;
    }

    /// <summary>The members of the a-th aggregate's set that were added since the last snapshot.</summary>
    public int FirstNewMember(int aggregate) => _membersWritten[aggregate];

    /// <summary>The members of a set are there because they were read back: they are written.</summary>
    public void MemberRestored(int aggregate) => _membersWritten[aggregate] = ((CountDistinctAccumulator)Accumulators[aggregate]).Members;

    /// <summary>Everything that changed has been written.</summary>
    public void Written()
    {
        if (IsDirty) new Span<byte>(_dirty.Pointer, Keys.Count).Clear();
        IsDirty = false;
        for (var a = 0; a < Accumulators.Length; a++)
            if (Accumulators[a] is CountDistinctAccumulator set) _membersWritten[a] = set.Members;
    }

    public int Next(ref int cursor, int* groups, int most)
    {
        var count = Math.Min(most, Keys.Count - cursor);
        for (var i = 0; i < count; i++) groups[i] = cursor + i;
        cursor += count;
        return count;
    }

    // The numbers are those of Next: one behind the other.
    public ColumnVector Emit(int aggregate, int* groups, int count, Arena arena, List<int> overflowed)
        => Accumulators[aggregate].Emit(count == 0 ? 0 : groups[0], count, arena, overflowed);

    public void Dispose()
    {
        Keys.Dispose();
        _rows.Dispose();
        _dirty.Dispose();
        _keyGroups.Dispose();
        foreach (var accumulator in Accumulators) accumulator.Dispose();
    }
}
