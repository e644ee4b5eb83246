using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Compute;

/// <summary>The hash of a key: XxHash3 of its binary form (<see cref="KeyEncoder"/>). Its low bits are the key group, the same in every process and release; hash
/// tables take the high ones.</summary>
internal static unsafe class KeyHash
{
    /// <summary>Writes the hash of each selected row to its physical place in <paramref name="hashes"/>, which has room for all physical rows.</summary>
    public static void Compute(ReadOnlySpan<ColumnVector> columns, Batch batch, ulong* hashes) => Compute(columns, batch.Selection, batch.Count, hashes);

    /// <summary>The same for rows that are in no batch; a null selection stands for the first <paramref name="count"/> rows.</summary>
    public static void Compute(ReadOnlySpan<ColumnVector> columns, ushort* selection, int count, ulong* hashes)
    {
        var single = columns.Length == 1 && !columns[0].MayHaveNulls ? columns[0].Type.Kind : TypeKind.Null;
        if (single is TypeKind.Int64 or TypeKind.Timestamp) ComputeInt64(columns[0].As<long>(), selection, count, hashes);
        else if (single is TypeKind.Utf8 or TypeKind.Binary) ComputeText(columns, selection, count, hashes);
        else ComputeEncoded(columns, selection, count, hashes);
    }

    /// <summary>Version, flag and value are ten bytes: the words that the hash reads are made by shifts.</summary>
    private static void ComputeInt64(long* values, ushort* selection, int count, ulong* hashes)
    {
        const ulong head = KeyEncoder.Version | 1UL << 8;
        for (var i = 0; i < count; i++)
        {
            var row = selection is null ? i : selection[i];
            var value = (ulong)values[row];
            hashes[row] = ShortHash.Of(head | value << 16, value, 10);
        }
    }

    /// <summary>A text that lies in its view is encoded already: length and bytes stand there as the encoding has them.</summary>
    private static void ComputeText(ReadOnlySpan<ColumnVector> columns, ushort* selection, int count, ulong* hashes)
    {
        var encoding = stackalloc byte[24];
        var large = stackalloc byte[LargeSize];
        encoding[0] = KeyEncoder.Version;
        encoding[1] = 1;
        var views = columns[0].As<Utf8View>();
        for (var i = 0; i < count; i++)
        {
            var row = selection is null ? i : selection[i];
            var length = views[row].Length;
            if (length > Utf8View.InlineLength)
            {
                hashes[row] = OfRow(columns, row, length + 6, large);
                continue;
            }
            Unsafe.CopyBlockUnaligned(encoding + 2, (byte*)(views + row), 16);
            hashes[row] = ShortHash.Of(encoding, 6 + length);
        }
    }

    private static void ComputeEncoded(ReadOnlySpan<ColumnVector> columns, ushort* selection, int count, ulong* hashes)
    {
        var buffer = stackalloc byte[LargeSize];
        var size = KeyEncoder.FixedSize(columns);
        for (var i = 0; i < count; i++)
        {
            var row = selection is null ? i : selection[i];
            hashes[row] = OfRow(columns, row, size >= 0 ? size : KeyEncoder.SizeOf(columns, row), buffer);
        }
    }

    /// <summary>The longest encoding that is put together on the stack.</summary>
    private const int LargeSize = 512;

    private static ulong OfRow(ReadOnlySpan<ColumnVector> columns, int row, int size, byte* buffer)
    {
        if (size <= LargeSize) return ShortHash.Of(buffer, KeyEncoder.Encode(columns, row, buffer));
        var rented = System.Buffers.ArrayPool<byte>.Shared.Rent(size);
        fixed (byte* p = rented)
        {
            var hash = ShortHash.Of(p, KeyEncoder.Encode(columns, row, p));
            System.Buffers.ArrayPool<byte>.Shared.Return(rented);
            return hash;
        }
    }

    /// <summary>The hash of an encoded key.</summary>
    public static ulong Of(ReadOnlySpan<byte> key)
    {
        fixed (byte* p = key) return ShortHash.Of(p, key.Length);
    }
}
