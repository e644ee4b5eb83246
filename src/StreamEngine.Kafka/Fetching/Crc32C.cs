using System.Numerics;
using System.Runtime.CompilerServices;

namespace StreamEngine.Kafka.Fetching;

/// <summary>
/// CRC-32C of record batches. The instruction has a latency of three cycles and a throughput of one, so that three stretches are computed side by side and joined: a
/// checksum moves over n zero bytes by a linear map, which four tables of 256 entries hold (Mark Adler's method).
/// </summary>
internal static unsafe class Crc32C
{
    private const int Stretch = 1024;

    private static readonly uint[] OverStretch = MapOver(Stretch);

    /// <summary>The checksum of so many bytes.</summary>
    // Compiled once and whole: it runs for long from its first call on.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static uint Compute(byte* data, long length)
    {
        var crc = 0xFFFFFFFFu;
        var map = OverStretch;
        for (; length >= 3 * Stretch; data += 3 * Stretch, length -= 3 * Stretch)
        {
            uint second = 0, third = 0;
            for (var i = 0; i < Stretch; i += 8)
            {
                crc = BitOperations.Crc32C(crc, Unsafe.ReadUnaligned<ulong>(data + i));
                second = BitOperations.Crc32C(second, Unsafe.ReadUnaligned<ulong>(data + Stretch + i));
                third = BitOperations.Crc32C(third, Unsafe.ReadUnaligned<ulong>(data + 2 * Stretch + i));
            }
            crc = Move(map, Move(map, crc) ^ second) ^ third;
        }
        for (; length >= 8; data += 8, length -= 8) crc = BitOperations.Crc32C(crc, Unsafe.ReadUnaligned<ulong>(data));
        for (; length > 0; data++, length--) crc = BitOperations.Crc32C(crc, *data);
        return ~crc;
    }

    private static uint Move(uint[] map, uint crc) => map[crc & 0xFF] ^ map[256 + (crc >> 8 & 0xFF)] ^ map[512 + (crc >> 16 & 0xFF)] ^ map[768 + (crc >> 24)];

    private static uint[] MapOver(int bytes)
    {
        var map = new uint[4 * 256];
        for (var place = 0; place < 4; place++)
            for (var value = 0; value < 256; value++)
            {
                var crc = (uint)value << (8 * place);
                for (var i = 0; i < bytes; i += 8) crc = BitOperations.Crc32C(crc, 0UL);
                map[place * 256 + value] = crc;
            }
        return map;
    }
}
