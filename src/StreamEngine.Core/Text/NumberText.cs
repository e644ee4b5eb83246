using System.Buffers.Text;
using System.Globalization;

namespace StreamEngine.Core;

/// <summary>Numbers in UTF-8 text. Nothing here trims or guesses: the formats decide what may stand around a number.</summary>
internal static class NumberText
{
    /// <summary>An optional sign and decimal digits, the whole span; false when it is something else or does not fit.</summary>
    public static bool TryParseInt64(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        if (text.IsEmpty) return false;
        var negative = text[0] == '-';
        var i = negative || text[0] == '+' ? 1 : 0;
        if (i == text.Length) return false;
        ulong sum = 0;
        var digits = 0;
        for (; i < text.Length; i++)
        {
            var digit = (uint)(text[i] - '0');
            if (digit > 9) return false;
            // Leading zeros are free; 19 digits always fit into 64 bits without sign.
            if (digits > 0 || digit != 0) digits++;
            if (digits > 19) return false;
            sum = sum * 10 + digit;
        }
        if (negative)
        {
            if (sum > 1UL << 63) return false;
            value = unchecked(-(long)sum);
            return true;
        }
        if (sum > long.MaxValue) return false;
        value = (long)sum;
        return true;
    }

    /// <summary>A decimal or exponent form, the whole span, also NaN, Infinity and -Infinity where asked for.</summary>
    /// <remarks>A number beyond the range of a double is false (PostgreSQL's error); one below its smallest is zero.</remarks>
    public static bool TryParseDouble(ReadOnlySpan<byte> text, out double value, bool special = false)
    {
        value = 0;
        if (text.IsEmpty) return false;
        var last = text[^1];
        if (last is (>= (byte)'0' and <= (byte)'9') or (byte)'.')
            return double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture,
                out value) && double.IsFinite(value);
        if (!special) return false;
        if (text.SequenceEqual("NaN"u8)) value = double.NaN;
        else if (text.SequenceEqual("Infinity"u8)) value = double.PositiveInfinity;
        else if (text.SequenceEqual("-Infinity"u8)) value = double.NegativeInfinity;
        else return false;
        return true;
    }

    public static int Format(long value, Span<byte> to) => Utf8Formatter.TryFormat(value, to, out var written) ? written
        : throw new ArgumentException("too small", nameof(to));

    /// <summary>The shortest text that reads back as the same double; whole numbers without a point, an exponent as JSON writes it. At most 32 bytes.</summary>
    public static int Format(double value, Span<byte> to)
    {
        if (value == Math.Floor(value) && Math.Abs(value) < 1e15) return value == 0 && double.IsNegative(value) ? Literal("-0.0"u8, to) : Format((long)value, to);
        return value.TryFormat(to, out var written, "R", CultureInfo.InvariantCulture) ? written : throw new ArgumentException("too small", nameof(to));
    }

    private static int Literal(ReadOnlySpan<byte> text, Span<byte> to)
    {
        text.CopyTo(to);
        return text.Length;
    }
}
