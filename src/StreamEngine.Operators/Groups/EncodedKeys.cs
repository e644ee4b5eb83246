using StreamEngine.Compute;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Groups;

/// <summary>Keys of any columns, none included, in their binary form.</summary>
internal sealed unsafe class EncodedKeys(DataType[] types, MemoryScope scope) : GroupKeys
{
    private readonly KeyTable _table = new(scope);
    private byte[] _key = GC.AllocateUninitializedArray<byte>(256, pinned: true);

    public override long Bytes => _table.Bytes;

    public override void Find(ReadOnlySpan<ColumnVector> keys, RowSet rows, int* groups)
    {
        var fixedSize = KeyEncoder.FixedSize(keys);
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            var size = fixedSize >= 0 ? fixedSize : KeyEncoder.SizeOf(keys, row);
            if (size > _key.Length) _key = GC.AllocateUninitializedArray<byte>(size * 2, pinned: true);
            fixed (byte* key = _key)
            {
                var length = KeyEncoder.Encode(keys, row, key);
                groups[i] = _table.FindOrAdd(ShortHash.Of(key, length), key, length, out _);
            }
        }
        Count = _table.Count;
    }

    // Its parts are small until they are needed.
    public override void Expect(int keys)
    {
    }

    public override int FindEncoded(ReadOnlySpan<byte> key)
    {
        if (key.Length < 1) throw new FormatException("a key in state is empty");
        fixed (byte* p = key)
        {
            var group = _table.FindOrAdd(KeyHash.Of(key), p, key.Length, out _);
            Count = _table.Count;
            return group;
        }
    }

    public override void Map(GroupKeys other, int* map)
    {
        var from = ((EncodedKeys)other)._table;
        for (var i = 0; i < from.Count; i++)
        {
            var key = from.KeyOf(i);
            map[i] = _table.FindOrAdd(from.HashOf(i), key.Pointer, key.Length, out _);
        }
        Count = _table.Count;
    }

    public override ReadOnlySpan<byte> EncodingOf(int group) => _table.KeyOf(group).Span;

    public override ulong HashOf(int group) => _table.HashOf(group);

    public override ColumnVector[] Decode(int* groups, int count, Arena arena)
    {
        var keys = arena.Allocate<Bytes>(Math.Max(1, count));
        for (var i = 0; i < count; i++) keys[i] = _table.KeyOf(groups[i]);
        return KeyEncoder.Decode(types, keys, count, arena);
    }

    public override void Dispose() => _table.Dispose();
}
