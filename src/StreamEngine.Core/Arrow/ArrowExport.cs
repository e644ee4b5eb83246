using System.Runtime.CompilerServices;
using Apache.Arrow;

namespace StreamEngine.Core;

/// <summary>
/// Columns to Arrow arrays: as views of the batch's memory where the layouts agree, else as copies in managed arrays. Buffers have their exact length, since
/// Arrow's writer pads with whatever follows in a longer one
/// (columns.md section 2).
/// </summary>
internal sealed unsafe class ArrowExport(Batch batch, bool copy)
{
    /// <summary>The selected rows; null when all are.</summary>
    public static int[]? RowsOf(Batch batch)
    {
        if (batch.Selection is null) return null;
        var rows = new int[batch.Count];
        for (var i = 0; i < rows.Length; i++) rows[i] = batch.Selection[i];
        return rows;
    }

    /// <summary>These rows of a column, or with null its first so many.</summary>
    public ArrayData Column(ColumnVector column, int[]? rows, int count)
    {
        var type = ArrowTypes.ToArrow(column.Type, "");
        if (column.Type.Kind == TypeKind.Null) return new ArrayData(type, count, count, 0, (ArrowBuffer[])[]);
        var validity = Validity(column, rows, count, out var nulls);
        switch (column.Type.Kind)
        {
            case TypeKind.Boolean:
                return new ArrayData(type, count, nulls, 0, [validity, Bits(column, rows, count)]);
            case TypeKind.Utf8 or TypeKind.Binary:
                var views = Views(column, rows, count, out var bytes);
                return new ArrayData(type, count, nulls, 0, bytes.Length == 0 ? [validity, views] : [validity, views, new ArrowBuffer(bytes)]);
            case TypeKind.Struct:
                return new ArrayData(type, count, nulls, 0, [validity], [.. column.Children.Select(c => Column(c, rows, count))]);
            case TypeKind.List:
                return List(column, type, validity, nulls, rows, count);
            default:
                return new ArrayData(type, count, nulls, 0, [validity, Values(column, rows, count)]);
        }
    }

    private ArrowBuffer? View(byte* start, long length)
    {
        if (copy) return null;
        foreach (var arena in batch.Arenas)
            if (arena.MemoryOf(start, checked((int)length)) is { } memory) return new ArrowBuffer(memory);
        return null;
    }

    private ArrowBuffer Validity(ColumnVector column, int[]? rows, int count, out int nulls)
    {
        nulls = 0;
        for (var i = 0; i < count && column.MayHaveNulls; i++)
            if (column.IsNull(rows is null ? i : rows[i])) nulls++;
        if (nulls == 0) return ArrowBuffer.Empty;
        if (rows is null && View(column.Validity, (count + 7) / 8) is { } view) return view;
        var bits = new byte[(count + 7) / 8];
        for (var i = 0; i < count; i++)
            if (!column.IsNull(rows is null ? i : rows[i])) bits[i >> 3] |= (byte)(1 << (i & 7));
        return new ArrowBuffer(bits);
    }

    private static ArrowBuffer Bits(ColumnVector column, int[]? rows, int count)
    {
        var bits = new byte[(count + 7) / 8];
        for (var i = 0; i < count; i++)
        {
            var row = rows is null ? i : rows[i];
            if (!column.IsNull(row) && column.Values[row] != 0) bits[i >> 3] |= (byte)(1 << (i & 7));
        }
        return new ArrowBuffer(bits);
    }

    private ArrowBuffer Values(ColumnVector column, int[]? rows, int count)
    {
        var width = column.Type.Width;
        if (rows is null && View(column.Values, (long)count * width) is { } view) return view;
        var values = new byte[checked(count * width)];
        fixed (byte* to = values)
        {
            for (var i = 0; i < count; i++)
            {
                // What stands at a null is undefined: it stays zero rather than leaving the process.
                var row = rows is null ? i : rows[i];
                if (!column.IsNull(row)) Unsafe.CopyBlockUnaligned(to + (long)i * width, column.Values + (long)row * width, (uint)width);
            }
        }
        return new ArrowBuffer(values);
    }

    /// <summary>Our views hold pointers, Arrow's a buffer and an offset: the long values go into one buffer.</summary>
    private static ArrowBuffer Views(ColumnVector column, int[]? rows, int count, out byte[] bytes)
    {
        long total = 0;
        for (var i = 0; i < count; i++)
        {
            var row = rows is null ? i : rows[i];
            if (!column.IsNull(row) && column.As<Utf8View>()[row].Length is > Utf8View.InlineLength and var length) total += length;
        }
        bytes = new byte[checked((int)total)];
        var views = new byte[count * 16];
        var at = 0;
        fixed (byte* to = views)
        {
            for (var i = 0; i < count; i++)
            {
                var row = rows is null ? i : rows[i];
                if (column.IsNull(row)) continue;
                var view = column.As<Utf8View>() + row;
                Unsafe.CopyBlockUnaligned(to + i * 16, view, 16);
                if (view->Length <= Utf8View.InlineLength) continue;
                Unsafe.WriteUnaligned(to + i * 16 + 8, 0);
                Unsafe.WriteUnaligned(to + i * 16 + 12, at);
                Utf8View.SpanOf(view).CopyTo(bytes.AsSpan(at));
                at += view->Length;
            }
        }
        return new ArrowBuffer(views);
    }

    private ArrayData List(ColumnVector column, Apache.Arrow.Types.IArrowType type, ArrowBuffer validity, int nulls, int[]? rows, int count)
    {
        var offsets = column.As<int>();
        var element = column.Children[0];
        if (rows is null && View((byte*)offsets, (count + 1) * 4L) is { } view)
            return new ArrayData(type, count, nulls, 0, [validity, view], [Column(element, null, offsets[count])]);
        var own = new int[count + 1];
        var elements = new List<int>();
        for (var i = 0; i < count; i++)
        {
            var row = rows is null ? i : rows[i];
            if (!column.IsNull(row))
                for (var e = offsets[row]; e < offsets[row + 1]; e++) elements.Add(e);
            own[i + 1] = elements.Count;
        }
        var bytes = new byte[own.Length * 4];
        Buffer.BlockCopy(own, 0, bytes, 0, bytes.Length);
        return new ArrayData(type, count, nulls, 0, [validity, new ArrowBuffer(bytes)], [Column(element, [.. elements], elements.Count)]);
    }
}
