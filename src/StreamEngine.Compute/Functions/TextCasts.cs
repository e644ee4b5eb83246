using System.Text;
using System.Text.Unicode;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

internal readonly unsafe struct Int32ToText : IUnary<int, Utf8View>
{
    public static Outcome Apply(int* a, Utf8View* result, OpState state)
    {
        Span<byte> text = stackalloc byte[12];
        return state.Text(text[..NumberText.Format(*a, text)], result);
    }
}

internal readonly unsafe struct Int64ToText : IUnary<long, Utf8View>
{
    public static Outcome Apply(long* a, Utf8View* result, OpState state)
    {
        Span<byte> text = stackalloc byte[24];
        return state.Text(text[..NumberText.Format(*a, text)], result);
    }
}

internal readonly unsafe struct DecimalToText : IUnary<Int128, Utf8View>
{
    public static Outcome Apply(Int128* a, Utf8View* result, OpState state)
    {
        Span<byte> text = stackalloc byte[48];
        return state.Text(text[..DecimalText.Format(*a, state.ScaleA, text)], result);
    }
}

/// <summary>The shortest text that reads back, in PostgreSQL's spelling: 1e+300, -0, NaN.</summary>
internal readonly unsafe struct Float64ToText : IUnary<double, Utf8View>
{
    public static Outcome Apply(double* a, Utf8View* result, OpState state)
    {
        if (!double.IsFinite(*a)) return state.Text(double.IsNaN(*a) ? "NaN"u8 : *a > 0 ? "Infinity"u8 : "-Infinity"u8, result);
        if (*a == 0) return state.Text(double.IsNegative(*a) ? "-0"u8 : "0"u8, result);
        Span<byte> text = stackalloc byte[40];
        var length = NumberText.Format(*a, text);
        var exponent = text[..length].IndexOf((byte)'E');
        if (exponent >= 0) text[exponent] = (byte)'e';
        return state.Text(text[..length], result);
    }
}

internal readonly unsafe struct BooleanToText : IUnary<byte, Utf8View>
{
    public static Outcome Apply(byte* a, Utf8View* result, OpState state) => state.Text(*a != 0 ? "true"u8 : "false"u8, result);
}

internal readonly unsafe struct DateToText : IUnary<int, Utf8View>
{
    public static Outcome Apply(int* a, Utf8View* result, OpState state)
    {
        Span<byte> text = stackalloc byte[TimeText.MaxTimestamp];
        return state.Text(text[..TimeText.FormatDate(*a, text)], result);
    }
}

/// <summary>2001-01-01 06:00:00, PostgreSQL's ISO style.</summary>
internal readonly unsafe struct TimestampToText : IUnary<long, Utf8View>
{
    public static Outcome Apply(long* a, Utf8View* result, OpState state)
    {
        Span<byte> text = stackalloc byte[TimeText.MaxTimestamp];
        return state.Text(text[..TimeText.FormatTimestamp(*a, text, (byte)' ', zone: false)], result);
    }
}

internal readonly unsafe struct IntervalToText : IUnary<Interval, Utf8View>
{
    public static Outcome Apply(Interval* a, Utf8View* result, OpState state)
    {
        Span<byte> text = stackalloc byte[IntervalText.MaxLength];
        return state.Text(text[..IntervalText.Format(*a, text)], result);
    }
}

internal readonly unsafe struct BinaryToText : IUnary<Utf8View, Utf8View>
{
    public static Outcome Apply(Utf8View* a, Utf8View* result, OpState state)
    {
        *result = *a;
        return Utf8.IsValid(Utf8View.SpanOf(a)) ? Outcome.Value : state.Fail("the bytes are no UTF-8");
    }
}

internal readonly unsafe struct TextToInt32 : IUnary<Utf8View, int>
{
    public static Outcome Apply(Utf8View* a, int* result, OpState state)
    {
        var text = TextCasts.Trim(a);
        if (NumberText.TryParseInt64(text, out var value) && value is >= int.MinValue and <= int.MaxValue)
        {
            *result = (int)value;
            return Outcome.Value;
        }
        return TextCasts.Fail(a, state);
    }
}

internal readonly unsafe struct TextToInt64 : IUnary<Utf8View, long>
{
    public static Outcome Apply(Utf8View* a, long* result, OpState state)
        => NumberText.TryParseInt64(TextCasts.Trim(a), out *result) ? Outcome.Value : TextCasts.Fail(a, state);
}

/// <summary>Rounds half away from zero where the text has more digits.</summary>
internal readonly unsafe struct TextToDecimal : IUnary<Utf8View, Int128>
{
    public static Outcome Apply(Utf8View* a, Int128* result, OpState state)
        => DecimalText.TryParse(TextCasts.Trim(a), state.Precision, state.Scale, exact: false, out *result) ? Outcome.Value : TextCasts.Fail(a, state);
}

