using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamEngine.Formats.Json;

/// <summary>Scanning of JSON text (RFC 8259). Reads up to 64 bytes past the end of a value: values lie in arena blocks, which have that much behind them.</summary>
internal static unsafe class JsonText
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* SkipSpace(byte* p, byte* end)
    {
        if (p < end && *p > ' ') return p;
        while (p < end && *p is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t') p++;
        return p;
    }

    /// <summary>A bit per byte that ends a run of plain characters of a string: a quote, a backslash, a control character.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SpecialOf(Vector256<byte> v)
    {
        // A minimum and a compare: bytes have no unsigned less-than before AVX-512.
        var control = Vector256.Equals(Vector256.Min(v, Vector256.Create((byte)31)), v);
        return (Vector256.Equals(v, Vector256.Create((byte)'"')) | Vector256.Equals(v, Vector256.Create((byte)'\\')) | control).ExtractMostSignificantBits();
    }

    /// <summary>
    /// Finds the quote that closes a string, from behind the one that opens it. Null when there is none before a control character or the end, at <paramref
    /// name="stop"/>.
    /// </summary>
    public static byte* StringEnd(byte* p, byte* end, out bool escaped, out bool ascii, out byte* stop)
    {
        escaped = false;
        ascii = true;
        stop = null;
        while (p < end)
        {
            var v = Vector256.Load(p);
            var mask = SpecialOf(v);
            var high = v.ExtractMostSignificantBits();
            if (mask == 0)
            {
                ascii &= high == 0;
                p += Vector256<byte>.Count;
                continue;
            }
            var at = BitOperations.TrailingZeroCount(mask);
            ascii &= (high & ((1u << at) - 1)) == 0;
            p += at;
            if (p >= end) break;
            if (*p == '"') return p;
            if (*p != '\\')
            {
                stop = p;
                return null;
            }
            escaped = true;
            p += 2;
        }
        stop = end;
        return null;
    }

    /// <summary>
    /// Resolves the escapes of a string's content into <paramref name="to"/>, which has room for as many bytes. -1 for an escape that is none, or half a surrogate
    /// pair, at <paramref name="stop"/>.
    /// </summary>
    public static int Unescape(byte* p, byte* end, byte* to, out byte* stop)
    {
        stop = null;
        var start = to;
        while (p < end)
        {
            if (*p != '\\')
            {
                *to++ = *p++;
                continue;
            }
            stop = p;
            if (end - p < 2) return -1;
            var c = p[1] switch
            {
                (byte)'"' => '"',
                (byte)'\\' => '\\',
                (byte)'/' => '/',
                (byte)'b' => '\b',
                (byte)'f' => '\f',
                (byte)'n' => '\n',
                (byte)'r' => '\r',
                (byte)'t' => '\t',
                _ => '\uFFFF',
            };
            if (c != '\uFFFF')
            {
                *to++ = (byte)c;
                p += 2;
                continue;
            }
            if (!TryHex(p, end, out var unit)) return -1;
            p += 6;
            if (unit is >= 0xD800 and < 0xE000)
            {
                if (unit >= 0xDC00 || !TryHex(p, end, out var low) || low is < 0xDC00 or >= 0xE000) return -1;
                p += 6;
                unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            }
            to = Utf8Of(unit, to);
        }
        return (int)(to - start);
    }

    private static bool TryHex(byte* p, byte* end, out int unit)
    {
        unit = 0;
        if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return false;
        for (var i = 2; i < 6; i++)
        {
            var digit = p[i] switch
            {
                >= (byte)'0' and <= (byte)'9' => p[i] - '0',
                >= (byte)'a' and <= (byte)'f' => p[i] - 'a' + 10,
                >= (byte)'A' and <= (byte)'F' => p[i] - 'A' + 10,
                _ => -1,
            };
            if (digit < 0) return false;
            unit = unit * 16 + digit;
        }
        return true;
    }

    private static byte* Utf8Of(int code, byte* to)
    {
        if (code < 0x80) *to++ = (byte)code;
        else if (code < 0x800)
        {
            *to++ = (byte)(0xC0 | (code >> 6));
            *to++ = (byte)(0x80 | (code & 63));
        }
        else if (code < 0x10000)
        {
            *to++ = (byte)(0xE0 | (code >> 12));
            *to++ = (byte)(0x80 | ((code >> 6) & 63));
            *to++ = (byte)(0x80 | (code & 63));
        }
        else
        {
            *to++ = (byte)(0xF0 | (code >> 18));
            *to++ = (byte)(0x80 | ((code >> 12) & 63));
            *to++ = (byte)(0x80 | ((code >> 6) & 63));
            *to++ = (byte)(0x80 | (code & 63));
        }
        return to;
    }

    /// <summary>The end of a number in JSON's grammar; null when it is none. <paramref name="whole"/>: it has neither point nor exponent.</summary>
    public static byte* NumberEnd(byte* p, byte* end, out bool whole)
    {
        whole = true;
        if (p < end && *p == '-') p++;
        if (p >= end) return null;
        if (*p == '0') p++;
        else if ((p = Digits(p, end)) is null) return null;
        if (p < end && *p == '.')
        {
            whole = false;
            if ((p = Digits(p + 1, end)) is null) return null;
        }
        if (p < end && (*p | 0x20) == 'e')
        {
            whole = false;
            p++;
            if (p < end && *p is (byte)'+' or (byte)'-') p++;
            if ((p = Digits(p, end)) is null) return null;
        }
        return p;
    }

    private static byte* Digits(byte* p, byte* end)
    {
        var start = p;
        while (p < end && (uint)(*p - '0') <= 9) p++;
        return p == start ? null : p;
    }
}
