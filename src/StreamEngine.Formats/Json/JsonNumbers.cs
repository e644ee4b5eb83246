using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using StreamEngine.Core;

namespace StreamEngine.Formats.Json;

/// <summary>
/// Numbers at speed: eight digits at a time in a 64-bit word (Daniel Lemire, "Quickly parsing eight digits"), and doubles of few digits by one exact multiplication
/// or division (William Clinger, "How to
/// Read Floating Point Numbers Accurately", 1990). What these do not cover is left to the general parsers.
/// </summary>
internal static unsafe class JsonNumbers
{
    private static readonly ulong[] Powers = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

    private static readonly double[] Exact =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22];

    /// <summary>
    /// An integer of at most 18 digits. Returns its end, or null when it is longer, has a leading zero, or is none. Reads up to 24 bytes; the caller checks what
    /// comes behind.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Integer(byte* p, out long value)
    {
        var negative = *p == '-';
        if (negative) p++;
        var word = Unsafe.ReadUnaligned<ulong>(p);
        var others = NotDigits(word);
        ulong sum;
        if (others != 0)
        {
            var digits = BitOperations.TrailingZeroCount(others) >> 3;
            if (digits == 0 || (digits > 1 && *p == '0')) goto Other;
            sum = Eight(Padded(word, digits));
            p += digits;
        }
        else
        {
            if (*p == '0') goto Other;
            sum = Eight(word);
            p += 8;
            word = Unsafe.ReadUnaligned<ulong>(p);
            others = NotDigits(word);
            var digits = others == 0 ? 8 : BitOperations.TrailingZeroCount(others) >> 3;
            if (digits != 0) sum = sum * Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Powers), digits) + (digits == 8 ? Eight(word) : Eight(Padded(word, digits)));
            p += digits;
            if (digits == 8)
            {
                for (digits = 16; (uint)(*p - '0') <= 9; p++)
                {
                    if (++digits > 18) goto Other;
                    sum = sum * 10 + (uint)(*p - '0');
                }
            }
        }
        value = negative ? -(long)sum : (long)sum;
        return p;
    Other:
        value = 0;
        return null;
    }

    /// <summary>The microseconds of the digits behind a point, of which there may be one to six; returns how many there are, 0 for any other number of them. Reads
    /// eight bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Fraction(byte* p, out int micros)
    {
        var word = Unsafe.ReadUnaligned<ulong>(p);
        var others = NotDigits(word);
        var digits = others == 0 ? 8 : BitOperations.TrailingZeroCount(others) >> 3;
        micros = 0;
        if (digits is 0 or > 6) return 0;
        micros = (int)(Eight(Padded(word, digits)) * Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Powers), 6 - digits));
        return digits;
    }

    // A borrow or carry can only come out of a byte that is no digit, so the first one that is marked is right.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong NotDigits(ulong word) => ((word + 0x4646464646464646) | (word - 0x3030303030303030)) & 0x8080808080808080;

    // The first 1 to 7 digits moved to the end, behind zeros.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Padded(ulong word, int digits) => (word << (64 - 8 * digits)) | (0x3030303030303030UL >> (8 * digits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Eight(ulong word)
    {
        word -= 0x3030303030303030;
        word = word * 10 + (word >> 8);
        return ((word & 0x000000FF000000FF) * 0x000F424000000064 + ((word >> 16) & 0x000000FF000000FF) * 0x0000271000000001) >> 32;
    }

    /// <summary>The value of a JSON number; false beyond the range of a double.</summary>
    public static bool TryDouble(byte* p, byte* end, out double value)
    {
        var at = p;
        var negative = *at == '-';
        if (negative) at++;
        ulong mantissa = 0;
        var digits = 0;
        var scale = 0;
        var point = false;
        for (; at < end; at++)
        {
            var digit = (uint)(*at - '0');
            if (digit > 9)
            {
                if (*at != '.') break;
                point = true;
                continue;
            }
            if (mantissa != 0 || digit != 0) digits++;
            if (digits > 18) return NumberText.TryParseDouble(new ReadOnlySpan<byte>(p, (int)(end - p)), out value);
            mantissa = mantissa * 10 + digit;
            if (point) scale++;
        }
        if (at != end || mantissa > 1UL << 53 || scale > 22) return NumberText.TryParseDouble(new ReadOnlySpan<byte>(p, (int)(end - p)), out value);
        value = scale == 0 ? mantissa : mantissa / Exact[scale];
        if (negative) value = -value;
        return true;
    }

    /// <summary>The value of a JSON number that is a whole one, however it is written (1.0, 1e2).</summary>
    public static bool TryInteger(ReadOnlySpan<byte> text, bool whole, out long value)
    {
        if (whole) return NumberText.TryParseInt64(text, out value);
        value = 0;
        if (!DecimalText.TryParse(text, DataType.MaxPrecision, 0, exact: true, out var exact) || exact < long.MinValue || exact > long.MaxValue) return false;
        value = (long)exact;
        return true;
    }
}
