using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Unicode;
using Apache.Arrow;
using Apache.Arrow.Types;

namespace StreamEngine.Core;

/// <summary>
/// Arrow arrays to columns, by copy. Arrow's own reader checks no offset, view, length, null count or text, so all of them are checked here before anything is read
/// through them.
/// </summary>
internal sealed unsafe class ArrowImport(Arena arena, string name)
{
    // The elements of all lists of a batch: of 16 bytes each they still fit into one block.
    private const int MaxValues = 1 << 26;

    /// <summary>So many values from one on, counted from the array's own offset.</summary>
    public ColumnVector Column(ArrayData data, DataType type, int from, int count)
    {
        var inside = data.Offset >= 0 && data.Length >= 0 && from >= 0 && count >= 0 && (long)from + count <= data.Length;
        Check(inside, $"rows {from} to {(long)from + count} of an array of {data.Length}");
        Check((long)data.Offset + data.Length <= int.MaxValue, "an offset beyond 2^31");
        Check(count <= MaxValues, $"more than {MaxValues} values in one batch");
        var start = data.Offset + from;
        var validity = Validity(data, start, count);
        return type.Kind switch
        {
            TypeKind.Boolean => new ColumnVector(type, count, Booleans(data, start, count), validity),
            TypeKind.Utf8 or TypeKind.Binary => new ColumnVector(type, count, (byte*)Texts(data, type, start, count, validity), validity),
            TypeKind.Struct => Struct(data, type, start, count, validity),
            TypeKind.List => List(data, type, start, count, validity),
            _ => new ColumnVector(type, count, Values(data, type, start, count), validity),
        };
    }

    private void Check(bool good, string what)
    {
        if (!good) throw new InvalidDataException($"column {name}: {what}");
    }

    /// <summary>The bytes of a buffer, of which at least so many have to be there.</summary>
    private ReadOnlySpan<byte> BufferOf(ArrayData data, int index, long bytes)
    {
        Check(data.Buffers is not null && data.Buffers.Length > index, $"buffer {index} is missing");
        var span = data.Buffers![index].Span;
        Check(span.Length >= bytes, $"buffer {index} has {span.Length} bytes, {bytes} are needed");
        return span;
    }

    private byte* Validity(ArrayData data, int start, int count)
    {
        Check(data.NullCount >= -1 && data.NullCount <= data.Length, $"{data.NullCount} nulls among {data.Length} values");
        if (data.Buffers is null || data.Buffers.Length == 0 || data.Buffers[0].IsEmpty)
        {
            Check(data.NullCount <= 0, $"{data.NullCount} nulls without a validity bitmap");
            return null;
        }
        var bits = BufferOf(data, 0, ((long)data.Offset + data.Length + 7) / 8);
        var nulls = 0;
        for (var i = data.Offset; i < data.Offset + data.Length; i++) nulls += IsSet(bits, i) ? 0 : 1;
        Check(data.NullCount == -1 || nulls == data.NullCount, $"{nulls} nulls in the bitmap, {data.NullCount} declared");
        if (nulls == 0) return null;
        var validity = arena.AllocateValidity(count);
        for (var i = 0; i < count; i++)
            if (!IsSet(bits, start + i)) ColumnVector.SetNull(validity, i);
        return validity;
    }

    private static bool IsSet(ReadOnlySpan<byte> bits, int i) => (bits[i >> 3] >> (i & 7) & 1) != 0;

    private byte* Booleans(ArrayData data, int start, int count)
    {
        var bits = BufferOf(data, 1, ((long)start + count + 7) / 8);
        var values = arena.Allocate<byte>(Math.Max(count, 1));
        for (var i = 0; i < count; i++) values[i] = IsSet(bits, start + i) ? (byte)1 : (byte)0;
        return values;
    }

    private byte* Values(ArrayData data, DataType type, int start, int count)
    {
        var to = arena.Allocate<byte>(Math.Max(count, 1) * type.Width);
        var width = data.DataType is FixedWidthType fixedWidth ? fixedWidth.BitWidth / 8 : type.Width;
        var from = BufferOf(data, 1, ((long)start + count) * width).Slice(start * width, count * width);
        switch (data.DataType)
        {
            case Int8Type: Widen<sbyte>(from, (int*)to, v => v); break;
            case Int16Type: Widen<short>(from, (int*)to, v => v); break;
            case UInt8Type: Widen<byte>(from, (int*)to, v => v); break;
            case UInt16Type: Widen<ushort>(from, (int*)to, v => v); break;
            case UInt32Type:
                for (var i = 0; i < count; i++) ((long*)to)[i] = BinaryPrimitives.ReadUInt32LittleEndian(from[(i * 4)..]);
                break;
            case FloatType:
                for (var i = 0; i < count; i++) ((double*)to)[i] = BinaryPrimitives.ReadSingleLittleEndian(from[(i * 4)..]);
                break;
            case TimestampType timestamp when timestamp.Unit != TimeUnit.Microsecond:
                for (var i = 0; i < count; i++) ((long*)to)[i] = Micros(BinaryPrimitives.ReadInt64LittleEndian(from[(i * 8)..]), timestamp.Unit);
                break;
            default:
                from.CopyTo(new Span<byte>(to, from.Length));
                break;
        }
        if (type.Kind == TypeKind.Decimal)
            for (var i = 0; i < count; i++) Check(DecimalText.Fits(((Int128*)to)[i], type.Precision) || IsNull(data, start + i), $"a value beyond {type}");
        return to;
    }

