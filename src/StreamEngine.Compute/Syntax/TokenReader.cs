namespace StreamEngine.Compute.Syntax;

/// <summary>Walks over the tokens of one SQL text; shared by the expression parser and the statement parser. Words are keywords only where a parser asks for
/// one.</summary>
internal sealed class TokenReader
{
    /// <summary>The most levels of parentheses, sub-queries and prefixes: a parser recurses once per level, and no text may overflow the stack.</summary>
    public const int MaxDepth = 256;

    private readonly List<Token> _tokens;
    private readonly Dictionary<int, SqlException> _wrong = [];
    private int _next;
    private int _depth;

    /// <param name="text">The text.</param>
    /// <param name="goesOn">What is no token is one of kind Error, for a parser that goes on behind errors and asks for <see cref="ErrorBefore"/>.</param>
    /// <exception cref="SqlException">The text cannot be split into tokens.</exception>
    public TokenReader(string text, bool goesOn = false)
    {
        Text = text;
        _tokens = SqlLexer.Tokenize(text, goesOn ? _wrong : null);
    }

    public string Text { get; }

    /// <summary>The span of the last token that was taken; empty at 0 before the first.</summary>
    public SourceSpan Last => _next == 0 ? default : _tokens[_next - 1].Span;

    /// <summary>The number of the token that comes next.</summary>
    public int Position => _next;

    public bool AtEnd => Peek().Kind == TokenKind.End;

    /// <summary>A token that is not taken yet; End for all positions behind the text.</summary>
    public Token Peek(int ahead = 0) => _tokens[Math.Min(_next + ahead, _tokens.Count - 1)];

    /// <summary>The first error of a token from here to the next such symbol or the end; null where all are tokens.</summary>
    public SqlException? ErrorBefore(string symbol)
    {
        if (_wrong.Count == 0) return null;
        for (var i = _next; i < _tokens.Count && !_tokens[i].IsSymbol(symbol); i++)
            if (_tokens[i].Kind == TokenKind.Error) return _wrong[_tokens[i].Offset];
        return null;
    }

    public Token Next()
    {
        var token = Peek();
        if (token.Kind != TokenKind.End) _next++;
        return token;
    }

    public bool IsKeyword(string keyword, int ahead = 0) => Peek(ahead).Is(keyword);

    public bool IsSymbol(string symbol, int ahead = 0) => Peek(ahead).IsSymbol(symbol);

    /// <summary>Takes the words if all of them come next.</summary>
    public bool TryKeyword(string first, string? second = null)
    {
        if (!IsKeyword(first) || (second is not null && !IsKeyword(second, 1))) return false;
        _next += second is null ? 1 : 2;
        return true;
    }

    public bool TrySymbol(string symbol)
    {
        if (!IsSymbol(symbol)) return false;
        _next++;
        return true;
    }

    public Token ExpectKeyword(string keyword)
    {
        if (!IsKeyword(keyword)) throw Unexpected(keyword.ToUpperInvariant(), Spelling.DidYouMean(Peek().Value, [keyword.ToUpperInvariant()]));
        return Next();
    }

    public Token ExpectSymbol(string symbol)
    {
        if (!IsSymbol(symbol)) throw Unexpected($"'{symbol}'");
        return Next();
    }

    /// <summary>A name: a word that is not reserved, or a quoted identifier.</summary>
    public Identifier ExpectIdentifier(string what)
    {
        var token = Peek();
        if (token.Kind == TokenKind.QuotedIdentifier || (token.Kind == TokenKind.Word && !Keywords.IsReserved(token.Value))) return ToIdentifier(Next());
        throw Unexpected(what, token.Kind == TokenKind.Word ? $"{token.Value.ToUpperInvariant()} is a reserved word: as a name it stands in double quotes" : null);
    }

    /// <summary>Any word as a name: behind a point or as an alias behind AS there is nothing that it could be confused with.</summary>
    public Identifier ExpectLabel(string what)
    {
        if (Peek().Kind is TokenKind.Word or TokenKind.QuotedIdentifier) return ToIdentifier(Next());
        throw Unexpected(what);
    }

    public Token ExpectText(string what) => Peek().Kind == TokenKind.Text ? Next() : throw Unexpected(what, "it stands in single quotes");

    public void ExpectEnd()
    {
        if (!AtEnd) throw Unexpected("the end of the text");
    }

    /// <summary>Goes a level deeper; to be paired with <see cref="Leave"/> on the ordinary way out.</summary>
    public void Enter()
    {
        if (++_depth > MaxDepth) throw Error(Peek().Span, "nested too deeply", $"at most {MaxDepth} levels of parentheses and calls; split the expression with a view");
    }

    public void Leave() => _depth--;

    /// <summary>Goes back to a token, at the outermost level: an error may have been thrown from inside of others.</summary>
    public void ResetTo(int position) => (_next, _depth) = (position, 0);

    public SqlException Unexpected(string expected, string? hint = null) =>
        Peek().Kind == TokenKind.Error && _wrong.TryGetValue(Peek().Offset, out var wrong) ? wrong : Error(Peek().Span, $"expected {expected}, found {Peek().Describe()}", hint);

    public static SqlException Error(SourceSpan span, string message, string? hint = null) => new(span, message, hint);

    private static Identifier ToIdentifier(Token token) => new(token.Value, token.Kind == TokenKind.QuotedIdentifier, token.Span);
}
