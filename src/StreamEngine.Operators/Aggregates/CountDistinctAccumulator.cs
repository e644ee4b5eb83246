using System.Runtime.CompilerServices;
using StreamEngine.Compute;
using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Aggregates;

/// <summary>
/// count(DISTINCT x), exact: one set for all groups, of (group, value). Values are only ever added, so that the changes of an epoch are the members that came since the last one, in order of their numbers.
/// </summary>
internal sealed unsafe class CountDistinctAccumulator(int argument, MemoryScope scope) : Accumulator
{
    private readonly GrowingBuffer<long> _counts = new(scope);
    private readonly KeyTable _members = new(scope);
    private byte[] _key = new byte[256];

    public override long Bytes => _counts.Bytes + _members.Bytes;

    /// <summary>Members of all groups; those from a number on were added after it was read.</summary>
    public int Members => _members.Count;

    public override void Reserve(int groups) => _counts.Reserve(groups);

    public override void Add(Batch batch, int* groups)
    {
        var column = batch[argument];
        ReadOnlySpan<ColumnVector> columns = [column];
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            if (column.IsNull(row)) continue;
            var size = 4 + KeyEncoder.SizeOf(columns, row);
            if (size > _key.Length) _key = new byte[size * 2];
            fixed (byte* key = _key)
            {
                Unsafe.WriteUnaligned(key, groups[i]);
                Put(groups[i], key, 4 + KeyEncoder.Encode(columns, row, key + 4));
            }
        }
    }

    private void Put(int group, byte* key, int length)
    {
        _members.FindOrAdd(KeyHash.Of(new ReadOnlySpan<byte>(key, length)), key, length, out var added);
        if (added) _counts.Pointer[group]++;
    }

    public override void Merge(Accumulator other, int* map, int count)
    {
        var from = ((CountDistinctAccumulator)other)._members;
        for (var i = 0; i < from.Count; i++)
        {
            var member = from.KeyOf(i);
            AddMember(map[Unsafe.ReadUnaligned<int>(member.Pointer)], member.Span[4..]);
        }
    }

    /// <summary>The group of a member, and its encoded value.</summary>
    public ReadOnlySpan<byte> MemberOf(int number, out int group)
    {
        var member = _members.KeyOf(number);
        group = Unsafe.ReadUnaligned<int>(member.Pointer);
        return member.Span[4..];
    }

    /// <summary>Adds an encoded value to a group.</summary>
    public void AddMember(int group, ReadOnlySpan<byte> value)
    {
        if (4 + value.Length > _key.Length) _key = new byte[(4 + value.Length) * 2];
        fixed (byte* key = _key)
        {
            Unsafe.WriteUnaligned(key, group);
            value.CopyTo(new Span<byte>(key + 4, value.Length));
            Put(group, key, 4 + value.Length);
        }
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
