using System.Buffers;
using System.Text;

namespace StreamEngine.Compute.Functions;

/// <summary>
/// A compiled LIKE pattern. The usual shapes (a text, a%, %a, %a%) are one comparison or search; others are matched with at most one step back, to the last %, which
/// is never exponential.
/// </summary>
internal sealed class LikePattern
{
    private enum Shape : byte
    {
        Equal, Prefix, Suffix, Contains, General,
    }

    /// <summary>What stands in <see cref="_kinds"/> for each byte of the pattern.</summary>
    private const byte Literal = 0;
    private const byte AnyOne = 1;
    private const byte AnyMany = 2;

    private readonly Shape _shape;
    private readonly byte[] _bytes;
    private readonly byte[] _kinds;

    private LikePattern(Shape shape, byte[] bytes, byte[] kinds)
    {
        _shape = shape;
        _bytes = bytes;
        _kinds = kinds;
    }

    /// <summary>Compiles; null with the reason where the pattern ends in its escape character.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="escape">The escape character; empty for none.</param>
    /// <param name="ignoreCase">Texts will come in lower case, and the pattern is turned into it.</param>
    /// <param name="problem">What is wrong.</param>
    public static LikePattern? Compile(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> escape, bool ignoreCase, out string? problem)
    {
        problem = null;
        if (!escape.IsEmpty && Utf8Text.Next(escape, 0) != escape.Length)
        {
            problem = "the escape of LIKE is one character, or empty for none";
            return null;
        }
        var bytes = new List<byte>(pattern.Length);
        var kinds = new List<byte>(pattern.Length);
        for (var at = 0; at < pattern.Length;)
        {
            var next = Utf8Text.Next(pattern, at);
            var character = pattern[at..next];
            at = next;
            if (!escape.IsEmpty && character.SequenceEqual(escape))
            {
                if (at == pattern.Length)
                {
                    problem = "the pattern of LIKE ends in its escape character";
                    return null;
                }
                next = Utf8Text.Next(pattern, at);
                AddLiteral(bytes, kinds, pattern[at..next], ignoreCase);
                at = next;
            }
            else if (character[0] == '%')
            {
                if (kinds.Count > 0 && kinds[^1] == AnyMany) continue;
                bytes.Add(0);
                kinds.Add(AnyMany);
            }
            else if (character[0] == '_')
            {
                bytes.Add(0);
                kinds.Add(AnyOne);
            }
            else AddLiteral(bytes, kinds, character, ignoreCase);
        }
        return Classify([.. bytes], [.. kinds]);
    }

    private static void AddLiteral(List<byte> bytes, List<byte> kinds, ReadOnlySpan<byte> character, bool ignoreCase)
    {
        Span<byte> lower = stackalloc byte[8];
        var length = character.Length;
        if (ignoreCase) length = Utf8Text.Map<ToLower>(character, lower);
        else character.CopyTo(lower);
        foreach (var b in lower[..length])
        {
            bytes.Add(b);
            kinds.Add(Literal);
        }
    }

    private static LikePattern Classify(byte[] bytes, byte[] kinds)
    {
        var length = bytes.Length;
        var first = length > 0 && kinds[0] == AnyMany ? 1 : 0;
        var last = length > first && kinds[length - 1] == AnyMany ? length - 1 : length;
        for (var i = first; i < last; i++)
            if (kinds[i] != Literal) return new LikePattern(Shape.General, bytes, kinds);
        var literal = bytes[first..last];
        var shape = (first > 0, last < length) switch
        {
            (false, false) => Shape.Equal,
            (false, true) => Shape.Prefix,
            (true, false) => Shape.Suffix,
            _
            => Shape.Contains
        };
        return new LikePattern(shape, literal, []);
    }

    public bool Matches(ReadOnlySpan<byte> text) => _shape switch
    {
        Shape.Equal => text.SequenceEqual(_bytes),
        Shape.Prefix => text.StartsWith(_bytes),
        Shape.Suffix => text.EndsWith(_bytes),
        Shape.Contains => text.IndexOf(_bytes) >= 0,
        _ => MatchGeneral(text),
    };

    /// <summary>On a mismatch the last % takes one character more; earlier ones never need to (they matched as early as possible).</summary>
    private bool MatchGeneral(ReadOnlySpan<byte> text)
    {
        int t = 0, p = 0, starPattern = -1, starText = 0;
        while (t < text.Length)
        {
            if (p < _kinds.Length && _kinds[p] == AnyMany)
            {
                starPattern = ++p;
                starText = t;
            }
            else if (p < _kinds.Length && _kinds[p] == AnyOne)
            {
                t = Utf8Text.Next(text, t);
                p++;
            }
            else if (p < _kinds.Length && _bytes[p] == text[t])
            {
                t++;
                p++;
            }
            else if (starPattern >= 0)
            {
                starText = Utf8Text.Next(text, starText);
                t = starText;
                p = starPattern;
            }
            else return false;
        }
        while (p < _kinds.Length && _kinds[p] == AnyMany) p++;
        return p == _kinds.Length;
    }
}
