using System.Runtime.CompilerServices;
using StreamEngine.Compute;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Operators.Groups;

/// <summary>
/// Keys of several columns of numbers and texts: each column numbers its own values, and a pair of such numbers is a number again, column by column. So nothing is
/// encoded, and texts of any length and nulls are
/// dealt with once per value and not once per key.
/// </summary>
internal sealed unsafe class CompositeKeys : GroupKeys
{
    private const int Chunk = 128;

    private readonly GroupKeys[] _parts;

    /// <summary>The numbers of (number so far, number in the next column); the last table's are the groups.</summary>
    private readonly NumberKeys[] _pairs;
    private readonly DataType[] _types;
    private byte[] _encoded = new byte[64];

    public CompositeKeys(DataType[] types, MemoryScope scope)
    {
        _types = types;
        _parts = [.. types.Select(t => Create([t], scope))];
        _pairs = [.. types.Skip(1).Select(_ => new NumberKeys(DataType.Int64, scope))];
    }

    public override long Bytes
    {
        get
        {
            long bytes = 0;
            foreach (var part in _parts) bytes += part.Bytes;
            foreach (var pair in _pairs) bytes += pair.Bytes;
            return bytes;
        }
    }

    /// <summary>Columns have fewer values than there are keys: only the last table is told.</summary>
    public override void Expect(int keys) => _pairs[^1].Expect(keys);

    public override void Find(ReadOnlySpan<ColumnVector> keys, RowSet rows, int* groups)
    {
        var selection = stackalloc ushort[Chunk];
        var numbers = stackalloc int[Chunk];
        for (var from = 0; from < rows.Count; from += Chunk)
        {
            var count = Math.Min(Chunk, rows.Count - from);
            for (var i = 0; i < count; i++) selection[i] = (ushort)rows.At(from + i);
            var set = new RowSet(selection, count);
            _parts[0].Find(keys[..1], set, groups + from);
            for (var c = 1; c < _parts.Length; c++)
            {
                _parts[c].Find(keys.Slice(c, 1), set, numbers);
                Pair(c, groups + from, numbers, count);
            }
        }
        Count = _pairs[^1].Count;
    }

    /// <summary>Replaces the numbers of the columns before this one by those together with it; a chunk at most.</summary>
    private void Pair(int column, int* before, int* numbers, int count)
    {
        var pairs = stackalloc long[Chunk];
        for (var i = 0; i < count; i++) pairs[i] = (long)before[i] << 32 | (uint)numbers[i];
        _pairs[column - 1].Find(pairs, count, before);
    }

    public override void Map(GroupKeys other, int* map)
    {
        var from = (CompositeKeys)other;
        var parts = new int[_parts.Length][];
        for (var c = 0; c < parts.Length; c++)
        {
            parts[c] = new int[from._parts[c].Count];
            fixed (int* p = parts[c]) _parts[c].Map(from._parts[c], p);
        }
        var numbers = stackalloc int[Chunk];
        for (var first = 0; first < from.Count; first += Chunk)
        {
            var count = Math.Min(Chunk, from.Count - first);
            for (var i = 0; i < count; i++) map[first + i] = parts[0][from.PartOf(first + i, 0)];
            for (var c = 1; c < _parts.Length; c++)
            {
                for (var i = 0; i < count; i++) numbers[i] = parts[c][from.PartOf(first + i, c)];
                Pair(c, map + first, numbers, count);
            }
        }
        Count = _pairs[^1].Count;
    }

    /// <summary>The number that a group's value has in a column.</summary>
    private int PartOf(int group, int column)
    {
        var number = group;
        for (var c = _pairs.Length; c > 0; c--)
        {
            var pair = _pairs[c - 1].KeyOf(number);
            if (c == column) return (int)pair;
            number = (int)(pair >> 32);
        }
        return number;
    }

    public override int FindEncoded(ReadOnlySpan<byte> key)
    {
        Check(key);
        var part = new byte[key.Length];
        part[0] = KeyEncoder.Version;
        var rest = key[1..];
        int group = 0, number = 0;
        for (var c = 0; c < _parts.Length; c++)
        {
            var size = SizeOf(_types[c], rest);
            rest[..size].CopyTo(part.AsSpan(1));
            number = _parts[c].FindEncoded(part.AsSpan(0, 1 + size));
            if (c == 0) group = number;
            else Pair(c, &group, &number, 1);
            rest = rest[size..];
        }
        if (!rest.IsEmpty) throw new FormatException($"a key of {_types.Length} columns in state has {rest.Length} bytes too many");
        Count = _pairs[^1].Count;
        return group;
    }

    private static int SizeOf(DataType type, ReadOnlySpan<byte> rest)
    {
        var size = rest.IsEmpty ? -1
            : rest[0] == 0 ? 1
            : type.Kind is not (TypeKind.Utf8 or TypeKind.Binary) ? 1 + type.Width
            : rest.Length < 5 ? -1
            : 5 + (long)Unsafe.ReadUnaligned<int>(in rest[1]);
        if (size < 1 || size > rest.Length) throw new FormatException("a key in state ends inside of a column");
        return (int)size;
    }

    public override ReadOnlySpan<byte> EncodingOf(int group)
    {
        _encoded[0] = KeyEncoder.Version;
        var length = 1;
        for (var c = 0; c < _parts.Length; c++)
        {
            var part = _parts[c].EncodingOf(PartOf(group, c))[1..];
            if (length + part.Length > _encoded.Length) Array.Resize(ref _encoded, (length + part.Length) * 2);
            part.CopyTo(_encoded.AsSpan(length));
            length += part.Length;
        }
        return _encoded.AsSpan(0, length);
    }

    public override ulong HashOf(int group) => KeyHash.Of(EncodingOf(group));

    public override ColumnVector[] Decode(int* groups, int count, Arena arena)
    {
        var columns = new ColumnVector[_parts.Length];
        var numbers = arena.Allocate<int>(Math.Max(1, count));
        for (var c = 0; c < columns.Length; c++)
        {
            for (var i = 0; i < count; i++) numbers[i] = PartOf(groups[i], c);
            columns[c] = _parts[c].Decode(numbers, count, arena)[0];
        }
        return columns;
    }

    public override void Dispose()
    {
        foreach (var part in _parts) part.Dispose();
        foreach (var pair in _pairs) pair.Dispose();
    }
}
