using System.Buffers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

internal readonly unsafe struct LowerOp : IUnary<Utf8View, Utf8View>
{
    public static Outcome Apply(Utf8View* a, Utf8View* result, OpState state)
    {
        var text = Utf8View.SpanOf(a);
        var buffer = state.Buffer(text.Length * 2);
        if (Ascii.ToLower(text, buffer, out _) != OperationStatus.Done) return state.Text(buffer[..Utf8Text.Map<ToLower>(text, buffer)], result);
        return state.Text(buffer[..text.Length], result);
    }
}

internal readonly unsafe struct UpperOp : IUnary<Utf8View, Utf8View>
{
    public static Outcome Apply(Utf8View* a, Utf8View* result, OpState state)
    {
        var text = Utf8View.SpanOf(a);
        var buffer = state.Buffer(text.Length * 2);
        if (Ascii.ToUpper(text, buffer, out _) != OperationStatus.Done) return state.Text(buffer[..Utf8Text.Map<ToUpper>(text, buffer)], result);
        return state.Text(buffer[..text.Length], result);
    }
}

internal readonly unsafe struct InitcapOp : IUnary<Utf8View, Utf8View>
{
    public static Outcome Apply(Utf8View* a, Utf8View* result, OpState state)
    {
        var text = Utf8View.SpanOf(a);
        var buffer = state.Buffer(text.Length * 2);
        return state.Text(buffer[..Utf8Text.Map<ToInitial>(text, buffer)], result);
    }
}

/// <summary>Which ends of a text are meant.</summary>
internal interface IEnd
{
    static abstract bool Left { get; }

    static abstract bool Right { get; }
}

internal readonly struct BothEnds : IEnd
{
    public static bool Left => true;

    public static bool Right => true;
}

internal readonly struct LeftEnd : IEnd
{
    public static bool Left => true;

    public static bool Right => false;
}

internal readonly struct RightEnd : IEnd
{
    public static bool Left => false;

    public static bool Right => true;
}

/// <summary>Without the blanks (only those: no tabs, no other spaces) at its ends.</summary>
internal readonly unsafe struct TrimBlanks<TEnd> : IUnary<Utf8View, Utf8View>
    where TEnd : struct, IEnd
{
    public static Outcome Apply(Utf8View* a, Utf8View* result, OpState state)
    {
        var bytes = Utf8View.BytesOf(a);
        int start = 0, end = a->Length;
        if (TEnd.Left)
            while (start < end && bytes[start] == ' ') start++;
        if (TEnd.Right)
            while (end > start && bytes[end - 1] == ' ') end--;
        return OpState.Part(bytes + start, end - start, result);
    }
}

/// <summary>Without the characters of a set at its ends.</summary>
internal readonly unsafe struct TrimOp<TEnd> : IBinary<Utf8View, Utf8View, Utf8View>
    where TEnd : struct, IEnd
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, Utf8View* result, OpState state)
    {
        var text = Utf8View.SpanOf(a);
        var set = Utf8View.SpanOf(b);
        int start = 0, end = text.Length;
        while (TEnd.Left && start < end)
        {
            var next = Utf8Text.Next(text, start);
            if (!Contains(set, text[start..next])) break;
            start = next;
        }
        while (TEnd.Right && end > start)
        {
            var previous = Utf8Text.Previous(text, end);
            if (!Contains(set, text[previous..end])) break;
            end = previous;
        }
        return OpState.Part(Utf8View.BytesOf(a) + start, end - start, result);
    }

    /// <summary>UTF-8 is self-synchronising: a whole character is found at whole characters only.</summary>
    private static bool Contains(ReadOnlySpan<byte> set, ReadOnlySpan<byte> character) => set.IndexOf(character) >= 0;
}

internal readonly unsafe struct SubstringFrom : IBinary<Utf8View, int, Utf8View>
{
    public static Outcome Apply(Utf8View* a, int* b, Utf8View* result, OpState state)
    {
        var start = Utf8Text.OffsetOf(Utf8View.SpanOf(a), Math.Max(0, *b == int.MinValue ? 0 : *b - 1));
        return OpState.Part(Utf8View.BytesOf(a) + start, a->Length - start, result);
    }
}

