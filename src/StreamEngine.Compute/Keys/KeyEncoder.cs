using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Compute;

/// <summary>
/// The binary form of a key, by which keys are compared, hashed, and kept in state. Version 1, little-endian: the version (1 byte), then per column 0 for null, or 1
/// and the value: BOOLEAN 1 byte, INT and DATE 4, BIGINT,
/// TIMESTAMP and DOUBLE 8 (zero has one sign, NaN one pattern), DECIMAL and INTERVAL 16, STRING and BINARY a length (4) and the bytes, STRUCT its fields, ARRAY a
/// count (4) and its elements.
/// </summary>
internal static unsafe class KeyEncoder
{
    public const byte Version = 1;

    /// <summary>The most bytes that a key of these columns can take when none of them is of variable length; -1 otherwise.</summary>
    public static int FixedSize(ReadOnlySpan<ColumnVector> columns)
    {
        var size = 1;
        foreach (var column in columns)
        {
            if (column.Type.Kind is TypeKind.Utf8 or TypeKind.Binary or TypeKind.List or TypeKind.Struct) return -1;
            size += 1 + column.Type.Width;
        }
        return size;
    }

    /// <summary>The bytes that the key of a row takes.</summary>
    public static int SizeOf(ReadOnlySpan<ColumnVector> columns, int row)
    {
        var size = 1;
        foreach (var column in columns) size += SizeOf(column, row);
        return size;
    }

    private static int SizeOf(ColumnVector column, int row)
    {
        if (column.IsNull(row)) return 1;
        switch (column.Type.Kind)
        {
            case TypeKind.Utf8 or TypeKind.Binary:
                return 5 + column.As<Utf8View>()[row].Length;
            case TypeKind.Struct:
                var size = 1;
                foreach (var child in column.Children) size += SizeOf(child, row);
                return size;
            case TypeKind.List:
                var (from, to) = (column.As<int>()[row], column.As<int>()[row + 1]);
                var sum = 5;
                for (var i = from; i < to; i++) sum += SizeOf(column.Children[0], i);
                return sum;
            default:
                return 1 + column.Type.Width;
        }
    }

    /// <summary>Writes the key of a row, which must have room, and returns its length.</summary>
    public static int Encode(ReadOnlySpan<ColumnVector> columns, int row, byte* to)
    {
        var at = to;
        *at++ = Version;
        foreach (var column in columns) at = Encode(column, row, at);
        return (int)(at - to);
    }

    private static byte* Encode(ColumnVector column, int row, byte* to)
    {
        if (column.IsNull(row))
        {
            *to = 0;
            return to + 1;
        }
        *to++ = 1;
        switch (column.Type.Kind)
        {
            case TypeKind.Boolean:
                *to = column.Values[row];
                return to + 1;
            case TypeKind.Int32 or TypeKind.Date:
                Unsafe.WriteUnaligned(to, column.As<int>()[row]);
                return to + 4;
            case TypeKind.Int64 or TypeKind.Timestamp:
                Unsafe.WriteUnaligned(to, column.As<long>()[row]);
                return to + 8;
            case TypeKind.Float64:
                Unsafe.WriteUnaligned(to, Canonical(column.As<double>()[row]));
                return to + 8;
            case TypeKind.Decimal or TypeKind.Interval:
                Unsafe.CopyBlockUnaligned(to, column.Values + (long)row * 16, 16);
                return to + 16;
            case TypeKind.Struct:
                foreach (var child in column.Children) to = Encode(child, row, to);
                return to;
            case TypeKind.List:
                var (from, end) = (column.As<int>()[row], column.As<int>()[row + 1]);
                Unsafe.WriteUnaligned(to, end - from);
                to += 4;
                for (var i = from; i < end; i++) to = Encode(column.Children[0], i, to);
                return to;
            default:
                var view = column.As<Utf8View>() + row;
                Unsafe.WriteUnaligned(to, view->Length);
                Unsafe.CopyBlockUnaligned(to + 4, Utf8View.BytesOf(view), (uint)view->Length);
                return to + 4 + view->Length;
        }
    }

    private static double Canonical(double value) => value == 0 ? 0 : double.IsNaN(value) ? double.NaN : value;

    /// <summary>Whether columns of this type can be decoded again: all but structs and lists, which are for comparison only.</summary>
    public static bool CanDecode(DataType type) => type.Kind is not (TypeKind.Struct or TypeKind.List or TypeKind.Null);

    /// <summary>The columns of so many keys, in the arena.</summary>
    public static ColumnVector[] Decode(ReadOnlySpan<DataType> types, Bytes* keys, int count, Arena arena)
    {
        var columns = new ColumnVector[types.Length];
        // Where in each key the next column begins.
        var offsets = arena.Allocate<int>(count);
        for (var i = 0; i < count; i++)
        {
            if (keys[i].Pointer[0] != Version) throw new FormatException($"a key has version {keys[i].Pointer[0]}; this engine reads version {Version}");
            offsets[i] = 1;
        }
        for (var c = 0; c < types.Length; c++) columns[c] = Decode(types[c], keys, offsets, count, arena);
        return columns;
    }

    private static ColumnVector Decode(DataType type, Bytes* keys, int* offsets, int count, Arena arena)
    {
        var values = arena.Allocate<byte>(Math.Max(1, count) * type.Width);
        byte* validity = null;
        for (var i = 0; i < count; i++)
        {
            var at = keys[i].Pointer + offsets[i];
            if (*at++ == 0)
            {
                if (validity is null) validity = arena.AllocateValidity(count);
                ColumnVector.SetNull(validity, i);
                Unsafe.InitBlockUnaligned(values + (long)i * type.Width, 0, (uint)type.Width);
                offsets[i]++;
                continue;
            }
            if (type.Kind is TypeKind.Utf8 or TypeKind.Binary)
            {
                var length = Unsafe.ReadUnaligned<int>(at);
                ((Utf8View*)values)[i] = Utf8View.Copy(new ReadOnlySpan<byte>(at + 4, length), arena);
                offsets[i] += 5 + length;
            }
            else
            {
                Unsafe.CopyBlockUnaligned(values + (long)i * type.Width, at, (uint)type.Width);
                offsets[i] += 1 + type.Width;
            }
        }
        return new ColumnVector(type, count, values, validity);
    }
}
