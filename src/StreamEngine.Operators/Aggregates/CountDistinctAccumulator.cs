using StreamEngine.Compute;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Aggregates;

/// <summary>
/// count(DISTINCT x), exact: one set for all groups, of (group, value). Values are only ever added, so that the changes of an epoch are the members that came since the
/// last one, in order of their numbers.
/// </summary>
internal sealed unsafe class CountDistinctAccumulator(int argument, MemoryScope scope) : Accumulator
{
    private readonly GrowingBuffer<long> _counts = new(scope);
    private readonly MemberTable _members = new(scope);

    public override long Bytes => _counts.Bytes + _members.Bytes;

    /// <summary>Members of all groups; those from a number on were added after it was read.</summary>
    public int Members => _members.Count;

    public override void Reserve(int groups) => _counts.Reserve(groups);

    public override void Add(Batch batch, RowSet rows, int* groups)
    {
        var column = batch[argument];
        ReadOnlySpan<ColumnVector> columns = [column];
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (column.IsNull(row)) continue;
            var length = KeyEncoder.Encode(columns, row, _members.RoomFor(KeyEncoder.SizeOf(columns, row)));
            _members.FindOrAdd(groups[i], length, out var added);
            if (added) _counts.Pointer[groups[i]]++;
        }
    }

    // A set cannot be taken out of a union again: windows of several panes count how many of them hold a member, see SlidingDistinct.
    public override void Merge(Accumulator other, int* to, int* from, int count) => throw new NotSupportedException("sets of distinct values are not merged");

    public override void Copy(Accumulator other, int* to, int* from, int count) => throw new NotSupportedException("sets of distinct values are not copied");

    /// <summary>The group of a member, and its encoded value.</summary>
    public ReadOnlySpan<byte> MemberOf(int number, out int group) => _members.MemberOf(number, out group);

    /// <summary>Adds an encoded value to a group.</summary>
    public void AddMember(int group, ReadOnlySpan<byte> value)
    {
        _members.FindOrAdd(group, value, out var added);
        if (added) _counts.Pointer[group]++;
    }

    public override ColumnVector Emit(int first, int count, Arena arena, List<int> overflowed)
    {
        var values = arena.Allocate<long>(count);
        for (var i = 0; i < count; i++) values[i] = _counts.Pointer[first + i];
        return new ColumnVector(DataType.Int64, count, (byte*)values);
    }

    // The set is written by its members, which may be more than one piece holds.
    public override void Write(int group, StateBuffer to)
    {
    }

    public override void Read(int group, ref StateReader from)
    {
    }

    public override void Dispose()
    {
        _counts.Dispose();
        _members.Dispose();
    }
}
