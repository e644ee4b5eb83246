using System.Text;
using System.Text.RegularExpressions;

namespace StreamEngine.Compute.Functions;

/// <summary>What PostgreSQL's regular expressions (its documentation, 9.7.3) write otherwise than .NET's.</summary>
internal static class RegexSyntax
{
    /// <exception cref="NotSupportedException">The pattern has something that .NET cannot say.</exception>
    public static string ToDotNet(string pattern, RegexOptions options)
    {
        var text = new StringBuilder(pattern.Length + 8);
        for (var i = 0; i < pattern.Length; i++)
        {
            var c = pattern[i];
            if (c == '\\' && i + 1 < pattern.Length) text.Append(c).Append(pattern[++i]);
            // .NET's $ also matches before a line end at the end.
            else if (c == '$' && (options & RegexOptions.Multiline) == 0) text.Append("\\z");
            else if (c == '[') i = Brackets(pattern, i, text);
            else text.Append(c);
        }
        return text.ToString();
    }

    /// <summary>Copies a bracket expression with its classes spelt out; returns where it ends.</summary>
    private static int Brackets(string pattern, int from, StringBuilder text)
    {
        text.Append('[');
        var i = from + 1;
        if (i < pattern.Length && pattern[i] == '^') text.Append(pattern[i++]);
        // The first one stands for itself.
        if (i < pattern.Length && pattern[i] == ']')
        {
            text.Append("\\]");
            i++;
        }
        for (; i < pattern.Length; i++)
        {
            var c = pattern[i];
            if (c == ']')
            {
                text.Append(c);
                return i;
            }
            if (c == '[' && i + 1 < pattern.Length && pattern[i + 1] is ':' or '.' or '=') i = Class(pattern, i, text);
            else if (c == '[') text.Append("\\[");
            else if (c == '\\' && i + 1 < pattern.Length) text.Append(c).Append(pattern[++i]);
            else text.Append(c);
        }
        return i;
    }

    private static int Class(string pattern, int from, StringBuilder text)
    {
        var end = pattern.IndexOf($"{pattern[from + 1]}]", from + 2, StringComparison.Ordinal);
        if (pattern[from + 1] != ':' || end < 0)
            throw new NotSupportedException($"collating elements and equivalence classes such as '{pattern[from..Math.Min(pattern.Length, from + 5)]}' are not supported");
        text.Append(pattern[(from + 2)..end] switch
        {
            "alpha" => @"\p{L}",
            "digit" => @"\p{Nd}",
            "alnum" => @"\p{L}\p{Nd}",
            "upper" => @"\p{Lu}",
            "lower" => @"\p{Ll}",
            "space" => @"\s",
            "blank" => @" \t",
            "punct" => @"!-/:-@\[-`{-~",
            "cntrl" => @"\p{Cc}",
            "xdigit" => "0-9A-Fa-f",
            "word" => @"\w",
            "print" => @" -~\p{L}\p{M}\p{N}\p{P}\p{S}",
            "graph" => @"!-~\p{L}\p{M}\p{N}\p{P}\p{S}",
            var name => throw new NotSupportedException($"'{name}' is no character class; there are alpha, digit, alnum, upper, lower, space, blank, punct, cntrl, xdigit, print, graph, word"),
        });
        return end + 1;
    }
}
