using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>
/// A compiled form of PostgreSQL's to_char and to_timestamp ("Data Type Formatting Functions", chapter 9.8): the patterns of dates and times, the prefix FM, the
/// suffix TH, "text" in double
/// quotes, everything else as it is.
/// </summary>
internal sealed class TimeFormat
{
    internal enum Part : byte
    {
        Literal, Year, YearOfThree, YearOfTwo, YearOfOne, IsoYear, Month, MonthName, MonthShort, Day, DayOfYear, DayOfWeek, IsoDayOfWeek, DayName, DayShort, Hour24,
        Hour12, Minute, Second, Millisecond, Microsecond, SecondOfDay,
        Meridiem, Quarter, IsoWeek, WeekOfYear, Zone, Offset,
    }

    /// <summary>How letters are written: as in HH AM, Mon or mon.</summary>
    internal enum Letters : byte
    {
        Upper, Capital, Lower,
    }

    internal readonly record struct Piece(Part Part, byte[] Text, Letters Letters, bool Fill, bool Ordinal);

    /// <summary>Longer ones first where one begins with another.</summary>
    private static readonly (string Text, Part Part)[] Patterns =
    [
        ("YYYY", Part.Year), ("YYY", Part.YearOfThree), ("YY", Part.YearOfTwo), ("Y", Part.YearOfOne), ("IYYY", Part.IsoYear), ("IW", Part.IsoWeek),
            ("IDDD", Part.Literal), ("ID", Part.IsoDayOfWeek), ("MONTH", Part.MonthName),
        ("MON", Part.MonthShort), ("MM", Part.Month), ("MI", Part.Minute), ("MS", Part.Millisecond), ("US", Part.Microsecond), ("DDD", Part.DayOfYear),
            ("DD", Part.Day), ("DAY", Part.DayName), ("DY", Part.DayShort), ("D", Part.DayOfWeek),
        ("HH24", Part.Hour24), ("HH12", Part.Hour12), ("HH", Part.Hour12), ("SSSSS", Part.SecondOfDay), ("SSSS", Part.SecondOfDay), ("SS", Part.Second),
            ("AM", Part.Meridiem), ("PM", Part.Meridiem), ("Q", Part.Quarter),
        ("WW", Part.WeekOfYear), ("TZ", Part.Zone), ("OF", Part.Offset), ("FF3", Part.Millisecond), ("FF6", Part.Microsecond),
    ];

    internal static readonly string[] Months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
    internal static readonly string[] Days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

    private readonly List<Piece> _pieces = [];

    public IReadOnlyList<Piece> Pieces => _pieces;

    /// <summary>The most bytes that a formatted time has.</summary>
    public int MaxLength { get; private set; }

    public static TimeFormat Compile(ReadOnlySpan<byte> text)
    {
        var format = new TimeFormat();
        var fill = true;
        for (var at = 0; at < text.Length;)
        {
            var rest = text[at..];
            if (rest.Length >= 2 && Ascii.EqualsIgnoreCase(rest[..2], "FM"u8))
            {
                fill = false;
                at += 2;
            }
            else if (rest[0] == '"')
            {
                var close = rest[1..].IndexOf((byte)'"');
                var end = close < 0 ? rest.Length : close + 1;
                format.Add(new Piece(Part.Literal, rest[1..end].ToArray(), default, fill, false));
                at += Math.Min(rest.Length, end + 1);
            }
            else if (Find(rest, out var part, out var length))
            {
                var ordinal = rest.Length >= length + 2 && Ascii.EqualsIgnoreCase(rest.Slice(length, 2), "TH"u8);
                var letters = char.IsAsciiLetterLower((char)rest[0]) ? Letters.Lower : length > 1 && char.IsAsciiLetterLower((char)rest[1]) ? Letters.Capital
                    : Letters.Upper;
                format.Add(new Piece(part, [], letters, fill, ordinal));
                fill = true;
                at += length + (ordinal ? 2 : 0);
            }
            else
            {
                var next = Utf8Text.Next(text, at);
                format.Add(new Piece(Part.Literal, text[at..next].ToArray(), default, fill, false));
                at = next;
            }
        }
        return format;
    }

    private void Add(Piece piece)
    {
        _pieces.Add(piece);
        MaxLength += Math.Max(16, piece.Text.Length);
    }

    private static bool Find(ReadOnlySpan<byte> text, out Part part, out int length)
    {
        foreach (var (pattern, value) in Patterns)
        {
            if (value == Part.Literal || text.Length < pattern.Length || !Ascii.EqualsIgnoreCase(text[..pattern.Length], pattern)) continue;
            part = value;
            length = pattern.Length;
            return true;
        }
        part = default;
        length = 0;
        return false;
    }

    /// <summary>Writes the time in this form; the span has room for <see cref="MaxLength"/> bytes.</summary>
    public int Format(long micros, Span<byte> to)
    {
        var n = 0;
        foreach (var piece in _pieces)
        {
            if (piece.Part == Part.Literal)
            {
                piece.Text.CopyTo(to[n..]);
                n += piece.Text.Length;
            }
            else n = TimeFormatWriter.Write(piece, micros, to, n);
        }
        return n;
    }
}
