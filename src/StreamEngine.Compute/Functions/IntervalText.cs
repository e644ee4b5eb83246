using System.Buffers.Text;
using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>Intervals in text: PostgreSQL's forms ('1 day 02:03', '1-2', '3 hours ago'), the standard's with a unit behind (INTERVAL '1' HOUR), ISO 8601 durations
/// (P1DT2H).</summary>
internal static class IntervalText
{
    /// <summary>The most bytes that <see cref="Format"/> writes.</summary>
    public const int MaxLength = 96;

    private const int MaxText = 200;

    public static bool TryParse(string text, string? unit, string? to, out Interval interval) => TryParse(Encoding.UTF8.GetBytes(text), unit, to, out interval);

    /// <param name="text">The whole of it.</param>
    /// <param name="unit">The unit behind the literal, of a number without one.</param>
    /// <param name="to">The last unit of the literal: MINUTE TO SECOND makes 03:04 minutes and seconds.</param>
    /// <param name="interval">The interval.</param>
    public static bool TryParse(ReadOnlySpan<byte> text, string? unit, string? to, out Interval interval)
    {
        interval = default;
        if (text.Length > MaxText) return false;
        var sum = new Sum();
        var fine = text.Length > 1 && text[0] == 'P' ? TryIso(text[1..], ref sum) : TryParts(text, unit, to, ref sum);
        return fine && sum.TryGet(out interval);
    }

    private static bool TryParts(ReadOnlySpan<byte> text, string? unit, string? to, ref Sum sum)
    {
        var any = false;
        while (true)
        {
            text = text.TrimStart(" \t"u8);
            if (text.IsEmpty) return any;
            if (any && Ascii.EqualsIgnoreCase(text, "ago"u8))
            {
                sum.Negate();
                return true;
            }
            var end = text.IndexOfAny(" \t"u8);
            var part = end < 0 ? text : text[..end];
            if (part.Contains((byte)':'))
            {
                if (!TryClock(part, unit == "MINUTE" && to == "SECOND", ref sum)) return false;
                text = text[part.Length..];
            }
            else if (IsYearMonth(part))
            {
                if (!TryYearMonth(part, ref sum)) return false;
                text = text[part.Length..];
            }
            else if (!TryNumber(ref text, unit, to, ref sum)) return false;
            any = true;
        }
    }

    /// <summary>A number and its unit; the unit behind the literal where it has none.</summary>
    private static bool TryNumber(ref ReadOnlySpan<byte> text, string? unit, string? to, ref Sum sum)
    {
        var length = 0;
        while (length < text.Length && (text[length] is (byte)'.' or (byte)'+' or (byte)'-' || char.IsAsciiDigit((char)text[length]))) length++;
        if (!NumberText.TryParseDouble(text[..length], out var number)) return false;
        text = text[length..].TrimStart(" \t"u8);
        var letters = 0;
        while (letters < text.Length && char.IsAsciiLetter((char)text[letters])) letters++;
        var word = text[..letters];
        if (word.IsEmpty || Ascii.EqualsIgnoreCase(word, "ago"u8))
        {
            // '1 02:03:04' DAY TO SECOND: the number before the clock is days.
            if (unit is null && to is null && !text.IsEmpty && text.Contains((byte)':')) return sum.Add("day"u8, number);
            return sum.Add(Encoding.UTF8.GetBytes(unit ?? "second"), number);
        }
        text = text[letters..];
        return sum.Add(word, number);
    }

    private static bool IsYearMonth(ReadOnlySpan<byte> part)
    {
        var dash = part.LastIndexOf((byte)'-');
        return dash > 0 && char.IsAsciiDigit((char)part[dash - 1]);
    }

    private static bool TryYearMonth(ReadOnlySpan<byte> part, ref Sum sum)
    {
        var dash = part.LastIndexOf((byte)'-');
        if (!NumberText.TryParseInt64(part[..dash], out var years) || !NumberText.TryParseInt64(part[(dash + 1)..], out var months)
            || months is < 0 or > 11) return false;
        return sum.Add("year"u8, years) && sum.Add("month"u8, part[0] == '-' ? -months : months);
    }

    /// <summary>[sign]hours:minutes[:seconds[.fraction]], or minutes:seconds.</summary>
    private static bool TryClock(ReadOnlySpan<byte> part, bool minutesFirst, ref Sum sum)
    {
        var sign = part[0] == '-' ? -1 : 1;
        if (part[0] is (byte)'-' or (byte)'+') part = part[1..];
        Span<double> numbers = stackalloc double[3];
        var count = 0;
        while (true)
        {
            var colon = part.IndexOf((byte)':');
            var piece = colon < 0 ? part : part[..colon];
            if (count == 3 || piece.IsEmpty || !char.IsAsciiDigit((char)piece[0]) || !NumberText.TryParseDouble(piece, out numbers[count])) return false;
            if (count > 0 && numbers[count] >= 60) return false;
            count++;
            if (colon < 0) break;
            part = part[(colon + 1)..];
        }
        if (minutesFirst && count == 2) return sum.Add("minute"u8, sign * numbers[0]) && sum.Add("second"u8, sign * numbers[1]);
        return sum.Add("hour"u8, sign * numbers[0]) && sum.Add("minute"u8, sign * numbers[1]) && (count < 3 || sum.Add("second"u8, sign * numbers[2]));
    }