/// <summary>Positions before the first character count, as the standard has it: from 0 for 3 is two characters.</summary>
internal readonly unsafe struct SubstringFor : ITernary<Utf8View, int, int, Utf8View>
{
    public static Outcome Apply(Utf8View* a, int* b, int* c, Utf8View* result, OpState state)
    {
        if (*c < 0) return state.Fail("negative substring length");
        var text = Utf8View.SpanOf(a);
        var end = (long)*b + *c;
        var from = Math.Max(1, *b);
        if (end <= from) return OpState.Part(Utf8View.BytesOf(a), 0, result);
        var start = Utf8Text.OffsetOf(text, from - 1);
        var length = Utf8Text.OffsetOf(text[start..], (int)Math.Min(end - from, int.MaxValue));
        return OpState.Part(Utf8View.BytesOf(a) + start, length, result);
    }
}

internal readonly unsafe struct LeftOp : IBinary<Utf8View, int, Utf8View>
{
    public static Outcome Apply(Utf8View* a, int* b, Utf8View* result, OpState state)
    {
        var text = Utf8View.SpanOf(a);
        var count = *b >= 0 ? *b : Math.Max(0L, (long)Utf8Text.Count(text) + *b);
        return OpState.Part(Utf8View.BytesOf(a), Utf8Text.OffsetOf(text, (int)count), result);
    }
}

internal readonly unsafe struct RightOp : IBinary<Utf8View, int, Utf8View>
{
    public static Outcome Apply(Utf8View* a, int* b, Utf8View* result, OpState state)
    {
        var text = Utf8View.SpanOf(a);
        var skip = *b >= 0 ? Math.Max(0L, (long)Utf8Text.Count(text) - *b) : Math.Min(text.Length, -(long)*b);
        var start = Utf8Text.OffsetOf(text, (int)skip);
        return OpState.Part(Utf8View.BytesOf(a) + start, text.Length - start, result);
    }
}

internal readonly unsafe struct PadBlanks<TEnd> : IBinary<Utf8View, int, Utf8View>
    where TEnd : struct, IEnd
{
    public static Outcome Apply(Utf8View* a, int* b, Utf8View* result, OpState state)
    {
        var blank = Utf8View.Copy(" "u8, state.Output);
        return PadOp<TEnd>.Apply(a, b, &blank, result, state);
    }
}

internal readonly unsafe struct PadOp<TEnd> : ITernary<Utf8View, int, Utf8View, Utf8View>
    where TEnd : struct, IEnd
{
    public static Outcome Apply(Utf8View* a, int* b, Utf8View* c, Utf8View* result, OpState state)
    {
        var text = Utf8View.SpanOf(a);
        var fill = Utf8View.SpanOf(c);
        var count = Utf8Text.Count(text);
        var wanted = Math.Max(0, *b);
        if (count >= wanted || fill.IsEmpty) return OpState.Part(Utf8View.BytesOf(a), Utf8Text.OffsetOf(text, wanted), result);
        var missing = wanted - count;
        var fillCount = Utf8Text.Count(fill);
        var rest = Utf8Text.OffsetOf(fill, missing % fillCount);
        var bytes = (long)missing / fillCount * fill.Length + rest;
        if (bytes + text.Length > OpState.MaxText) return state.TooLong();
        var buffer = state.Buffer((int)bytes + text.Length)[..((int)bytes + text.Length)];
        text.CopyTo(TEnd.Left ? buffer[(int)bytes..] : buffer);
        var padding = TEnd.Left ? buffer[..(int)bytes] : buffer[text.Length..];
        for (; padding.Length >= fill.Length; padding = padding[fill.Length..]) fill.CopyTo(padding);
        fill[..padding.Length].CopyTo(padding);
        return state.Text(buffer, result);
    }
}

internal readonly unsafe struct RepeatOp : IBinary<Utf8View, int, Utf8View>
{
    public static Outcome Apply(Utf8View* a, int* b, Utf8View* result, OpState state)
    {
        var text = Utf8View.SpanOf(a);
        var bytes = (long)text.Length * Math.Max(0, *b);
        if (bytes > OpState.MaxText) return state.TooLong();
        var buffer = state.Buffer((int)bytes)[..(int)bytes];
        for (var rest = buffer; !rest.IsEmpty; rest = rest[text.Length..]) text.CopyTo(rest);
        return state.Text(buffer, result);
    }
}

