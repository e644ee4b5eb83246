using System.Numerics;
using System.Runtime.InteropServices;

namespace StreamEngine.Broker.Log;

/// <summary>
/// CRC-32C (Castagnoli), the checksum of record batches. The instruction takes three cycles and can start one per cycle, so long inputs run as three
/// independent lanes that are joined by multiplication with x^(8n) mod P (Mark Adler's crc32c.c describes the method).
/// </summary>
internal static class Crc32C
{
    private const int Long = 8192;
    private const int Short = 256;
    private static readonly uint[] LongZeros = ZerosTable(Long);
    private static readonly uint[] ShortZeros = ZerosTable(Short);

    public static uint Compute(ReadOnlySpan<byte> data) => ~Append(0xFFFFFFFFu, data);

    /// <summary>Goes on from a raw (not inverted) register.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        while (data.Length >= 3 * Long) crc = ThreeLanes(crc, ref data, Long, LongZeros);
        while (data.Length >= 3 * Short) crc = ThreeLanes(crc, ref data, Short, ShortZeros);
        var words = MemoryMarshal.Cast<byte, ulong>(data);
        foreach (var word in words) crc = BitOperations.Crc32C(crc, word);
        foreach (var b in data[(words.Length * 8)..]) crc = BitOperations.Crc32C(crc, b);
        return crc;
    }

    private static uint ThreeLanes(uint crc, ref ReadOnlySpan<byte> data, int size, uint[] zeros)
    {
        var a = MemoryMarshal.Cast<byte, ulong>(data[..size]);
        var b = MemoryMarshal.Cast<byte, ulong>(data.Slice(size, size));
        var c = MemoryMarshal.Cast<byte, ulong>(data.Slice(2 * size, size));
        uint crcB = 0, crcC = 0;
        for (var i = 0; i < a.Length && i < b.Length && i < c.Length; i++)
        {
            crc = BitOperations.Crc32C(crc, a[i]);
            crcB = BitOperations.Crc32C(crcB, b[i]);
            crcC = BitOperations.Crc32C(crcC, c[i]);
        }
        data = data[(3 * size)..];
        return Shift(zeros, Shift(zeros, crc) ^ crcB) ^ crcC;
    }

    private static uint Shift(uint[] zeros, uint crc) =>
        zeros[crc & 0xFF] ^ zeros[256 + ((crc >> 8) & 0xFF)] ^ zeros[512 + ((crc >> 16) & 0xFF)] ^ zeros[768 + (crc >> 24)];

    /// <summary>What a register becomes after <paramref name="count"/> zero bytes: linear in its bits, so a table per byte holds it.</summary>
    private static uint[] ZerosTable(int count)
    {
        Span<uint> bits = stackalloc uint[32];
        for (var bit = 0; bit < 32; bit++)
        {
            var crc = 1u << bit;
            for (var i = 0; i < count; i += 8) crc = BitOperations.Crc32C(crc, 0UL);
            bits[bit] = crc;
        }
        var table = new uint[1024];
        for (var part = 0; part < 4; part++)
            for (var value = 1; value < 256; value++)
                table[part * 256 + value] = table[part * 256 + (value & (value - 1))] ^ bits[part * 8 + BitOperations.TrailingZeroCount(value)];
        return table;
    }
}