internal readonly unsafe struct TextToFloat64 : IUnary<Utf8View, double>
{
    public static Outcome Apply(Utf8View* a, double* result, OpState state)
    {
        var text = TextCasts.Trim(a);
        if (NumberText.TryParseDouble(text, out *result)) return Outcome.Value;
        var negative = !text.IsEmpty && text[0] == '-';
        var word = !text.IsEmpty && text[0] is (byte)'-' or (byte)'+' ? text[1..] : text;
        if (Ascii.EqualsIgnoreCase(word, "infinity"u8) || Ascii.EqualsIgnoreCase(word, "inf"u8)) *result = negative ? double.NegativeInfinity : double.PositiveInfinity;
        else if (Ascii.EqualsIgnoreCase(text, "nan"u8)) *result = double.NaN;
        else return TextCasts.Fail(a, state);
        return Outcome.Value;
    }
}

/// <summary>The beginnings of true, false, yes, no that are one word's alone, on, off, 1, 0 (PostgreSQL's parse_bool).</summary>
internal readonly unsafe struct TextToBoolean : IUnary<Utf8View, byte>
{
    public static Outcome Apply(Utf8View* a, byte* result, OpState state)
    {
        var text = TextCasts.Trim(a);
        var yes = Begins(text, "true"u8, 1) || Begins(text, "yes"u8, 1) || Begins(text, "on"u8, 2) || text.SequenceEqual("1"u8);
        var no = Begins(text, "false"u8, 1) || Begins(text, "no"u8, 1) || Begins(text, "off"u8, 2) || text.SequenceEqual("0"u8);
        *result = yes ? (byte)1 : (byte)0;
        return yes || no ? Outcome.Value : TextCasts.Fail(a, state);
    }

    private static bool Begins(ReadOnlySpan<byte> text, ReadOnlySpan<byte> word, int least)
        => text.Length >= least && text.Length <= word.Length && Ascii.EqualsIgnoreCase(text, word[..text.Length]);
}

internal readonly unsafe struct TextToDate : IUnary<Utf8View, int>
{
    public static Outcome Apply(Utf8View* a, int* result, OpState state)
    {
        var text = TextCasts.Trim(a);
        if (TimeText.TryParseDate(text, out *result)) return Outcome.Value;
        if (!TimeText.TryParseTimestamp(text, out var micros, out _)) return TextCasts.Fail(a, state);
        *result = Calendar.DaysOf(micros);
        return Outcome.Value;
    }
}

internal readonly unsafe struct TextToTimestamp : IUnary<Utf8View, long>
{
    public static Outcome Apply(Utf8View* a, long* result, OpState state)
        => TimeText.TryParseTimestamp(TextCasts.Trim(a), out *result, out _) ? Outcome.Value : TextCasts.Fail(a, state);
}

internal readonly unsafe struct TextToInterval : IUnary<Utf8View, Interval>
{
    public static Outcome Apply(Utf8View* a, Interval* result, OpState state)
        => IntervalText.TryParse(TextCasts.Trim(a), null, null, out *result) ? Outcome.Value : TextCasts.Fail(a, state);
}

internal readonly unsafe struct DateToTimestamp : IUnary<int, long>
{
    public static Outcome Apply(int* a, long* result, OpState state)
    {
        var micros = *a * (Int128)Calendar.MicrosPerDay;
        *result = (long)micros;
        return micros == *result ? Outcome.Value : state.OutOfRange();
    }
}

internal readonly unsafe struct TimestampToDate : IUnary<long, int>
{
    public static Outcome Apply(long* a, int* result, OpState state)
    {
        *result = Calendar.DaysOf(*a);
        return Outcome.Value;
    }
}

internal static unsafe class TextCasts
{
    /// <summary>Without the blanks around it that C's isspace knows, as PostgreSQL's input functions.</summary>
    public static ReadOnlySpan<byte> Trim(Utf8View* view)
    {
        var text = Utf8View.SpanOf(view);
        while (!text.IsEmpty && IsBlank(text[0])) text = text[1..];
        while (!text.IsEmpty && IsBlank(text[^1])) text = text[..^1];
        return text;
    }

    public static bool IsBlank(byte c) => c is (byte)' ' or (>= 9 and <= 13);

    public static Outcome Fail(Utf8View* view, OpState state) => state.Fail($"{Quote(view)} is no {state.Type}");

    /// <summary>A value for a message: its first characters.</summary>
    public static string Quote(Utf8View* view)
    {
        const int most = 40;
        var text = Utf8View.SpanOf(view);
        if (text.Length <= most) return $"'{Encoding.UTF8.GetString(text)}'";
        var end = most;
        while (end > 0 && (text[end] & 0xC0) == 0x80) end--;
        return $"'{Encoding.UTF8.GetString(text[..end])}..'";
    }
}
