using System.IO.Hashing;
using StreamEngine.Core;

namespace StreamEngine.Compute;

/// <summary>The hash of a key: XxHash3 of its binary form (<see cref="KeyEncoder"/>). Its low bits are the key group, the same in every process and release; hash tables take the high ones.</summary>
internal static unsafe class KeyHash
{
    /// <summary>Writes the hash of each selected row to its physical place in <paramref name="hashes"/>, which has room for all physical rows.</summary>
    public static void Compute(ReadOnlySpan<ColumnVector> columns, Batch batch, ulong* hashes)
    {
        var size = Math.Max(KeyEncoder.FixedSize(columns), 256);
        var buffer = stackalloc byte[size];
        var isFixed = KeyEncoder.FixedSize(columns) >= 0;
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            var length = isFixed ? size : KeyEncoder.SizeOf(columns, row);
            hashes[row] = length <= size ? XxHash3.HashToUInt64(new ReadOnlySpan<byte>(buffer, KeyEncoder.Encode(columns, row, buffer))) : OfLarge(columns, row, length);
        }
    }

    private static ulong OfLarge(ReadOnlySpan<ColumnVector> columns, int row, int length)
    {
        var rented = System.Buffers.ArrayPool<byte>.Shared.Rent(length);
        fixed (byte* p = rented)
        {
            var hash = XxHash3.HashToUInt64(new ReadOnlySpan<byte>(p, KeyEncoder.Encode(columns, row, p)));
            System.Buffers.ArrayPool<byte>.Shared.Return(rented);
            return hash;
        }
    }

    /// <summary>The hash of an encoded key.</summary>
    public static ulong Of(ReadOnlySpan<byte> key) => XxHash3.HashToUInt64(key);
}