    private static bool TryIso(ReadOnlySpan<byte> text, ref Sum sum)
    {
        var time = false;
        if (text.IsEmpty) return false;
        while (!text.IsEmpty)
        {
            if (text[0] == 'T' && !time)
            {
                time = true;
                text = text[1..];
                continue;
            }
            var length = 0;
            while (length < text.Length && (text[length] is (byte)'.' or (byte)'-' or (byte)'+' || char.IsAsciiDigit((char)text[length]))) length++;
            if (length == text.Length || !NumberText.TryParseDouble(text[..length], out var number)) return false;
            var unit = (char)text[length];
            var name = (unit, time) switch
            {
                ('Y', false) => "year"u8,
                ('M', false) => "month"u8,
                ('W', false) => "week"u8,
                ('D', false) => "day"u8,
                ('H', true)
                => "hour"u8,
                ('M', true) => "minute"u8,
                ('S', true) => "second"u8,
                _ => default
            };
            if (name.IsEmpty || !sum.Add(name, number)) return false;
            text = text[(length + 1)..];
        }
        return true;
    }

    /// <summary>PostgreSQL's style: 1 year 2 mons 3 days 04:05:06.</summary>
    public static int Format(Interval interval, Span<byte> to)
    {
        var n = 0;
        n = Part(interval.Months / 12, "year"u8, to, n);
        n = Part(interval.Months % 12, "mon"u8, to, n);
        n = Part(interval.Days, "day"u8, to, n);
        if (interval.Microseconds == 0 && n > 0) return n;
        if (n > 0) to[n++] = (byte)' ';
        if (interval.Microseconds < 0) to[n++] = (byte)'-';
        else if (n > 0 && (interval.Days < 0 || (interval.Days == 0 && interval.Months < 0))) to[n++] = (byte)'+';
        var micros = (ulong)Int128.Abs(interval.Microseconds);
        n = TwoDigits(micros / Calendar.MicrosPerHour, to, n);
        to[n++] = (byte)':';
        n = TwoDigits(micros / Calendar.MicrosPerMinute % 60, to, n);
        to[n++] = (byte)':';
        n = TwoDigits(micros / Calendar.MicrosPerSecond % 60, to, n);
        var fraction = micros % Calendar.MicrosPerSecond;
        if (fraction == 0) return n;
        to[n++] = (byte)'.';
        for (ulong place = 100_000; fraction != 0; place /= 10)
        {
            to[n++] = (byte)('0' + fraction / place);
            fraction %= place;
        }
        return n;
    }

    private static int Part(int value, ReadOnlySpan<byte> unit, Span<byte> to, int n)
    {
        if (value == 0) return n;
        if (n > 0) to[n++] = (byte)' ';
        Utf8Formatter.TryFormat(value, to[n..], out var written);
        n += written;
        to[n++] = (byte)' ';
        unit.CopyTo(to[n..]);
        n += unit.Length;
        if (value != 1) to[n++] = (byte)'s';
        return n;
    }

    private static int TwoDigits(ulong value, Span<byte> to, int n)
    {
        if (value < 10) to[n++] = (byte)'0';
        Utf8Formatter.TryFormat(value, to[n..], out var written);
        return n + written;
    }

    /// <summary>The parts so far. Fractions of months go on as days, of days as time.</summary>
    private struct Sum
    {
        private double _months;
        private double _days;
        private double _micros;

        public bool Add(ReadOnlySpan<byte> unit, double number)
        {
            if (Is(unit, "year", "y", "yr")) _months += number * 12;
            else if (Is(unit, "quarter", "qtr", "qtr")) _months += number * 3;
            else if (Is(unit, "month", "mon", "mo")) _months += number;
            else if (Is(unit, "decade", "dec", "dec")) _months += number * 120;
            else if (Is(unit, "week", "w", "wk")) _days += number * 7;
            else if (Is(unit, "day", "d", "d")) _days += number;
            else if (Is(unit, "hour", "h", "hr")) _micros += number * Calendar.MicrosPerHour;
            else if (Is(unit, "minute", "m", "min")) _micros += number * Calendar.MicrosPerMinute;
            else if (Is(unit, "second", "s", "sec")) _micros += number * Calendar.MicrosPerSecond;
            else if (Is(unit, "millisecond", "ms", "msec")) _micros += number * 1000;
            else if (Is(unit, "microsecond", "us", "usec")) _micros += number;
            else return false;
            return true;
        }

        private static bool Is(ReadOnlySpan<byte> unit, string name, string shorter, string other) => Same(unit, name) || Same(unit, shorter) || Same(unit, other);

        private static bool Same(ReadOnlySpan<byte> unit, string name)
        {
            if (unit.Length > name.Length && (unit[^1] | 0x20) == 's') unit = unit[..^1];
            return Ascii.EqualsIgnoreCase(unit, name);
        }

        public void Negate()
        {
            _months = -_months;
            _days = -_days;
            _micros = -_micros;
        }

        public readonly bool TryGet(out Interval interval)
        {
            interval = default;
            var months = Math.Truncate(Math.Round(_months, 6));
            var days = _days + Math.Round((_months - months) * 30, 6);
            var wholeDays = Math.Truncate(days);
            var micros = Math.Round(_micros + (days - wholeDays) * Calendar.MicrosPerDay);
            if (!(Math.Abs(months) <= int.MaxValue && Math.Abs(wholeDays) <= int.MaxValue && Math.Abs(micros) < 9.2e18)) return false;
            interval = new Interval((int)months, (int)wholeDays, (long)micros);
            return true;
        }
    }
}