internal readonly unsafe struct ReverseOp : IUnary<Utf8View, Utf8View>
{
    public static Outcome Apply(Utf8View* a, Utf8View* result, OpState state)
    {
        var text = Utf8View.SpanOf(a);
        var buffer = state.Buffer(text.Length)[..text.Length];
        for (var at = 0; at < text.Length;)
        {
            var next = Utf8Text.Next(text, at);
            text[at..next].CopyTo(buffer[(text.Length - next)..]);
            at = next;
        }
        return state.Text(buffer, result);
    }
}

internal readonly unsafe struct JoinOp : IBinary<Utf8View, Utf8View, Utf8View>
{
    public static Outcome Apply(Utf8View* a, Utf8View* b, Utf8View* result, OpState state)
    {
        var bytes = (long)a->Length + b->Length;
        if (bytes > OpState.MaxText) return state.TooLong();
        if (b->Length == 0 || a->Length == 0)
        {
            *result = b->Length == 0 ? *a : *b;
            return Outcome.Value;
        }
        var buffer = state.Buffer((int)bytes)[..(int)bytes];
        Utf8View.SpanOf(a).CopyTo(buffer);
        Utf8View.SpanOf(b).CopyTo(buffer[a->Length..]);
        return state.Text(buffer, result);
    }
}

internal readonly unsafe struct LengthOp : IUnary<Utf8View, int>
{
    public static Outcome Apply(Utf8View* a, int* result, OpState state)
    {
        *result = Utf8Text.Count(Utf8View.SpanOf(a));
        return Outcome.Value;
    }
}

internal readonly unsafe struct OctetsOp : IUnary<Utf8View, int>
{
    public static Outcome Apply(Utf8View* a, int* result, OpState state)
    {
        *result = a->Length;
        return Outcome.Value;
    }
}

internal readonly unsafe struct AsciiOp : IUnary<Utf8View, int>
{
    public static Outcome Apply(Utf8View* a, int* result, OpState state)
    {
        *result = a->Length > 0 && Rune.DecodeFromUtf8(Utf8View.SpanOf(a), out var rune, out _) == OperationStatus.Done ? rune.Value : 0;
        return Outcome.Value;
    }
}

internal readonly unsafe struct ChrOp : IUnary<int, Utf8View>
{
    public static Outcome Apply(int* a, Utf8View* result, OpState state)
    {
        if (*a == 0 || !Rune.IsValid(*a)) return state.Fail($"{*a} is the code of no character");
        Span<byte> text = stackalloc byte[4];
        return state.Text(text[..new Rune(*a).EncodeToUtf8(text)], result);
    }
}

internal readonly unsafe struct Md5Op : IUnary<Utf8View, Utf8View>
{
    public static Outcome Apply(Utf8View* a, Utf8View* result, OpState state)
    {
        Span<byte> digest = stackalloc byte[16];
#pragma warning disable CA5351 // SQL's md5 is a checksum here, as in PostgreSQL; nothing relies on it for security.
        MD5.HashData(Utf8View.SpanOf(a), digest);
#pragma warning restore CA5351
        Span<byte> text = stackalloc byte[32];
        Convert.TryToHexStringLower(digest, text, out _);
        return state.Text(text, result);
    }
}

internal readonly unsafe struct HexInt32 : IUnary<int, Utf8View>
{
    public static Outcome Apply(int* a, Utf8View* result, OpState state)
    {
        Span<byte> text = stackalloc byte[8];
        a->TryFormat(text, out var length, "x");
        return state.Text(text[..length], result);
    }
}

internal readonly unsafe struct HexInt64 : IUnary<long, Utf8View>
{
    public static Outcome Apply(long* a, Utf8View* result, OpState state)
    {
        Span<byte> text = stackalloc byte[16];
        a->TryFormat(text, out var length, "x");
        return state.Text(text[..length], result);
    }
}
