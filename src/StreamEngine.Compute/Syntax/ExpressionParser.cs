namespace StreamEngine.Compute.Syntax;

/// <summary>
/// Parses scalar expressions by precedence climbing (V. R. Pratt, "Top down operator precedence", 1973) with PostgreSQL's table of operators. It stops at the first
/// token that cannot go on, so
/// that a statement parser can go on there.
/// </summary>
internal static partial class ExpressionParser
{
    /// <summary>The most levels of a tree: chains such as a + b + c grow one without recursion of the parser, but later steps walk it recursively.</summary>
    public const int MaxTreeDepth = 500;

    private const int OrPower = 1;
    private const int AndPower = 2;
    private const int NotPower = 3;
    private const int IsPower = 4;
    private const int ComparePower = 5;
    private const int RangePower = 6;
    private const int SignPower = 11;
    private const int PostfixPower = 13;

    /// <summary>The expression that starts at the reader's next token.</summary>
    /// <exception cref="SqlException">The text is wrong.</exception>
    public static SqlExpression Parse(TokenReader reader) => Parse(reader, 0);

    /// <summary>A text that is one expression and nothing else.</summary>
    /// <exception cref="SqlException">The text is wrong.</exception>
    public static SqlExpression Parse(string text)
    {
        var reader = new TokenReader(text);
        var expression = Parse(reader);
        reader.ExpectEnd();
        return expression;
    }

    private static SqlExpression Parse(TokenReader reader, int power)
    {
        reader.Enter();
        var left = ParsePrefix(reader);
        while (ParseInfix(reader, left, power) is { } next) left = next;
        reader.Leave();
        return left;
    }

    /// <summary>The expression that the next operator makes of <paramref name="left"/>; null when what comes next is no operator, or binds less tightly than
    /// <paramref name="power"/>.</summary>
    private static SqlExpression? ParseInfix(TokenReader reader, SqlExpression left, int power)
    {
        var token = reader.Peek();
        if (token.Kind == TokenKind.Symbol) return ParseSymbol(reader, left, power, token);
        if (token.Kind != TokenKind.Word) return null;
        if (token.Is("AND")) return AndPower > power ? ParseLogical(reader, left, "AND", AndPower) : null;
        if (token.Is("OR")) return OrPower > power ? ParseLogical(reader, left, "OR", OrPower) : null;
        if (token.Is("IS")) return IsPower > power ? ParseIs(reader, left) : null;
        if (token.Is("ISNULL") || token.Is("NOTNULL"))
            return IsPower > power ? Node(new IsExpression(left.Span.To(reader.Next().Span), left, IsTest.Null, token.Is("NOTNULL")), left) : null;
        var negated = token.Is("NOT");
        var word = negated ? reader.Peek(1) : token;
        if (!(word.Is("BETWEEN") || word.Is("IN") || word.Is("LIKE") || word.Is("ILIKE")) || RangePower <= power) return null;
        if (negated) reader.Next();
        reader.Next();
        if (word.Is("BETWEEN")) return ParseBetween(reader, left, negated);
        if (word.Is("IN")) return ParseIn(reader, left, negated);
        return ParseLike(reader, left, word.Is("ILIKE"), negated);
    }

    private static SqlExpression? ParseSymbol(TokenReader reader, SqlExpression left, int power, Token token)
    {
        if (token.Value == "::" && PostfixPower > power)
        {
            reader.Next();
            var type = TypeParser.Parse(reader);
            return Node(new CastExpression(left.Span.To(reader.Last), left, type, Try: false), left);
        }
        if (token.Value == "[" && PostfixPower > power) return ParseSubscript(reader, left);
        if (token.Value == "." && PostfixPower > power)
        {
            reader.Next();
            var field = reader.ExpectLabel("a field's name");
            return Node(new FieldExpression(left.Span.To(field.Span), left, field), left);
        }
        if (BinaryOf(token.Value) is not { } op) return null;
        var own = SqlText.Precedence(op);
        if (own <= power) return null;
        reader.Next();
        if (token.Value == "=" && reader.IsSymbol("=") && reader.Peek().Offset == token.Offset + 1) throw TokenReader.Error(token.Span.To(reader.Peek().Span),
            "'==' is no operator", "equality is a single =");
        var right = Parse(reader, own);
        if (own == ComparePower && reader.Peek() is { Kind: TokenKind.Symbol } chained && BinaryOf(chained.Value) is { } second
            && SqlText.Precedence(second) == ComparePower)
            throw TokenReader.Error(chained.Span, $"'{chained.Value}' cannot follow another comparison", "write a < b AND b < c, or use parentheses");
        return Node(new BinaryExpression(left.Span.To(right.Span), op, left, right), left, right);
    }

