namespace StreamEngine.Core;

/// <summary>Dates and timestamps in ISO 8601 text. A timestamp without a zone is UTC; years are four digits, 0001 to 9999.</summary>
internal static class TimeText
{
    /// <summary>The most bytes that <see cref="FormatTimestamp"/> writes.</summary>
    public const int MaxTimestamp = 32;

    /// <summary>yyyy-MM-dd, the whole span.</summary>
    public static bool TryParseDate(ReadOnlySpan<byte> text, out int days)
    {
        days = 0;
        if (text.Length != 10 || text[4] != '-' || text[7] != '-') return false;
        if (!TryDigits(text[..4], out var year) || !TryDigits(text.Slice(5, 2), out var month) || !TryDigits(text.Slice(8, 2), out var day)) return false;
        if (year == 0 || !Calendar.Exists(year, month, day)) return false;
        days = Calendar.ToDays(year, month, day);
        return true;
    }

    /// <summary>
    /// yyyy-MM-dd, T or a blank, HH:mm, perhaps :ss and a fraction of up to nine digits (beyond six cut off), perhaps Z or an offset; the date alone is midnight.
    /// </summary>
    /// <param name="text">The whole of it.</param>
    /// <param name="micros">Microseconds since 1970 in UTC.</param>
    /// <param name="zone">Whether a zone was there; text without one is taken as UTC.</param>
    public static bool TryParseTimestamp(ReadOnlySpan<byte> text, out long micros, out bool zone)
    {
        micros = 0;
        zone = false;
        if (text.Length < 10 || !TryParseDate(text[..10], out var days)) return false;
        micros = days * Calendar.MicrosPerDay;
        if (text.Length == 10) return true;
        if (text.Length < 16 || (text[10] | 0x20) is not ('t' or ' ') || text[13] != ':') return false;
        if (!TryDigits(text.Slice(11, 2), out var hour) || !TryDigits(text.Slice(14, 2), out var minute) || hour > 23 || minute > 59) return false;
        micros += hour * Calendar.MicrosPerHour + minute * Calendar.MicrosPerMinute;
        var rest = text[16..];
        if (rest.Length >= 3 && rest[0] == ':')
        {
            if (!TryDigits(rest.Slice(1, 2), out var second) || second > 59) return false;
            micros += second * Calendar.MicrosPerSecond;
            rest = rest[3..];
            if (!rest.IsEmpty && rest[0] is (byte)'.' or (byte)',')
            {
                var length = 0;
                while (length + 1 < rest.Length && (uint)(rest[length + 1] - '0') <= 9) length++;
                if (length is 0 or > 9) return false;
                micros += FractionMicros(rest.Slice(1, length));
                rest = rest[(length + 1)..];
            }
        }
        if (rest.IsEmpty) return true;
        zone = true;
        if (!TryParseOffset(rest, out var offset)) return false;
        micros -= offset;
        return Calendar.IsInRange(micros);
    }

    /// <summary>The microseconds of the digits behind a point: up to six count.</summary>
    public static int FractionMicros(ReadOnlySpan<byte> digits)
    {
        var value = 0;
        for (var i = 0; i < 6; i++) value = value * 10 + (i < digits.Length ? digits[i] - '0' : 0);
        return value;
    }

    /// <summary>Z, +HH, +HHmm or +HH:mm, the whole span, in microseconds.</summary>
    public static bool TryParseOffset(ReadOnlySpan<byte> text, out long micros)
    {
        micros = 0;
        if (text.Length == 1 && (text[0] | 0x20) == 'z') return true;
        if (text.Length < 3 || text[0] is not ((byte)'+' or (byte)'-') || !TryDigits(text.Slice(1, 2), out var hours) || hours > 18) return false;
        var minutes = 0;
        var rest = text[3..];
        if (!rest.IsEmpty && rest[0] == ':')
        {
            rest = rest[1..];
            if (rest.IsEmpty) return false;
        }
        if (!rest.IsEmpty && (rest.Length != 2 || !TryDigits(rest, out minutes) || minutes > 59)) return false;
        micros = hours * Calendar.MicrosPerHour + minutes * Calendar.MicrosPerMinute;
        if (text[0] == '-') micros = -micros;
        return true;
    }

    internal static bool TryDigits(ReadOnlySpan<byte> text, out int value)
    {
        value = 0;
        foreach (var c in text)
        {
            var digit = (uint)(c - '0');
            if (digit > 9) return false;
            value = value * 10 + (int)digit;
        }
        return true;
    }

    /// <summary>2001-01-01T06:00:00Z, with a fraction of as few digits as it needs where it is not zero.</summary>
    public static int FormatTimestamp(long micros, Span<byte> to, byte separator = (byte)'T', bool zone = true)
    {
        var days = Calendar.DaysOf(micros);
        var n = FormatDate(days, to);
        var ofDay = micros - days * Calendar.MicrosPerDay;
        to[n++] = separator;
        n = TwoDigits((int)(ofDay / Calendar.MicrosPerHour), to, n);
        to[n++] = (byte)':';
        n = TwoDigits((int)(ofDay / Calendar.MicrosPerMinute % 60), to, n);
        to[n++] = (byte)':';
        n = TwoDigits((int)(ofDay / Calendar.MicrosPerSecond % 60), to, n);
        var fraction = (int)(ofDay % Calendar.MicrosPerSecond);
        if (fraction != 0)
        {
            to[n++] = (byte)'.';
            for (var unit = 100_000; fraction != 0; unit /= 10)
            {
                to[n++] = (byte)('0' + fraction / unit);
                fraction %= unit;
            }
        }
        if (zone) to[n++] = (byte)'Z';
        return n;
    }

    /// <summary>2001-01-01; a year beyond four digits with its sign and all its digits.</summary>
    public static int FormatDate(int days, Span<byte> to)
    {
        Calendar.FromDays(days, out var year, out var month, out var day);
        var n = 0;
        if (year is < 0 or > 9999) to[n++] = (byte)(year < 0 ? '-' : '+');
        var magnitude = Math.Abs(year);
        var unit = 1000;
        while (magnitude / unit >= 10) unit *= 10;
        for (; unit > 0; unit /= 10) to[n++] = (byte)('0' + magnitude / unit % 10);
        to[n++] = (byte)'-';
        n = TwoDigits(month, to, n);
        to[n++] = (byte)'-';
        return TwoDigits(day, to, n);
    }

    private static int TwoDigits(int value, Span<byte> to, int at)
    {
        to[at] = (byte)('0' + value / 10);
        to[at + 1] = (byte)('0' + value % 10);
        return at + 2;
    }
}
