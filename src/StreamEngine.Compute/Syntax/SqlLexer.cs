using System.Text;

namespace StreamEngine.Compute.Syntax;

/// <summary>The kinds of token.</summary>
internal enum TokenKind : byte
{
    /// <summary>A word: an identifier or a keyword, which one depends on where it stands.</summary>
    Word,

    /// <summary>An identifier in double quotes or backticks: never a keyword.</summary>
    QuotedIdentifier,

    /// <summary>Digits only.</summary>
    Integer,

    /// <summary>A number with a point.</summary>
    Decimal,

    /// <summary>A number with an exponent.</summary>
    Float,

    /// <summary>Text in single quotes.</summary>
    Text,

    /// <summary>An operator or punctuation.</summary>
    Symbol,

    /// <summary>Behind the last token.</summary>
    End,

    /// <summary>A stretch that is no token: only where errors are collected.</summary>
    Error,
}

/// <summary>A token of SQL text.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Offset">Where it starts, in UTF-16 units.</param>
/// <param name="Length">Its length in the text, with quotes.</param>
/// <param name="Value">What it says: without quotes and escapes.</param>
internal readonly record struct Token(TokenKind Kind, int Offset, int Length, string Value)
{
    public SourceSpan Span => new(Offset, Length);

    public bool Is(string keyword) => Kind == TokenKind.Word && string.Equals(Value, keyword, StringComparison.OrdinalIgnoreCase);

    public bool IsSymbol(string symbol) => Kind == TokenKind.Symbol && Value == symbol;

    /// <summary>The token as messages name it.</summary>
    public string Describe() => Kind switch
    {
        TokenKind.End => "the end of the text",
        TokenKind.Text => Value.Length <= 40 ? $"text '{Value}'" : $"text '{Value[..40]}..'",
        _ => $"'{(Value.Length <= 40 ? Value : Value[..40] + "..")}'",
    };
}

/// <summary>Splits SQL text into tokens: one pass, linear in the text.</summary>
internal static class SqlLexer
{
    /// <summary>The longest SQL text: a pipeline file is smaller by far, and a bound keeps every later step bounded.</summary>
    public const int MaxLength = 4 << 20;

    private static readonly string[] LongSymbols = ["<=", ">=", "<>", "!=", "||", "::", "=>", "->"];
    private const string ShortSymbols = "()[]{},.;+-*/%^<>=:?@#&|~$!";

    /// <summary>All tokens, the last one of kind End.</summary>
    /// <param name="text">The text.</param>
    /// <param name="errors">Takes the errors by the offsets of tokens of kind Error that stand in their places; null: the first one is thrown.</param>
    /// <exception cref="SqlException">A quote or comment is not closed, a number is malformed, a character belongs to no token.</exception>
    public static List<Token> Tokenize(string text, Dictionary<int, SqlException>? errors = null)
    {
        if (text.Length > MaxLength) throw new SqlException(new SourceSpan(0, 0), $"the SQL text is too long: {text.Length} characters, at most {MaxLength}");
        var tokens = new List<Token>();
        var at = 0;
        while (true)
        {
            try
            {
                at = SkipBlanks(text, at);
                if (at >= text.Length) break;
                var token = Read(text, at);
                tokens.Add(token);
                at = token.Offset + token.Length;
            }
            catch (SqlException e) when (errors is not null)
            {
                var start = e.Errors[0].Offset;
                errors[start] = e;
                at = errors.Count < ErrorCollector.Most ? EndOf(text, at, e.Errors[0]) : text.Length;
                tokens.Add(new Token(TokenKind.Error, start, at - start, ""));
            }
        }
        tokens.Add(new Token(TokenKind.End, text.Length, 0, ""));
        return tokens;
    }

    /// <summary>
    /// Where reading goes on behind an error of the token at an offset. In a quote or comment that is not closed nothing is certain: the rest is part of it.
    /// </summary>
    private static int EndOf(string text, int at, SqlError error)
    {
        var isOpen = error.Offset > at || text[at] switch { '/' => true, '\'' or '"' or '`' => error.Length == 1, 'e' or 'E' => error.Length == 2, _ => false };
        return isOpen ? text.Length : error.Offset + error.Length;
    }

