using System.Text;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using Part = StreamEngine.Compute.Functions.TimeFormat.Part;

namespace StreamEngine.Compute.Functions;

/// <summary>Reads a time in a format. A separator of the format stands for any separator of the text; blanks in the text are skipped.</summary>
internal static class TimeFormatReader
{
    private ref struct Fields
    {
        public long Year, Month, Day, DayOfYear, Hour, Minute, Second, Micros, SecondOfDay;
        public bool Twelve;
        public bool? Afternoon;
    }

    public static bool TryRead(TimeFormat format, ReadOnlySpan<byte> text, out long micros)
    {
        micros = 0;
        var fields = new Fields { Year = 1, Month = 1, Day = 1, DayOfYear = -1, SecondOfDay = -1 };
        foreach (var piece in format.Pieces)
        {
            if (piece.Part == Part.Literal)
            {
                if (!TryLiteral(piece.Text, ref text)) return false;
                continue;
            }
            text = text.TrimStart((byte)' ');
            if (!TryPiece(piece.Part, ref text, ref fields)) return false;
        }
        return text.TrimEnd((byte)' ').IsEmpty && TryCombine(fields, out micros);
    }

    private static bool TryLiteral(ReadOnlySpan<byte> literal, ref ReadOnlySpan<byte> text)
    {
        foreach (var b in literal)
        {
            var separator = !char.IsAsciiLetterOrDigit((char)b);
            if (text.IsEmpty) return separator;
            // A blank of the format may be missing in the text.
            if (b == ' ')
            {
                if (text[0] == ' ') text = text[1..];
                continue;
            }
            if (separator ? char.IsAsciiLetterOrDigit((char)text[0]) : text[0] != b) return false;
            text = text[1..];
        }
        return true;
    }

    private static bool TryPiece(Part part, ref ReadOnlySpan<byte> text, ref Fields fields)
    {
        switch (part)
        {
            case Part.MonthName or Part.MonthShort: return TryName(TimeFormat.Months, ref text, out fields.Month);
            case Part.DayName or Part.DayShort: return TryName(TimeFormat.Days, ref text, out _);
            case Part.Meridiem:
                if (text.Length < 2 || (text[1] | 0x20) != 'm') return false;
                fields.Afternoon = (text[0] | 0x20) == 'p';
                text = text[2..];
                return true;
            case Part.Zone or Part.Offset: return TryZone(ref text, ref fields);
        }
        var width = part switch
        {
            Part.Year or Part.IsoYear => 4,
            Part.YearOfThree or Part.DayOfYear or Part.Millisecond => 3,
            Part.Microsecond => 6,
            Part.SecondOfDay
            => 5,
            Part.YearOfOne or Part.DayOfWeek or Part.IsoDayOfWeek or Part.Quarter => 1,
            _ => 2
        };
        var digits = 0;
        while (digits < width && digits < text.Length && char.IsAsciiDigit((char)text[digits])) digits++;
        if (digits == 0 || !NumberText.TryParseInt64(text[..digits], out var value)) return false;
        if (part is Part.Millisecond or Part.Microsecond) value = TimeText.FractionMicros(text[..digits]);
        text = text[digits..];
        Set(part, value, ref fields);
        return true;
    }

    private static void Set(Part part, long value, ref Fields fields)
    {
        switch (part)
        {
            case Part.Year: fields.Year = value; break;
            // The two digits nearest to 2020, as in PostgreSQL.
            case Part.YearOfTwo: fields.Year = value < 70 ? 2000 + value : 1900 + value; break;
            case Part.YearOfThree: fields.Year = value < 520 ? 2000 + value : 1000 + value; break;
            case Part.YearOfOne: fields.Year = 2000 + value; break;
            case Part.Month: fields.Month = value; break;
            case Part.Day: fields.Day = value; break;
            case Part.DayOfYear: fields.DayOfYear = value; break;
            case Part.Hour24: fields.Hour = value; break;
            case Part.Hour12:
                fields.Hour = value;
                fields.Twelve = true;
                break;
            case Part.Minute: fields.Minute = value; break;
            case Part.Second: fields.Second = value; break;
            case Part.Millisecond or Part.Microsecond: fields.Micros += value; break;
            case Part.SecondOfDay: fields.SecondOfDay = value; break;
        }
    }

