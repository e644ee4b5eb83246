using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;

namespace StreamEngine.Compute.Functions;

/// <summary>Characters, which are code points, in UTF-8 bytes. Text is taken to be valid; where it is not, nothing is read beyond its end.</summary>
internal static unsafe class Utf8Text
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsContinuation(byte b) => (b & 0xC0) == 0x80;

    /// <summary>Bytes of the character that starts with this byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LengthOf(byte first) => first < 0x80 ? 1 : Math.Clamp(BitOperations.LeadingZeroCount((uint)(byte)~first) - 24, 1, 4);

    /// <summary>Code points.</summary>
    public static int Count(ReadOnlySpan<byte> text)
    {
        if (Ascii.IsValid(text)) return text.Length;
        var count = 0;
        foreach (var b in text)
            if (!IsContinuation(b)) count++;
        return count;
    }

    /// <summary>The byte at which the character of this index starts; the length where there are not so many.</summary>
    public static int OffsetOf(ReadOnlySpan<byte> text, int characters)
    {
        if (characters >= text.Length) return text.Length;
        if (characters <= 0) return 0;
        // As many bytes as characters, all of them ASCII: the rest of the text does not matter.
        if (Ascii.IsValid(text[..characters])) return characters;
        var at = 0;
        for (; characters > 0 && at < text.Length; characters--) at = Next(text, at);
        return at;
    }

    /// <summary>The byte behind the character at <paramref name="at"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Next(ReadOnlySpan<byte> text, int at)
    {
        at++;
        while (at < text.Length && IsContinuation(text[at])) at++;
        return at;
    }

    /// <summary>The byte at which the character before <paramref name="at"/> starts.</summary>
    public static int Previous(ReadOnlySpan<byte> text, int at)
    {
        at--;
        while (at > 0 && IsContinuation(text[at])) at--;
        return at;
    }

    /// <summary>Maps each character to one other (invariant, one to one: ß stays ß). <paramref name="to"/> has room for twice the bytes; a mapped character has at
    /// most 3 bytes where it had 2.</summary>
    public static int Map<TMap>(ReadOnlySpan<byte> text, Span<byte> to)
        where TMap : struct, ICharacterMap
    {
        var n = 0;
        var map = default(TMap);
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(text, out var rune, out var consumed) == OperationStatus.Done) n += map.Map(rune).EncodeToUtf8(to[n..]);
            else
            {
                text[..consumed].CopyTo(to[n..]);
                n += consumed;
            }
            text = text[consumed..];
        }
        return n;
    }
}

/// <summary>What happens to each character of a text, in order.</summary>
internal interface ICharacterMap
{
    Rune Map(Rune rune);
}

internal readonly struct ToLower : ICharacterMap
{
    public Rune Map(Rune rune) => Rune.ToLowerInvariant(rune);
}

internal readonly struct ToUpper : ICharacterMap
{
    public Rune Map(Rune rune) => Rune.ToUpperInvariant(rune);
}

/// <summary>The first letter or digit of each run of them in upper case, the others in lower case.</summary>
internal struct ToInitial : ICharacterMap
{
    private bool _inWord;

    public Rune Map(Rune rune)
    {
        var first = !_inWord;
        _inWord = Rune.IsLetterOrDigit(rune);
        return first ? Rune.ToUpperInvariant(rune) : Rune.ToLowerInvariant(rune);
    }
}