    private static bool IsNull(ArrayData data, int at) => !data.Buffers[0].IsEmpty && !IsSet(data.Buffers[0].Span, at);

    private static void Widen<T>(ReadOnlySpan<byte> from, int* to, Func<T, int> widen) where T : unmanaged
    {
        var values = MemoryMarshal.Cast<byte, T>(from);
        for (var i = 0; i < values.Length; i++) to[i] = widen(values[i]);
    }

    private long Micros(long value, TimeUnit unit)
    {
        if (unit == TimeUnit.Nanosecond) return Calendar.FloorDivide(value, 1000);
        var product = (Int128)value * (unit == TimeUnit.Second ? 1_000_000 : 1000);
        Check(product == (long)product, "a timestamp beyond the range of microseconds");
        return (long)product;
    }

    private Utf8View* Texts(ArrayData data, DataType type, int start, int count, byte* validity)
    {
        var views = arena.AllocateZeroed<Utf8View>(Math.Max(count, 1));
        var isView = data.DataType is StringViewType or BinaryViewType;
        var entries = isView ? BufferOf(data, 1, ((long)start + count) * 16) : OffsetsOf(data, start, count);
        for (var i = 0; i < count; i++)
        {
            if (validity is not null && !ColumnVector.IsSet(validity, i)) continue;
            var text = isView ? ViewAt(data, entries.Slice((start + i) * 16, 16)) : ValueAt(data, entries[(i * 4)..]);
            Check(type.Kind != TypeKind.Utf8 || Utf8.IsValid(text), "a string that is not valid UTF-8");
            views[i] = Utf8View.Copy(text, arena);
        }
        return views;
    }

    private ReadOnlySpan<byte> ViewAt(ArrayData data, ReadOnlySpan<byte> view)
    {
        var length = BinaryPrimitives.ReadInt32LittleEndian(view);
        Check(length >= 0, "a view of negative length");
        if (length <= Utf8View.InlineLength) return view.Slice(4, length);
        var index = BinaryPrimitives.ReadInt32LittleEndian(view[8..]);
        var offset = BinaryPrimitives.ReadInt32LittleEndian(view[12..]);
        Check(index >= 0 && index < data.Buffers.Length - 2, $"a view into buffer {index} of {data.Buffers.Length - 2}");
        var bytes = data.Buffers[index + 2].Span;
        Check(offset >= 0 && (long)offset + length <= bytes.Length, "a view beyond its buffer");
        var text = bytes.Slice(offset, length);
        Check(text[..4].SequenceEqual(view.Slice(4, 4)), "a view whose prefix is not its value's");
        return text;
    }

    private ReadOnlySpan<byte> ValueAt(ArrayData data, ReadOnlySpan<byte> offsets)
    {
        var from = BinaryPrimitives.ReadInt32LittleEndian(offsets);
        var to = BinaryPrimitives.ReadInt32LittleEndian(offsets[4..]);
        return BufferOf(data, 2, to)[from..to];
    }

    /// <summary>The offsets of so many values and one more; growing, and not negative.</summary>
    private ReadOnlySpan<byte> OffsetsOf(ArrayData data, int start, int count)
    {
        // An array without values may have no offsets at all.
        if (count == 0 && data.Buffers is { Length: > 1 } && data.Buffers[1].IsEmpty) return new byte[4];
        var offsets = BufferOf(data, 1, ((long)start + count + 1) * 4).Slice(start * 4, (count + 1) * 4);
        var last = 0;
        for (var i = 0; i <= count; i++)
        {
            var offset = BinaryPrimitives.ReadInt32LittleEndian(offsets[(i * 4)..]);
            Check(offset >= last, $"offset {offset} behind {last}");
            last = offset;
        }
        return offsets;
    }

    private ColumnVector Struct(ArrayData data, DataType type, int start, int count, byte* validity)
    {
        var fields = type.Fields!;
        Check((data.Children?.Length ?? 0) == fields.Count, $"{data.Children?.Length ?? 0} children for {type}");
        var children = new ColumnVector[fields.Count];
        for (var i = 0; i < children.Length; i++)
            children[i] = new ArrowImport(arena, $"{name}.{fields[i].Name}").Column(data.Children![i], fields[i].Type, start, count);
        return new ColumnVector(type, count, null, validity, children);
    }

    private ColumnVector List(ArrayData data, DataType type, int start, int count, byte* validity)
    {
        Check(data.Children?.Length == 1, "a list without its child");
        var offsets = OffsetsOf(data, start, count);
        var own = arena.Allocate<int>(count + 1);
        var first = BinaryPrimitives.ReadInt32LittleEndian(offsets);
        for (var i = 0; i <= count; i++) own[i] = BinaryPrimitives.ReadInt32LittleEndian(offsets[(i * 4)..]) - first;
        var element = new ArrowImport(arena, $"{name}[]").Column(data.Children![0], type.Element!, first, own[count]);
        return new ColumnVector(type, count, (byte*)own, validity, [element]);
    }
}
