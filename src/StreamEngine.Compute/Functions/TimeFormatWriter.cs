using System.Text;
using StreamEngine.Core;
using Part = StreamEngine.Compute.Functions.TimeFormat.Part;

namespace StreamEngine.Compute.Functions;

/// <summary>Writes one pattern of a time format.</summary>
internal static class TimeFormatWriter
{
    public static int Write(in TimeFormat.Piece piece, long micros, Span<byte> to, int n)
    {
        switch (piece.Part)
        {
            case Part.MonthName: return Name(piece, TimeFormat.Months[TimeFields.Of(micros, TimeField.Month) - 1], 9, to, n);
            case Part.MonthShort: return Name(piece, TimeFormat.Months[TimeFields.Of(micros, TimeField.Month) - 1].AsSpan(0, 3), 3, to, n);
            case Part.DayName: return Name(piece, TimeFormat.Days[TimeFields.Of(micros, TimeField.IsoDow) - 1], 9, to, n);
            case Part.DayShort: return Name(piece, TimeFormat.Days[TimeFields.Of(micros, TimeField.IsoDow) - 1].AsSpan(0, 3), 3, to, n);
            case Part.Meridiem: return Name(piece, TimeFields.Of(micros, TimeField.Hour) < 12 ? "AM" : "PM", 2, to, n);
            case Part.Zone: return Name(piece, "UTC", 3, to, n);
            case Part.Offset: return Name(piece, "+00", 3, to, n);
        }
        var (value, width) = ValueOf(piece.Part, micros);
        var start = n;
        n = Number(value, piece.Fill ? width : 1, to, n);
        return piece.Ordinal ? Ordinal(to[start..n], to, n) : n;
    }

    private static (long Value, int Width) ValueOf(Part part, long micros)
    {
        var year = TimeFields.Of(micros, TimeField.Year);
        var hour = TimeFields.Of(micros, TimeField.Hour);
        return part switch
        {
            Part.Year => (year, 4),
            Part.YearOfThree => (year % 1000, 3),
            Part.YearOfTwo => (year % 100, 2),
            Part.YearOfOne => (year % 10, 1),
            Part.IsoYear => (TimeFields.Of(micros, TimeField.IsoYear), 4),
            Part.Month => (TimeFields.Of(micros, TimeField.Month), 2),
            Part.Day => (TimeFields.Of(micros, TimeField.Day), 2),
            Part.DayOfYear => (TimeFields.Of(micros, TimeField.Doy), 3),
            Part.DayOfWeek => (TimeFields.Of(micros, TimeField.Dow) + 1, 1),
            Part.IsoDayOfWeek => (TimeFields.Of(micros, TimeField.IsoDow), 1),
            Part.Hour24 => (hour, 2),
            Part.Hour12 => ((hour + 11) % 12 + 1, 2),
            Part.Minute => (TimeFields.Of(micros, TimeField.Minute), 2),
            Part.Second => (TimeFields.Of(micros, TimeField.Second) / Calendar.MicrosPerSecond, 2),
            Part.Millisecond => (TimeFields.Of(micros, TimeField.Second) % Calendar.MicrosPerSecond / 1000, 3),
            Part.Microsecond => (TimeFields.Of(micros, TimeField.Second) % Calendar.MicrosPerSecond, 6),
            Part.SecondOfDay => ((micros - Calendar.DaysOf(micros) * Calendar.MicrosPerDay) / Calendar.MicrosPerSecond, 1),
            Part.Quarter => (TimeFields.Of(micros, TimeField.Quarter), 1),
            Part.IsoWeek => (TimeFields.Of(micros, TimeField.Week), 2),
            _ => ((TimeFields.Of(micros, TimeField.Doy) - 1) / 7 + 1, 2),
        };
    }

    private static int Number(long value, int width, Span<byte> to, int n)
    {
        if (value < 0)
        {
            to[n++] = (byte)'-';
            value = -value;
        }
        var digits = 1;
        for (var rest = value; rest >= 10; rest /= 10) digits++;
        for (; width > digits; width--) to[n++] = (byte)'0';
        return n + NumberText.Format(value, to[n..]);
    }

    private static int Ordinal(ReadOnlySpan<byte> digits, Span<byte> to, int n)
    {
        var teen = digits.Length > 1 && digits[^2] == '1';
        var suffix = teen ? "th"u8 : digits[^1] switch { (byte)'1' => "st"u8, (byte)'2' => "nd"u8, (byte)'3' => "rd"u8, _ => "th"u8 };
        suffix.CopyTo(to[n..]);
        return n + 2;
    }

    private static int Name(in TimeFormat.Piece piece, ReadOnlySpan<char> name, int width, Span<byte> to, int n)
    {
        for (var i = 0; i < name.Length; i++)
        {
            var upper = piece.Letters == TimeFormat.Letters.Upper || (piece.Letters == TimeFormat.Letters.Capital && i == 0);
            to[n++] = (byte)(upper ? char.ToUpperInvariant(name[i]) : char.ToLowerInvariant(name[i]));
        }
        if (!piece.Fill) return n;
        for (var i = name.Length; i < width; i++) to[n++] = (byte)' ';
        return n;
    }
}
