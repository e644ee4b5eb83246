using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.CompilerServices;

namespace StreamEngine.Compute;

/// <summary>
/// XxHash3 (64 bits, seed 0) with its path for 9 to 16 bytes in line, which most keys take (one BIGINT is 10, a text of ten characters 16): a call of the library
/// costs five times as much.
/// Yann Collet's xxh3.h, XXH3_len_9to16_64b; a test holds it against the library.
/// </summary>
internal static unsafe class ShortHash
{
    // Words of the default secret at 24, 32, 40 and 48, combined as the seedless path does.
    private const ulong FlipLow = 0x1F67B3B7A4A44072UL ^ 0x78E5C0CC4EE679CBUL;
    private const ulong FlipHigh = 0x2172FFCC7DD05A82UL ^ 0x8E2443F7744608B8UL;
    private const ulong AvalanchePrime = 0x165667919E3779F9UL;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of(byte* bytes, int length)
        => length is >= 9 and <= 16 ? Of(Unsafe.ReadUnaligned<ulong>(bytes), Unsafe.ReadUnaligned<ulong>(bytes + length - 8), length)
            : XxHash3.HashToUInt64(new ReadOnlySpan<byte>(bytes, length));

    /// <summary>Of 9 to 16 bytes: the first eight and the last eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of(ulong first, ulong last, int length)
    {
        var low = first ^ FlipLow;
        var high = last ^ FlipHigh;
        var folded = Math.BigMul(low, high, out var product) ^ product;
        var hash = (ulong)length + BinaryPrimitives.ReverseEndianness(low) + high + folded;
        hash ^= hash >> 37;
        hash *= AvalanchePrime;
        return hash ^ (hash >> 32);
    }
}