    private static Token Read(string text, int at)
    {
        var c = text[at];
        if ((c is 'e' or 'E') && at + 1 < text.Length && text[at + 1] == '\'') return EscapedText(text, at);
        if (IsWordStart(c)) return Word(text, at);
        if (char.IsAsciiDigit(c) || (c == '.' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1]))) return Number(text, at);
        if (c == '\'') return Quoted(text, at, '\'', TokenKind.Text, "a text");
        if (c is '"' or '`') return Identifier(text, at, c);
        foreach (var symbol in LongSymbols)
            if (string.CompareOrdinal(text, at, symbol, 0, symbol.Length) == 0) return new Token(TokenKind.Symbol, at, symbol.Length, symbol == "!=" ? "<>" : symbol);
        if (ShortSymbols.Contains(c, StringComparison.Ordinal)) return new Token(TokenKind.Symbol, at, 1, c.ToString());
        var length = char.IsSurrogatePair(text, at) ? 2 : 1;
        throw new SqlException(new SourceSpan(at, length), $"unexpected character '{text.Substring(at, length)}'",
            "text stands in single quotes, a name with other characters than letters and digits in double quotes");
    }

    private static int SkipBlanks(string text, int at)
    {
        while (at < text.Length)
        {
            if (char.IsWhiteSpace(text[at]) || text[at] == '\uFEFF') at++;
            else if (text[at] == '-' && at + 1 < text.Length && text[at + 1] == '-')
            {
                var end = text.IndexOf('\n', at);
                at = end < 0 ? text.Length : end + 1;
            }
            else if (text[at] == '/' && at + 1 < text.Length && text[at + 1] == '*') at = SkipComment(text, at);
            else break;
        }
        return at;
    }

    /// <summary>Comments nest, as the standard and PostgreSQL have it.</summary>
    private static int SkipComment(string text, int start)
    {
        var depth = 1;
        var at = start + 2;
        while (at + 1 < text.Length)
        {
            if (text[at] == '*' && text[at + 1] == '/')
            {
                at += 2;
                if (--depth == 0) return at;
            }
            else if (text[at] == '/' && text[at + 1] == '*')
            {
                at += 2;
                depth++;
            }
            else at++;
        }
        throw new SqlException(new SourceSpan(start, 2), "a comment is not closed", "close it with */");
    }

    private static bool IsWordStart(char c) => char.IsLetter(c) || c == '_';

    private static bool IsWordPart(char c) => char.IsLetterOrDigit(c) || c is '_' or '$';

    private static Token Word(string text, int start)
    {
        var at = start + 1;
        while (at < text.Length && IsWordPart(text[at])) at++;
        return new Token(TokenKind.Word, start, at - start, text[start..at]);
    }

    private static Token Number(string text, int start)
    {
        var at = SkipDigits(text, start);
        var kind = TokenKind.Integer;
        if (at < text.Length && text[at] == '.')
        {
            kind = TokenKind.Decimal;
            at = SkipDigits(text, at + 1);
        }
        if (at < text.Length && text[at] is 'e' or 'E')
        {
            var digits = at + 1;
            if (digits < text.Length && text[digits] is '+' or '-') digits++;
            var end = SkipDigits(text, digits);
            if (end > digits)
            {
                kind = TokenKind.Float;
                at = end;
            }
        }
        if (at < text.Length && IsWordPart(text[at]))
        {
            var end = at;
            while (end < text.Length && IsWordPart(text[end])) end++;
            throw new SqlException(new SourceSpan(start, end - start), $"'{text[start..Math.Min(end, start + 40)]}' is neither a number nor a name",
                "a name that starts with a digit stands in double quotes");
        }
        return new Token(kind, start, at - start, text[start..at]);
    }

    private static int SkipDigits(string text, int at)
    {
        while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
        return at;
    }

    private static Token Identifier(string text, int start, char quote)
    {
        var token = Quoted(text, start, quote, TokenKind.QuotedIdentifier, "a quoted name");
        if (token.Value.Length == 0) throw new SqlException(token.Span, "a quoted name is empty");
        return token;
    }

    private static Token Quoted(string text, int start, char quote, TokenKind kind, string what)
    {
        var at = start + 1;
        StringBuilder? value = null;
        while (true)
        {
            var end = text.IndexOf(quote, at);
            if (end < 0) throw new SqlException(new SourceSpan(start, 1), $"{what} is not closed",
                $"close it with {quote}; a {quote} inside of it is written {quote}{quote}");
            if (end + 1 >= text.Length || text[end + 1] != quote)
            {
                var rest = text[at..end];
                return Checked(new Token(kind, start, end + 1 - start, value is null ? rest : value.Append(rest).ToString()));
            }
            (value ??= new StringBuilder()).Append(text, at, end + 1 - at);
            at = end + 2;
        }
    }

    /// <summary>PostgreSQL's E'..': backslash escapes.</summary>
    private static Token EscapedText(string text, int start)
    {
        var value = new StringBuilder();
        var at = start + 2;
        while (at < text.Length)
        {
            var c = text[at++];
            if (c == '\'')
            {
                if (at >= text.Length || text[at] != '\'') return Checked(new Token(TokenKind.Text, start, at - start, value.ToString()));
                at++;
                value.Append('\'');
            }
            else if (c == '\\' && at < text.Length) at = Escape(text, at, value);
            else value.Append(c);
        }
        throw new SqlException(new SourceSpan(start, 2), "a text is not closed", "close it with '");
    }

    private static int Escape(string text, int at, StringBuilder value)
    {
        var c = text[at++];
        if (c is 'u' or 'U')
        {
            var digits = c == 'u' ? 4 : 8;
            if (at + digits > text.Length || !uint.TryParse(text.AsSpan(at, digits), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var code)
                || !Rune.IsValid(code))
                throw new SqlException(new SourceSpan(at - 2, 2), $"\\{c} needs {digits} hexadecimal digits of a Unicode character");
            value.Append(new Rune(code).ToString());
            return at + digits;
        }
        value.Append(c switch { 'n' => '\n', 't' => '\t', 'r' => '\r', 'b' => '\b', 'f' => '\f', _ => c });
        return at;
    }

    /// <summary>Text becomes UTF-8, which has no half surrogate pairs.</summary>
    private static Token Checked(Token token)
    {
        for (var i = 0; i < token.Value.Length; i++)
        {
            if (!char.IsSurrogate(token.Value[i])) continue;
            if (!char.IsSurrogatePair(token.Value, i)) throw new SqlException(token.Span, "half a surrogate pair in a text: it is no Unicode character");
            i++;
        }
        return token;
    }
}
