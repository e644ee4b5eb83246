using System.Globalization;
using System.Text;

namespace StreamEngine.Config;

/// <summary>The characters of a HOCON text: blanks, comments, quoted strings, unquoted words (HOCON.md, "Syntax").</summary>
internal sealed class Scanner(ConfigSource source, ErrorList errors)
{
    private const string Forbidden = "$\"{}[]:=,+#`^?!@*&\\";

    // Bounds what is done once per bracket or key, so that one line of millions of them stays cheap.
    private const int Nearby = 400;

    public ConfigSource Source { get; } = source;
    public string Text { get; } = source.Text;
    public int Pos { get; set; }

    /// <summary>Set when the rest of the text cannot be understood (an open string, too deep): what follows from that is not reported.</summary>
    public bool IsBroken { get; private set; }

    public bool AtEnd => Pos >= Text.Length;
    public char Current => Pos < Text.Length ? Text[Pos] : '\0';
    public bool AtComment => Current == '#' || (Current == '/' && Pos + 1 < Text.Length && Text[Pos + 1] == '/');
    public bool AtLineEnd => AtEnd || Current == '\n' || AtComment;
    public ConfigSpan Here => new(Source, Pos, AtEnd ? 0 : 1);

    public bool At(string word) => string.CompareOrdinal(Text, Pos, word, 0, word.Length) == 0;
    public ConfigSpan Span(int start) => new(Source, start, Pos - start);
    public void Error(ConfigSpan span, string message, string? hint = null)
    {
        if (IsBroken) return;
        errors.Add(span, message, hint);
        // More would not be kept: the rest is not worth reading.
        if (errors.IsFull) Break();
    }

    /// <summary>Gives up on the rest of the text; the error that says why comes first.</summary>
    public void Break()
    {
        IsBroken = true;
        Pos = Text.Length;
    }

    /// <summary>Skips blanks within the line.</summary>
    public void SkipSpace()
    {
        while (!AtEnd && IsSpace(Current)) Pos++;
    }

    /// <summary>Skips blanks, line ends and comments.</summary>
    public void SkipBlank()
    {
        while (!AtEnd)
        {
            if (AtComment) SkipLine();
            else if (Current == '\n' || IsSpace(Current)) Pos++;
            else return;
        }
    }

    /// <summary>Skips to the end of the line.</summary>
    public void SkipLine()
    {
        int end = Text.IndexOf('\n', Pos);
        Pos = end < 0 ? Text.Length : end;
    }

    /// <summary>Blank in HOCON, but no line end: also the byte order mark and the separators of Unicode and ASCII.</summary>
    public static bool IsSpace(char c) => c != '\n' && (char.IsWhiteSpace(c) || c is '\uFEFF' or (>= '\u001C' and <= '\u001F'));

    /// <summary>Whether the character may stand in an unquoted word.</summary>
    public bool AtWord => !AtEnd && Current != '\n' && !AtComment && !IsSpace(Current) && !char.IsControl(Current) && (!Forbidden.Contains(Current) || AtExponentSign);

    /// <summary>The word of allowed characters from here, perhaps empty.</summary>
    public int SkipWord()
    {
        int start = Pos;
        while (AtWord) Pos++;
        return Pos - start;
    }

    /// <summary>A string in quotes, single or triple. What is wrong in it is reported; a value comes back in any case.</summary>
    public ConfigText ReadString() => At("\"\"\"") ? ReadTriple() : ReadQuoted();

    /// <summary>Whether the character is the first of its line, and how far that line is indented.</summary>
    public (bool IsFirst, int Indent) IndentOf(int offset)
    {
        int start = Source.LineStart(offset);
        int indent = Text.AsSpan(start, Math.Min(Nearby, Text.Length - start)).IndexOfAnyExcept(' ', '\t');
        return (start + indent == offset, Math.Max(indent, 0));
    }

    /// <summary>The end of the line, or a few hundred characters on where that is further.</summary>
    public int LineEndNearby()
    {
        int end = Text.IndexOf('\n', Pos, Math.Min(Nearby, Text.Length - Pos));
        return end < 0 ? Math.Min(Text.Length, Pos + Nearby) : end;
    }

    // JSON's 1e+5: the only place where + is no operator.
    private bool AtExponentSign => Current == '+' && Pos >= 2 && Pos + 1 < Text.Length
        && Text[Pos - 1] is 'e' or 'E' && char.IsAsciiDigit(Text[Pos + 1]) && (char.IsAsciiDigit(Text[Pos - 2]) || Text[Pos - 2] == '.');

    private ConfigText ReadTriple()
    {
        int open = Pos;
        int start = Pos + 3;
        int end = Text.IndexOf("\"\"\"", start, StringComparison.Ordinal);
        if (end < 0)
        {
            Error(new ConfigSpan(Source, open, 3), "the string in triple quotes is not closed: the file ends before its \"\"\"", "put \"\"\" behind its last line");
            Break();
            return new ConfigText("", true, SourceMap.Exact(Source, start, 0), Span(open));
        }
        // Of more than three quotes at the end the last three close it (HOCON.md, "Multi-line strings").
        while (end + 3 < Text.Length && Text[end + 3] == '"') end++;
        Pos = end + 3;
        return new ConfigText(Text[start..end], true, SourceMap.Exact(Source, start, end - start), Span(open));
    }

    private ConfigText ReadQuoted()
    {
        int open = Pos++;
        var text = new StringBuilder();
        var map = new SourceMap.Builder();
        while (true)
        {
            int start = Pos;
            while (!AtEnd && Current is not ('"' or '\\' or '\n')) Pos++;
            text.Append(Text, start, Pos - start);
            map.AddExact(Source, start, Pos - start);
            if (AtEnd || Current == '\n')
            {
                var (_, lineEnd) = Source.LineBounds(open);
                const string hint = "put a closing \" behind it; a text of several lines stands in \"\"\" .. \"\"\"";
                Error(new ConfigSpan(Source, open, lineEnd - open), "the quoted string is not closed on its line", hint);
                break;
            }
            if (Current == '"')
            {
                Pos++;
                break;
            }
            int escape = Pos;
            text.Append(ReadEscape());
            map.AddAt(Span(escape), 1);
        }
        var span = Span(open);
        return new ConfigText(text.ToString(), true, map.Build(new ConfigSpan(Source, open + 1, 0)), span);
    }

    private char ReadEscape()
    {
        int start = Pos;
        Pos++;
        char c = Current;
        if (!AtEnd && c != '\n') Pos++;
        switch (c)
        {
            case '"' or '\\' or '/': return c;
            case 'b': return '\b';
            case 'f': return '\f';
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'u' when Pos + 4 <= Text.Length && ushort.TryParse(Text.AsSpan(Pos, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort code):
                Pos += 4;
                return (char)code;
        }
        Error(Span(start), $"'{Shown.Word(Text[start..Pos])}' is no escape in a quoted string",
            "write \\\\ for a backslash; \\\" \\/ \\b \\f \\n \\r \\t \\uXXXX are the others; in \"\"\" .. \"\"\" nothing is escaped");
        return '?';
    }
}