    private static bool TryName(string[] names, ref ReadOnlySpan<byte> text, out long number)
    {
        for (number = 1; number <= names.Length; number++)
        {
            var name = names[number - 1];
            var length = text.Length >= name.Length && Ascii.EqualsIgnoreCase(text[..name.Length], name) ? name.Length : text.Length >= 3
                && Ascii.EqualsIgnoreCase(text[..3], name.AsSpan(0, 3)) ? 3 : 0;
            if (length == 0) continue;
            text = text[length..];
            return true;
        }
        return false;
    }

    private static bool TryZone(ref ReadOnlySpan<byte> text, ref Fields fields)
    {
        if (text.Length >= 3 && Ascii.EqualsIgnoreCase(text[..3], "UTC"u8))
        {
            text = text[3..];
            return true;
        }
        var length = 0;
        while (length < text.Length && (char.IsAsciiDigit((char)text[length]) || text[length] is (byte)'+' or (byte)'-' or (byte)':' or (byte)'Z' or (byte)'z')) length++;
        if (!TimeText.TryParseOffset(text[..length], out var offset)) return false;
        fields.Micros -= offset;
        text = text[length..];
        return true;
    }

    private static bool TryCombine(in Fields f, out long micros)
    {
        micros = 0;
        var hour = f.Hour;
        if (f.Twelve || f.Afternoon is not null)
        {
            if (f.Twelve && hour is < 1 or > 12) return false;
            if (f.Afternoon == true && hour < 12) hour += 12;
            else if (f.Afternoon != true && f.Twelve && hour == 12) hour = 0;
        }
        if (f.Year is < 1 or > 9999 || hour > 23 || f.Minute > 59 || f.Second > 59 || f.SecondOfDay > 86399
            || !Calendar.Exists((int)f.Year, (int)f.Month, (int)f.Day)) return false;
        long days = Calendar.ToDays((int)f.Year, (int)f.Month, (int)f.Day);
        if (f.DayOfYear >= 0)
        {
            if (f.DayOfYear < 1 || f.DayOfYear > (Calendar.IsLeap((int)f.Year) ? 366 : 365)) return false;
            days = Calendar.ToDays((int)f.Year, 1, 1) + f.DayOfYear - 1;
        }
        var time = f.SecondOfDay >= 0 ? f.SecondOfDay * Calendar.MicrosPerSecond
            : hour * Calendar.MicrosPerHour + f.Minute * Calendar.MicrosPerMinute + f.Second * Calendar.MicrosPerSecond;
        micros = days * Calendar.MicrosPerDay + time + f.Micros;
        return true;
    }
}

/// <summary>The format of a node's last row: compiled again only when it changes.</summary>
internal sealed unsafe class TimeFormatCache
{
    private byte[]? _text;
    private TimeFormat _format = null!;

    public TimeFormat Get(Utf8View* text)
    {
        if (_text is not null && Utf8View.SpanOf(text).SequenceEqual(_text)) return _format;
        _text = Utf8View.SpanOf(text).ToArray();
        return _format = TimeFormat.Compile(_text);
    }
}

internal readonly unsafe struct ParseTimestampOp : IBinary<Utf8View, Utf8View, long>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, long* result, OpState state)
        => TimeFormatReader.TryRead(((TimeFormatCache)state.Extra!).Get(b), Utf8View.SpanOf(a), out *result) ? Outcome.Value
            : state.Fail($"{TextCasts.Quote(a)} is no TIMESTAMP in the form {TextCasts.Quote(b)}");
}

internal readonly unsafe struct ParseDateOp : IBinary<Utf8View, Utf8View, int>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, int* result, OpState state)
    {
        if (!TimeFormatReader.TryRead(((TimeFormatCache)state.Extra!).Get(b), Utf8View.SpanOf(a),
            out var micros)) return state.Fail($"{TextCasts.Quote(a)} is no DATE in the form {TextCasts.Quote(b)}");
        *result = Calendar.DaysOf(micros);
        return Outcome.Value;
    }
}

internal readonly unsafe struct ToCharOp : IBinary<long, Utf8View, Utf8View>
{
    public static Outcome Apply(long* a, Utf8View* b, Utf8View* result, OpState state)
    {
        if (b->Length > 4096) return state.TooLong();
        var format = ((TimeFormatCache)state.Extra!).Get(b);
        var buffer = state.Buffer(format.MaxLength);
        return state.Text(buffer[..format.Format(*a, buffer)], result);
    }
}