    private static BinaryOperator? BinaryOf(string symbol) => symbol switch
    {
        "+" => BinaryOperator.Add,
        "-" => BinaryOperator.Subtract,
        "*" => BinaryOperator.Multiply,
        "/" => BinaryOperator.Divide,
        "%" => BinaryOperator.Modulo,
        "^" => BinaryOperator.Power,
        "||" => BinaryOperator.Concat,
        "=" => BinaryOperator.Equal,
        "<>" => BinaryOperator.NotEqual,
        "<" => BinaryOperator.Less,
        "<=" => BinaryOperator.LessOrEqual,
        ">" => BinaryOperator.Greater,
        ">=" => BinaryOperator.GreaterOrEqual,
        _ => null,
    };

    private static LogicalExpression ParseLogical(TokenReader reader, SqlExpression left, string keyword, int power)
    {
        var isAnd = power == AndPower;
        var operands = new List<SqlExpression>();
        AddOperand(operands, left, isAnd);
        while (reader.TryKeyword(keyword)) AddOperand(operands, Parse(reader, power), isAnd);
        var span = left.Span.To(operands[^1].Span);
        return Node(new LogicalExpression(span, isAnd, operands), [.. operands]);
    }

    private static void AddOperand(List<SqlExpression> operands, SqlExpression operand, bool isAnd)
    {
        if (operand is LogicalExpression logical && logical.IsAnd == isAnd) operands.AddRange(logical.Operands);
        else operands.Add(operand);
    }

    private static SqlExpression ParseIs(TokenReader reader, SqlExpression left)
    {
        reader.Next();
        var negated = reader.TryKeyword("NOT");
        if (reader.TryKeyword("DISTINCT"))
        {
            reader.ExpectKeyword("FROM");
            var right = Parse(reader, IsPower);
            return Node(new DistinctFromExpression(left.Span.To(right.Span), left, right, negated), left, right);
        }
        IsTest? test = reader.TryKeyword("NULL") ? IsTest.Null : reader.TryKeyword("TRUE") ? IsTest.True : reader.TryKeyword("FALSE") ? IsTest.False
            : reader.TryKeyword("UNKNOWN") ? IsTest.Unknown : null;
        if (test is null) throw reader.Unexpected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM");
        return Node(new IsExpression(left.Span.To(reader.Last), left, test.Value, negated), left);
    }

    private static BetweenExpression ParseBetween(TokenReader reader, SqlExpression left, bool negated)
    {
        var symmetric = reader.Peek();
        if (symmetric.Is("SYMMETRIC")) throw TokenReader.Error(symmetric.Span, "BETWEEN SYMMETRIC is not supported", "use LEAST and GREATEST for the bounds");
        reader.TryKeyword("ASYMMETRIC");
        var low = Parse(reader, RangePower);
        reader.ExpectKeyword("AND");
        var high = Parse(reader, RangePower);
        return Node(new BetweenExpression(left.Span.To(high.Span), left, low, high, negated), left, low, high);
    }

    private static InExpression ParseIn(TokenReader reader, SqlExpression left, bool negated)
    {
        reader.ExpectSymbol("(");
        if (reader.IsKeyword("SELECT") || reader.IsKeyword("WITH")) throw TokenReader.Error(reader.Peek().Span, "IN with a sub-query is not supported",
            "join the two streams instead");
        if (reader.IsSymbol(")")) throw reader.Unexpected("a value", "IN () is empty");
        var items = ParseList(reader);
        reader.ExpectSymbol(")");
        return Node(new InExpression(left.Span.To(reader.Last), left, items, negated), [left, .. items]);
    }

    private static LikeExpression ParseLike(TokenReader reader, SqlExpression left, bool ignoreCase, bool negated)
    {
        var pattern = Parse(reader, RangePower);
        var escape = reader.TryKeyword("ESCAPE") ? Parse(reader, RangePower) : null;
        return Node(new LikeExpression(left.Span.To(reader.Last), left, pattern, escape, ignoreCase, negated), left, pattern, escape);
    }

    private static SubscriptExpression ParseSubscript(TokenReader reader, SqlExpression left)
    {
        reader.Next();
        var index = Parse(reader);
        if (reader.IsSymbol(":")) throw TokenReader.Error(reader.Peek().Span, "slices of arrays are not supported", "a[1] is the first element");
        reader.ExpectSymbol("]");
        return Node(new SubscriptExpression(left.Span.To(reader.Last), left, index), left, index);
    }

    /// <summary>One or more expressions with commas between them.</summary>
    internal static List<SqlExpression> ParseList(TokenReader reader)
    {
        var list = new List<SqlExpression> { Parse(reader) };
        while (reader.TrySymbol(",")) list.Add(Parse(reader));
        return list;
    }

    private static T Node<T>(T node, params ReadOnlySpan<SqlExpression?> children) where T : SqlExpression
    {
        var depth = 0;
        foreach (var child in children) depth = Math.Max(depth, child?.Depth ?? 0);
        if (depth >= MaxTreeDepth) throw TokenReader.Error(node.Span, "nested too deeply",
            $"at most {MaxTreeDepth} operators on top of each other; split the expression with a view");
        return node with { Depth = depth + 1 };
    }
}
