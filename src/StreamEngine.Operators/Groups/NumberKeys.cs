using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using StreamEngine.Compute;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Groups;

/// <summary>Keys of one column of whole numbers or times: no encoding, a multiplicative hash (Knuth, The Art of Computer Programming 3, 6.4).</summary>
internal sealed unsafe class NumberKeys(DataType type, MemoryScope scope) : GroupKeys
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    /// <summary>Rows for which room is made at once: as many as may all be new.</summary>
    private const int Chunk = 128;

    private readonly bool _isWide = type.Width == 8;
    private readonly GrowingBuffer<long> _keys = new(scope);
    private readonly byte[] _encoded = new byte[10];
    private SlotTable<long> _table = new(scope);
    private int _null = -1;

    public override long Bytes => _keys.Bytes + _table.Bytes;

    public override void Find(ReadOnlySpan<ColumnVector> keys, RowSet rows, int* groups)
    {
        var column = keys[0];
        for (var from = 0; from < rows.Count; from += Chunk)
        {
            var count = Math.Min(Chunk, rows.Count - from);
            Reserve(count);
            if (column.MayHaveNulls) FindNullable(column, rows, from, count, groups);
            else if (_isWide) Find(column.As<long>(), rows.Rows is null ? null : rows.Rows + from, from, count, groups + from);
            else Find(column.As<int>(), rows.Rows is null ? null : rows.Rows + from, from, count, groups + from);
        }
    }

    /// <summary>The same for numbers that are in no column.</summary>
    public void Find(long* values, int count, int* groups)
    {
        for (var from = 0; from < count; from += Chunk)
        {
            var some = Math.Min(Chunk, count - from);
            Reserve(some);
            Find(values, null, from, some, groups + from);
        }
    }

    /// <summary>The key of that number; 0 for the null one.</summary>
    public long KeyOf(int group) => _keys.Pointer[group];

    private void Find<T>(T* values, ushort* selection, int first, int count, int* groups)
        where T : unmanaged
    {
        var (slots, keys, shift, mask, known) = ((nint)_table.Slots, (nint)_keys.Pointer, _table.Shift, _table.Mask, Count);
        // A chunk of slots that are far away is asked for at once: the memory answers many requests in the time of one.
        if (_table.IsLarge && Sse.IsSupported)
            for (var i = 0; i < count; i++) Sse.Prefetch0((Slot<long>*)slots + ((ulong)Widen(values, selection is null ? first + i : selection[i]) * Golden >> shift));
        for (var i = 0; i < count; i++)
        {
            var key = Widen(values, selection is null ? first + i : selection[i]);
            var at = (ulong)key * Golden >> shift;
            while (true)
            {
                var slot = (Slot<long>*)slots + at;
                var number = slot->Number;
                if (slot->Key == key && number != 0)
                {
                    groups[i] = number - 1;
                    break;
                }
                if (number == 0)
                {
                    groups[i] = known;
                    ((long*)keys)[known] = key;
                    slot->Key = key;
                    slot->Number = ++known;
                    break;
                }
                at = (at + 1) & mask;
            }
        }
        Count = known;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long Widen<T>(T* values, int row)
        where T : unmanaged => typeof(T) == typeof(long) ? ((long*)values)[row] : ((int*)values)[row];

    private void FindNullable(ColumnVector column, RowSet rows, int from, int count, int* groups)
    {
        for (var i = from; i < from + count; i++)
        {
            var row = rows.At(i);
            if (column.IsNull(row)) groups[i] = NullGroup();
            else if (_isWide) FindOne(column.As<long>()[row], groups + i);
            else FindOne(column.As<int>()[row], groups + i);
        }
    }

    private void FindOne(long key, int* group) => Find(&key, null, 0, 1, group);

    private int NullGroup()
    {
        if (_null >= 0) return _null;
        Reserve(1);
        _keys.Pointer[Count] = 0;
        return _null = Count++;
    }

    public override void Expect(int keys) => Reserve(keys);

    private void Reserve(int more)
    {
        // One more than the keys: the group of nulls has no slot, but is counted.
        if (_table.HasRoomFor(Count + more)) return;
        var old = _table.Renew(Count + more);
        for (var i = 0; i < Count; i++)
            if (i != _null) Put(i);
        old?.Release();
        // As many as the slots can hold: a batch's keys are then written without a check.
        _keys.Reserve((int)Math.Min((long)(_table.Mask + 1) * 6 / 10 + 1, int.MaxValue));
    }

    private void Put(int group)
    {
        var key = _keys.Pointer[group];
        var at = (ulong)key * Golden >> _table.Shift;
        while (_table.Slots[at].Number != 0) at = (at + 1) & _table.Mask;
        _table.Slots[at].Key = key;
        _table.Slots[at].Number = group + 1;
    }

    public override void Map(GroupKeys other, int* map)
    {
        var from = (NumberKeys)other;
        for (var i = 0; i < from.Count; i += Chunk)
        {
            var count = Math.Min(Chunk, from.Count - i);
            Reserve(count);
            if (from._null < 0) Find(from._keys.Pointer, null, i, count, map + i);
            else
                for (var k = i; k < i + count; k++)
                {
                    if (k == from._null) map[k] = NullGroup();
                    else FindOne(from._keys.Pointer[k], map + k);
                }
        }
    }

    public override int FindEncoded(ReadOnlySpan<byte> key)
    {
        Check(key);
        Reserve(1);
        if (key[1] == 0 && key.Length == 2) return NullGroup();
        if (key.Length != 2 + type.Width) throw new FormatException($"a key of type {type} in state has {key.Length} bytes");
        int group;
        FindOne(_isWide ? Unsafe.ReadUnaligned<long>(in key[2]) : Unsafe.ReadUnaligned<int>(in key[2]), &group);
        return group;
    }

    public override ReadOnlySpan<byte> EncodingOf(int group)
    {
        _encoded[0] = KeyEncoder.Version;
        _encoded[1] = group == _null ? (byte)0 : (byte)1;
        if (group == _null) return _encoded.AsSpan(0, 2);
        Unsafe.WriteUnaligned(ref _encoded[2], _keys.Pointer[group]);
        // Little-endian: of a narrow number the first four bytes.
        return _encoded.AsSpan(0, 2 + type.Width);
    }

    public override ulong HashOf(int group) => KeyHash.Of(EncodingOf(group));

    public override ColumnVector[] Decode(int* groups, int count, Arena arena)
    {
        var values = arena.Allocate<byte>(Math.Max(1, count) * type.Width);
        byte* validity = null;
        var keys = _keys.Pointer;
        if (_isWide) for (var i = 0; i < count; i++) ((long*)values)[i] = keys[groups[i]];
        else for (var i = 0; i < count; i++) ((int*)values)[i] = (int)keys[groups[i]];
        if (_null < 0) return [new ColumnVector(type, count, values)];
        for (var i = 0; i < count; i++)
        {
            if (groups[i] != _null) continue;
            if (validity is null) validity = arena.AllocateValidity(count);
            ColumnVector.SetNull(validity, i);
        }
        return [new ColumnVector(type, count, values, validity)];
    }

    public override void Dispose()
    {
        _keys.Dispose();
        _table.Release();
    }
}
