using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

internal readonly unsafe struct PositionOp : IBinary<Utf8View, Utf8View, int>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, int* result, OpState state)
    {
        var text = Utf8View.SpanOf(a);
        var at = text.IndexOf(Utf8View.SpanOf(b));
        *result = at < 0 ? 0 : Utf8Text.Count(text[..at]) + 1;
        return Outcome.Value;
    }
}

internal readonly unsafe struct StartsOp : IBinary<Utf8View, Utf8View, byte>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, byte* result, OpState state)
    {
        *result = Utf8View.SpanOf(a).StartsWith(Utf8View.SpanOf(b)) ? (byte)1 : (byte)0;
        return Outcome.Value;
    }
}

internal readonly unsafe struct EndsOp : IBinary<Utf8View, Utf8View, byte>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, byte* result, OpState state)
    {
        *result = Utf8View.SpanOf(a).EndsWith(Utf8View.SpanOf(b)) ? (byte)1 : (byte)0;
        return Outcome.Value;
    }
}

/// <summary>An empty text to search for replaces nothing.</summary>
internal readonly unsafe struct ReplaceOp : ITernary<Utf8View, Utf8View, Utf8View, Utf8View>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, Utf8View* c, Utf8View* result, OpState state)
    {
        var text = Utf8View.SpanOf(a);
        var search = Utf8View.SpanOf(b);
        var by = Utf8View.SpanOf(c);
        var at = search.IsEmpty ? -1 : text.IndexOf(search);
        if (at < 0)
        {
            *result = *a;
            return Outcome.Value;
        }
        var n = 0;
        while (at >= 0)
        {
            if ((long)n + at + by.Length > OpState.MaxText) return state.TooLong();
            var buffer = state.Buffer(n + at + by.Length);
            text[..at].CopyTo(buffer[n..]);
            by.CopyTo(buffer[(n + at)..]);
            n += at + by.Length;
            text = text[(at + search.Length)..];
            at = text.IndexOf(search);
        }
        if ((long)n + text.Length > OpState.MaxText) return state.TooLong();
        var whole = state.Buffer(n + text.Length)[..(n + text.Length)];
        text.CopyTo(whole[n..]);
        return state.Text(whole, result);
    }
}

internal readonly unsafe struct TranslateOp : ITernary<Utf8View, Utf8View, Utf8View, Utf8View>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, Utf8View* c, Utf8View* result, OpState state)
    {
        var text = Utf8View.SpanOf(a);
        var from = Utf8View.SpanOf(b);
        var to = Utf8View.SpanOf(c);
        var n = 0;
        for (var at = 0; at < text.Length;)
        {
            var next = Utf8Text.Next(text, at);
            var character = text[at..next];
            at = next;
            var found = from.IndexOf(character);
            if (found >= 0)
            {
                var start = Utf8Text.OffsetOf(to, Utf8Text.Count(from[..found]));
                character = start < to.Length ? to[start..Utf8Text.Next(to, start)] : default;
            }
            if ((long)n + character.Length > OpState.MaxText) return state.TooLong();
            character.CopyTo(state.Buffer(n + character.Length)[n..]);
            n += character.Length;
        }
        return state.Text(state.Buffer(n)[..n], result);
    }
}

/// <summary>An empty separator splits nothing: the text is its only part.</summary>
internal readonly unsafe struct SplitPartOp : ITernary<Utf8View, Utf8View, int, Utf8View>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, int* c, Utf8View* result, OpState state)
    {
        if (*c == 0) return state.Fail("the part's number is 0: it counts from 1");
        var text = Utf8View.SpanOf(a);
        var separator = Utf8View.SpanOf(b);
        var start = 0;
        var length = text.Length;
        if (separator.IsEmpty || text.IsEmpty)
        {
            if (*c is not (1 or -1)) length = 0;
        }
        else if (*c > 0) Find(text, separator, *c, out start, out length);
        else FindFromEnd(text, separator, -(long)*c, out start, out length);
        return OpState.Part(Utf8View.BytesOf(a) + start, length, result);
    }

    private static void Find(ReadOnlySpan<byte> text, ReadOnlySpan<byte> separator, int number, out int start, out int length)
    {
        start = 0;
        length = 0;
        for (var part = 1; ; part++)
        {
            var at = text[start..].IndexOf(separator);
            if (part == number)
            {
                length = at < 0 ? text.Length - start : at;
                return;
            }
            if (at < 0) return;
            start += at + separator.Length;
        }
    }

    private static void FindFromEnd(ReadOnlySpan<byte> text, ReadOnlySpan<byte> separator, long number, out int start, out int length)
    {
        var end = text.Length;
        for (long part = 1; ; part++)
        {
            var at = text[..end].LastIndexOf(separator);
            start = at < 0 ? 0 : at + separator.Length;
            length = end - start;
            if (part == number) return;
            if (at < 0)
            {
                length = 0;
                return;
            }
            end = at;
        }
    }
}
