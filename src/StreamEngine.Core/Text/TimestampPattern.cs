namespace StreamEngine.Core;

/// <summary>
/// A declared text form of timestamps: yyyy, MM, dd, HH, mm, ss, S (fraction, one digit each), XXX (Z or +HH:mm), 'quoted text' and any other characters as they are; or
/// epoch-millis and epoch-seconds for numbers. Compiled once; parsing takes fixed positions and allocates nothing.
/// </summary>
internal sealed class TimestampPattern
{
    private enum Part : byte
    {
        Literal, Year, Month, Day, Hour, Minute, Second, Fraction, Zone,
    }

    private readonly List<(Part Part, int Length, byte[] Text)> _parts = [];

    private TimestampPattern(string text) => Text = text;

    public string Text { get; }

    /// <summary>The value is a number of milliseconds or seconds, not a text.</summary>
    public bool IsEpoch => MicrosPerUnit != 0;

    /// <summary>Microseconds per unit of an epoch pattern; else 0.</summary>
    public long MicrosPerUnit { get; private init; }

    /// <summary>ISO 8601, where no pattern was declared.</summary>
    public bool IsIso { get; private init; }

    public static TimestampPattern Iso { get; } = new("ISO 8601") { IsIso = true };

    /// <summary>
    /// The pattern as a reader of fixed positions, where its parts allow that; for ISO 8601 of the form that the engine itself writes, 2001-01-01T06:00:00Z.
    /// </summary>
    public FixedTimestamp? Fixed => IsIso ? IsoFixed : _fixed;

    private static readonly FixedTimestamp? IsoFixed = TryCompile("yyyy-MM-dd'T'HH:mm:ss'Z'", out _)!.Fixed;

    private FixedTimestamp? _fixed;

    private static char Letter(Part part) => part switch
    {
        Part.Literal => '\0',
        Part.Year => 'y',
        Part.Month => 'M',
        Part.Day => 'd',
        Part.Hour => 'H',
        Part.Minute => 'm',
        Part.Second => 's',
        Part.Fraction => 'S',
        _ => 'X',
    };

    /// <summary>The pattern of a declaration's FORMAT; null with a reason where it is none.</summary>
    public static TimestampPattern? TryCompile(string? text, out string? error)
    {
        error = null;
        if (text is null) return Iso;
        if (text == "epoch-millis") return new TimestampPattern(text) { MicrosPerUnit = 1000 };
        if (text == "epoch-seconds") return new TimestampPattern(text) { MicrosPerUnit = Calendar.MicrosPerSecond };
        var pattern = new TimestampPattern(text);
        for (var i = 0; i < text.Length;)
        {
            var c = text[i];
            var run = 1;
            while (i + run < text.Length && text[i + run] == c) run++;
            if (c == '\'')
            {
                var close = text.IndexOf('\'', i + 1);
                if (close < 0)
                {
                    error = "a quote in the format is not closed";
                    return null;
                }
                pattern.Literal(close == i + 1 ? "'" : text[(i + 1)..close]);
                i = close + 1;
                continue;
            }
            if (char.IsAsciiLetter(c))
            {
                Part? part = (c, run) switch
                {
                    ('y', 4) => Part.Year,
                    ('M', 2) => Part.Month,
                    ('d', 2) => Part.Day,
                    ('H', 2) => Part.Hour,
                    ('m', 2) => Part.Minute,
                    ('s', 2) => Part.Second,
                    ('S', <= 9) => Part.Fraction,
                    ('X', 1 or 2 or 3) => Part.Zone,
                    _ => null,
                };
                if (part is null)
                {
                    error = $"'{new string(c, run)}' is no part of a timestamp format; use yyyy MM dd HH mm ss SSS XXX, text in single quotes, or epoch-millis, epoch-seconds";
                    return null;
                }
                pattern._parts.Add((part.Value, run, []));
            }
            else pattern.Literal(new string(c, run));
            i += run;
        }
        if (!pattern._parts.Exists(p => p.Part == Part.Year)) error = "the format has no year (yyyy)";
        if (error is not null) return null;
        error = pattern.Slip();
        if (error is not null) return null;
        pattern._fixed = FixedTimestamp.TryCompile(pattern._parts.Select(p => (Letter(p.Part), p.Length, p.Text)));
        return pattern;
    }

    /// <summary>The slips by which a pattern reads something else than was meant, without any row saying so: mm for MM, dd without MM.</summary>
    private string? Slip()
    {
        bool Has(Part part) => _parts.Exists(p => p.Part == part);
        if (Has(Part.Minute) && !Has(Part.Hour)) return $"the format '{Text}' has minutes (mm) and no hours (HH): months are MM";
        if (Has(Part.Day) && !Has(Part.Month)) return $"the format '{Text}' has a day (dd) and no month (MM)";
        return Has(Part.Month) && !Has(Part.Year) ? $"the format '{Text}' has a month (MM) and no year (yyyy)" : null;
    }

    private void Literal(string text) => _parts.Add((Part.Literal, text.Length, System.Text.Encoding.UTF8.GetBytes(text)));

    /// <summary>Parses the whole of a text; false when it does not have the form or names no time that exists.</summary>
    public bool TryParse(ReadOnlySpan<byte> text, out long micros)
    {
        micros = 0;
        if (IsIso) return TimeText.TryParseTimestamp(text, out micros, out _);
        if (IsEpoch) return NumberText.TryParseInt64(text, out var number) && TryFromEpoch(number, out micros);
        int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0, fraction = 0;
        long offset = 0;
        foreach (var (part, length, literal) in _parts)
        {
            if (part == Part.Zone)
            {
                var zone = !text.IsEmpty && (text[0] | 0x20) == 'z' ? 1 : Math.Min(text.Length, length == 3 ? 6 : length == 2 ? 5 : 3);
                if (!TimeText.TryParseOffset(text[..zone], out offset)) return false;
                text = text[zone..];
                continue;
            }
            var size = part == Part.Literal ? literal.Length : length;
            if (text.Length < size) return false;
            var piece = text[..size];
            text = text[size..];
            if (part == Part.Literal)
            {
                if (!piece.SequenceEqual(literal)) return false;
                continue;
            }
            if (!TimeText.TryDigits(piece, out var value)) return false;
            switch (part)
            {
                case Part.Year: year = value; break;
                case Part.Month: month = value; break;
                case Part.Day: day = value; break;
                case Part.Hour: hour = value; break;
                case Part.Minute: minute = value; break;
                case Part.Second: second = value; break;
                default: fraction = TimeText.FractionMicros(piece); break;
            }
        }
        if (!text.IsEmpty || year == 0 || hour > 23 || minute > 59 || second > 59 || !Calendar.Exists(year, month, day)) return false;
        micros = Calendar.ToDays(year, month,
            day) * Calendar.MicrosPerDay + hour * Calendar.MicrosPerHour + minute * Calendar.MicrosPerMinute + second * Calendar.MicrosPerSecond + fraction - offset;
        return Calendar.IsInRange(micros);
    }

    /// <summary>The timestamp of a number of an epoch pattern; false beyond the years 0001 to 9999.</summary>
    public bool TryFromEpoch(long number, out long micros)
    {
        var product = (Int128)number * MicrosPerUnit;
        micros = (long)product;
        return product == micros && Calendar.IsInRange(micros);
    }
}
