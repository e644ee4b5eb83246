namespace StreamEngine.Core;

/// <summary>Scaled 128-bit decimals: powers of ten, rescaling, text.</summary>
internal static class DecimalText
{
    private static readonly Int128[] Powers = MakePowers();

    /// <summary>10^n for n in 0..38.</summary>
    public static Int128 Pow10(int n) => Powers[n];

    private static Int128[] MakePowers()
    {
        var powers = new Int128[39];
        powers[0] = 1;
        for (var i = 1; i < powers.Length; i++) powers[i] = powers[i - 1] * 10;
        return powers;
    }

    /// <summary>Whether the scaled value has at most so many digits.</summary>
    public static bool Fits(Int128 value, int precision) => value < Powers[precision] && value > -Powers[precision];

    /// <summary>The value with another scale, rounded half away from zero where digits go (PostgreSQL's numeric); false when it overflows 128 bits.</summary>
    public static bool TryRescale(Int128 value, int from, int to, out Int128 result)
    {
        result = value;
        if (from == to) return true;
        if (to < from)
        {
            if (from - to > 38)
            {
                result = 0;
                return true;
            }
            var divisor = Powers[from - to];
            var (quotient, remainder) = Int128.DivRem(value, divisor);
            var twice = Int128.Abs(remainder);
            if (twice >= divisor - twice && remainder != 0) quotient += value < 0 ? -1 : 1;
            result = quotient;
            return true;
        }
        if (to - from > 38) return value == 0;
        var factor = Powers[to - from];
        var limit = Int128.MaxValue / factor;
        if (value > limit || value < -limit) return false;
        result = value * factor;
        return true;
    }

    /// <summary>
    /// Sign, digits, an optional point and an optional exponent, the whole span, as DECIMAL(precision, scale). With <paramref name="exact"/> digits beyond the scale must
    /// be zero, else they are rounded half away from zero. False when the text is no number or does not fit.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, int precision, int scale, bool exact, out Int128 value)
    {
        value = 0;
        if (!TrySplit(text, out var negative, out var mantissa, out var digits, out var textScale, out var lost)) return false;
        if (digits == 0 && !lost)
        {
            value = 0;
            return true;
        }
        if (textScale > scale && exact && (lost || !IsMultiple(mantissa, textScale - scale))) return false;
        if (!TryRescale(mantissa, textScale, scale, out var result) || (lost && textScale < scale) || !Fits(result, precision)) return false;
        value = negative ? -result : result;
        return true;
    }

    private static bool IsMultiple(Int128 value, int power) => power > 38 ? value == 0 : value % Powers[power] == 0;

    /// <summary>
    /// Splits into a mantissa of up to 38 significant digits and a scale (digits after the point; negative for a large exponent); <paramref name="lost"/>: a non-zero
    /// digit did not fit.
    /// </summary>
    private static bool TrySplit(ReadOnlySpan<byte> text, out bool negative, out Int128 mantissa, out int digits, out int scale, out bool lost)
    {
        mantissa = 0;
        digits = 0;
        scale = 0;
        lost = false;
        negative = !text.IsEmpty && text[0] == '-';
        var i = negative || (!text.IsEmpty && text[0] == '+') ? 1 : 0;
        var seen = false;
        var afterPoint = false;
        for (; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '.' && !afterPoint)
            {
                afterPoint = true;
                continue;
            }
            var digit = (uint)(c - '0');
            if (digit > 9) break;
            seen = true;
            if (digits < 38)
            {
                if (digits > 0 || digit != 0) digits++;
                mantissa = mantissa * 10 + digit;
                if (afterPoint) scale++;
            }
            else
            {
                lost |= digit != 0;
                if (!afterPoint) scale--;
            }
        }
        if (!seen) return false;
        if (i == text.Length) return true;
        if ((text[i] | 0x20) != 'e' || !NumberText.TryParseInt64(text[(i + 1)..], out var exponent)) return false;
        // Beyond this every non-zero value is out of range or rounds to zero; the clamp keeps the sum from overflowing.
        scale = (int)Math.Clamp(scale - exponent, -100_000, 100_000);
        return true;
    }

    /// <summary>The value with exactly scale digits behind the point, without an exponent. At most 41 bytes.</summary>
    public static int Format(Int128 value, int scale, Span<byte> to)
    {
        Span<byte> digits = stackalloc byte[40];
        var magnitude = value < 0 ? (UInt128)(-(value + 1)) + 1 : (UInt128)value;
        var n = 0;
        // Two halves of 64 bits: dividing 128 bits digit by digit is ten times slower.
        while (magnitude > ulong.MaxValue)
        {
            var (quotient, remainder) = UInt128.DivRem(magnitude, 1_000_000_000_000_000_000UL);
            var low = (ulong)remainder;
            for (var k = 0; k < 18; k++, low /= 10) digits[n++] = (byte)('0' + low % 10);
            magnitude = quotient;
        }
        for (var high = (ulong)magnitude; high != 0; high /= 10) digits[n++] = (byte)('0' + high % 10);
        while (n <= scale) digits[n++] = (byte)'0';
        var at = 0;
        if (value < 0) to[at++] = (byte)'-';
        for (var k = n - 1; k >= 0; k--)
        {
            if (k == scale - 1) to[at++] = (byte)'.';
            to[at++] = digits[k];
        }
        return at;
    }
}
