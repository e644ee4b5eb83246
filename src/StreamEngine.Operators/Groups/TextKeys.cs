using System.Runtime.CompilerServices;
using StreamEngine.Compute;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Groups;

/// <summary>Keys of one column of texts: those that lie in their view are hashed and compared as two words, without looking at bytes.</summary>
internal sealed unsafe class TextKeys(DataType type, MemoryScope scope) : GroupKeys
{
    private const int Chunk = 128;

    private readonly GrowingBuffer<Utf8View> _keys = new(scope);
    private SlotTable<Utf8View> _table = new(scope);
    private Arena? _heap;
    private byte[] _encoded = new byte[64];
    private int _null = -1;

    public override long Bytes => _keys.Bytes + _table.Bytes + (_heap?.Bytes ?? 0);

    public override void Find(ReadOnlySpan<ColumnVector> keys, RowSet rows, int* groups)
    {
        var column = keys[0];
        for (var from = 0; from < rows.Count; from += Chunk)
        {
            var count = Math.Min(Chunk, rows.Count - from);
            Reserve(count);
            if (!column.MayHaveNulls) Find(column.As<Utf8View>(), rows.Rows is null ? null : rows.Rows + from, from, count, groups + from);
            else
                for (var i = from; i < from + count; i++)
                {
                    var row = rows.At(i);
                    if (column.IsNull(row)) groups[i] = NullGroup();
                    else Find(column.As<Utf8View>(), null, row, 1, groups + i);
                }
        }
    }

    private void Find(Utf8View* values, ushort* selection, int first, int count, int* groups)
    {
        var (slots, shift, mask) = ((nint)_table.Slots, _table.Shift, _table.Mask);
        for (var i = 0; i < count; i++)
        {
            var view = values + (selection is null ? first + i : selection[i]);
            var at = HashOf(view) >> shift;
            while (true)
            {
                var slot = (Slot<Utf8View>*)slots + at;
                var number = slot->Number;
                if (number == 0)
                {
                    number = slot->Number = Add(view) + 1;
                    slot->Key = _keys.Pointer[number - 1];
                }
                else if (!Utf8View.Equal(&slot->Key, view))
                {
                    at = (at + 1) & mask;
                    continue;
                }
                groups[i] = number - 1;
                break;
            }
        }
    }

    /// <summary>The two halves of the product of the view's words (as in wyhash by Wang Yi); a long text by its bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong HashOf(Utf8View* view)
    {
        if (view->Length > Utf8View.InlineLength) return ShortHash.Of(view->Pointer, view->Length);
        var high = Math.BigMul(((ulong*)view)[0] ^ 0xA0761D6478BD642F, ((ulong*)view)[1] ^ 0xE7037ED1A0B428DB, out var low);
        return (high ^ low) * 0x9E3779B97F4A7C15;
    }

    private int Add(Utf8View* view)
    {
        _keys.Pointer[Count] = view->Length <= Utf8View.InlineLength ? *view : Utf8View.Copy(Utf8View.SpanOf(view), _heap ??= scope.RentArena(firstBlock: 1 << 10));
        return Count++;
    }

    private int NullGroup()
    {
        if (_null >= 0) return _null;
        Reserve(1);
        _keys.Pointer[Count] = default;
        return _null = Count++;
    }

    public override void Expect(int keys) => Reserve(keys);

    private void Reserve(int more)
    {
        if (_table.HasRoomFor(Count + more)) return;
        var old = _table.Renew(Count + more);
        for (var i = 0; i < Count; i++)
            if (i != _null) Put(i);
        old?.Release();
        _keys.Reserve((int)Math.Min((long)(_table.Mask + 1) * 6 / 10 + 1, int.MaxValue));
    }

    private void Put(int group)
    {
        var at = HashOf(_keys.Pointer + group) >> _table.Shift;
        while (_table.Slots[at].Number != 0) at = (at + 1) & _table.Mask;
        _table.Slots[at].Key = _keys.Pointer[group];
        _table.Slots[at].Number = group + 1;
    }

    public override void Map(GroupKeys other, int* map)
    {
        var from = (TextKeys)other;
        for (var i = 0; i < from.Count; i += Chunk)
        {
            var count = Math.Min(Chunk, from.Count - i);
            Reserve(count);
            if (from._null < i || from._null >= i + count) Find(from._keys.Pointer, null, i, count, map + i);
            else
                for (var k = i; k < i + count; k++)
                {
                    if (k == from._null) map[k] = NullGroup();
                    else Find(from._keys.Pointer, null, k, 1, map + k);
                }
        }
    }

    public override int FindEncoded(ReadOnlySpan<byte> key)
    {
        Check(key);
        Reserve(1);
        if (key[1] == 0 && key.Length == 2) return NullGroup();
        if (key.Length < 6 || key.Length != 6 + Unsafe.ReadUnaligned<int>(in key[2])) throw new FormatException($"a key of type {type} in state has {key.Length} bytes");
        int group;
        fixed (byte* p = key)
        {
            var view = Utf8View.Of(p + 6, key.Length - 6);
            Find(&view, null, 0, 1, &group);
        }
        return group;
    }

    public override ReadOnlySpan<byte> EncodingOf(int group)
    {
        _encoded[0] = KeyEncoder.Version;
        _encoded[1] = group == _null ? (byte)0 : (byte)1;
        if (group == _null) return _encoded.AsSpan(0, 2);
        var text = Utf8View.SpanOf(_keys.Pointer + group);
        if (text.Length + 6 > _encoded.Length)
        {
            _encoded = new byte[(text.Length + 6) * 2];
            _encoded[0] = KeyEncoder.Version;
            _encoded[1] = 1;
        }
        Unsafe.WriteUnaligned(ref _encoded[2], text.Length);
        text.CopyTo(_encoded.AsSpan(6));
        return _encoded.AsSpan(0, 6 + text.Length);
    }

    public override ulong HashOf(int group) => KeyHash.Of(EncodingOf(group));

    public override ColumnVector[] Decode(int* groups, int count, Arena arena)
    {
        var values = arena.Allocate<Utf8View>(Math.Max(1, count));
        byte* validity = null;
        for (var i = 0; i < count; i++)
        {
            var key = _keys.Pointer + groups[i];
            // Long ones are copied: the table may be gone before the batch is.
            values[i] = key->Length <= Utf8View.InlineLength ? *key : Utf8View.Copy(Utf8View.SpanOf(key), arena);
            if (groups[i] != _null) continue;
            if (validity is null) validity = arena.AllocateValidity(count);
            ColumnVector.SetNull(validity, i);
        }
        return [new ColumnVector(type, count, (byte*)values, validity)];
    }

    public override void Dispose()
    {
        _keys.Dispose();
        _table.Release();
        _heap?.Release();
        _heap = null;
    }
}
