using StreamEngine.Core;

namespace StreamEngine.Compute.Syntax;

/// <content>Literals, names, calls and everything else that starts an expression.</content>
internal static partial class ExpressionParser
{
    private static SqlExpression ParsePrefix(TokenReader reader)
    {
        var token = reader.Peek();
        switch (token.Kind)
        {
            case TokenKind.Integer: return Literal(reader, LiteralKind.Integer);
            case TokenKind.Decimal: return Literal(reader, LiteralKind.Decimal);
            case TokenKind.Float: return Literal(reader, LiteralKind.Float);
            case TokenKind.Text: return Literal(reader, LiteralKind.Text);
            case TokenKind.QuotedIdentifier: return ParseName(reader);
            case TokenKind.Word: return ParseWord(reader, token);
            case TokenKind.Symbol when token.Value == "(": return ParseParentheses(reader);
            case TokenKind.Symbol when token.Value is "-" or "+":
                reader.Next();
                var operand = Parse(reader, SignPower);
                return Node(new UnaryExpression(token.Span.To(operand.Span), token.Value == "-" ? UnaryOperator.Minus : UnaryOperator.Plus, operand), operand);
            default: throw reader.Unexpected("an expression");
        }
    }

    private static LiteralExpression Literal(TokenReader reader, LiteralKind kind)
    {
        var token = reader.Next();
        return new LiteralExpression(token.Span, kind, token.Value);
    }

    private static SqlExpression ParseParentheses(TokenReader reader)
    {
        reader.Next();
        if (reader.IsKeyword("SELECT") || reader.IsKeyword("WITH")) throw TokenReader.Error(reader.Peek().Span, "a sub-query cannot stand in an expression",
            "name it with CREATE VIEW and join it");
        var inner = Parse(reader);
        reader.ExpectSymbol(")");
        return inner;
    }

    private static SqlExpression ParseWord(TokenReader reader, Token token)
    {
        var followedByText = reader.Peek(1).Kind == TokenKind.Text;
        if (token.Is("NULL")) return Literal(reader, LiteralKind.Null);
        if (token.Is("TRUE")) return Literal(reader, LiteralKind.True);
        if (token.Is("FALSE")) return Literal(reader, LiteralKind.False);
        if (token.Is("NOT"))
        {
            reader.Next();
            var operand = Parse(reader, NotPower - 1);
            return Node(new UnaryExpression(token.Span.To(operand.Span), UnaryOperator.Not, operand), operand);
        }
        if (token.Is("CASE")) return ParseCase(reader);
        if (token.Is("CAST") || (token.Is("TRY_CAST") && reader.IsSymbol("(", 1))) return ParseCast(reader);
        if (token.Is("INTERVAL") && followedByText) return ParseInterval(reader);
        if (token.Is("DATE") && followedByText) return ParseTyped(reader, DataType.Date);
        if (token.Is("TIMESTAMP") && followedByText) return ParseTyped(reader, DataType.Timestamp);
        if (Keywords.IsReserved(token.Value)) throw reader.Unexpected("an expression",
            $"{token.Value.ToUpperInvariant()} is a reserved word: as a name it stands in double quotes");
        return reader.IsSymbol("(", 1) ? ParseCall(reader) : ParseName(reader);
    }

    private static NameExpression ParseName(TokenReader reader)
    {
        var parts = new List<Identifier> { reader.ExpectIdentifier("a column") };
        while (reader.IsSymbol(".") && reader.Peek(1).Kind is TokenKind.Word or TokenKind.QuotedIdentifier)
        {
            reader.Next();
            parts.Add(reader.ExpectLabel("a field's name"));
        }
        return new NameExpression(parts[0].Span.To(parts[^1].Span), parts);
    }

    private static TypedLiteralExpression ParseTyped(TokenReader reader, DataType type)
    {
        var start = reader.Next().Span;
        var text = reader.Next();
        return new TypedLiteralExpression(start.To(text.Span), type, text.Value);
    }

    private static IntervalExpression ParseInterval(TokenReader reader)
    {
        var start = reader.Next().Span;
        var text = reader.Next().Value;
        var unit = IntervalUnit(reader);
        string? to = null;
        if (unit is not null && reader.TryKeyword("TO")) to = IntervalUnit(reader)
            ?? throw reader.Unexpected("a unit of time", "YEAR, MONTH, DAY, HOUR, MINUTE or SECOND");
        return new IntervalExpression(start.To(reader.Last), text, unit, to);
    }

    /// <summary>A unit's name in its singular form, or null when none comes next.</summary>
    private static string? IntervalUnit(TokenReader reader)
    {
        if (reader.Peek().Kind != TokenKind.Word) return null;
        var word = reader.Peek().Value.ToUpperInvariant();
        if (word.EndsWith('S')) word = word[..^1];
        if (word is not ("YEAR" or "QUARTER" or "MONTH" or "WEEK" or "DAY" or "HOUR" or "MINUTE" or "SECOND" or "MILLISECOND" or "MICROSECOND")) return null;
        reader.Next();
        return word;
    }

    private static CaseExpression ParseCase(TokenReader reader)
    {
        var start = reader.Next().Span;
        var operand = reader.IsKeyword("WHEN") ? null : Parse(reader);
        var branches = new List<CaseBranch>();
        while (reader.TryKeyword("WHEN"))
        {
            var when = Parse(reader);
            reader.ExpectKeyword("THEN");
            branches.Add(new CaseBranch(when, Parse(reader)));
        }
        if (branches.Count == 0) throw reader.Unexpected("WHEN", "CASE WHEN condition THEN value ELSE value END");
        var other = reader.TryKeyword("ELSE") ? Parse(reader) : null;
        if (!reader.IsKeyword("END")) throw reader.Unexpected(other is null ? "WHEN, ELSE or END" : "END");
        reader.Next();
        return Node(new CaseExpression(start.To(reader.Last), operand, branches, other),
            [operand, other, .. branches.Select(b => b.When), .. branches.Select(b => b.Then)]);
    }

    private static CastExpression ParseCast(TokenReader reader)
    {
        var start = reader.Next();
        reader.ExpectSymbol("(");
        var operand = Parse(reader);
        reader.ExpectKeyword("AS");
        var type = TypeParser.Parse(reader);
        reader.ExpectSymbol(")");
        return Node(new CastExpression(start.Span.To(reader.Last), operand, type, start.Is("TRY_CAST")), operand);
    }

    private static SqlExpression ParseCall(TokenReader reader)
    {
        var token = reader.Next();
        var name = new Identifier(token.Value, false, token.Span);
        reader.Next();
        if (token.Is("EXTRACT")) return ParseExtract(reader, name);
        if (token.Is("TRIM")) return ParseTrim(reader, name);
        if (reader.TrySymbol("*"))
        {
            reader.ExpectSymbol(")");
            return EndCall(reader, new CallExpression(default, name, [], Star: true));
        }
        if (reader.TrySymbol(")")) return EndCall(reader, new CallExpression(default, name, []));
        var distinct = reader.TryKeyword("DISTINCT");
        if (!distinct) reader.TryKeyword("ALL");
        if (token.Is("POSITION")) return ParsePosition(reader, name);
        var arguments = ParseList(reader);
        if (token.Is("SUBSTRING") && arguments.Count == 1 && (reader.IsKeyword("FROM") || reader.IsKeyword("FOR"))) ParseSubstring(reader, arguments);
        reader.ExpectSymbol(")");
        return EndCall(reader, new CallExpression(default, name, arguments, Distinct: distinct));
    }

    private static CallExpression EndCall(TokenReader reader, CallExpression call)
    {
        SqlExpression? filter = null;
        if (reader.IsKeyword("FILTER") && reader.IsSymbol("(", 1))
        {
            reader.Next();
            reader.Next();
            reader.ExpectKeyword("WHERE");
            filter = Parse(reader);
            reader.ExpectSymbol(")");
        }
        return Node(call with { Span = call.Function.Span.To(reader.Last), Filter = filter }, [.. call.Arguments, filter]);
    }

    /// <summary>EXTRACT(field FROM x) is extract('field', x).</summary>
    private static CallExpression ParseExtract(TokenReader reader, Identifier name)
    {
        var field = reader.Peek();
        if (field.Kind is not (TokenKind.Word or TokenKind.Text)) throw reader.Unexpected("a field of a time", "for example EXTRACT(HOUR FROM t)");
        reader.Next();
        if (!reader.TrySymbol(",")) reader.ExpectKeyword("FROM");
        var operand = Parse(reader);
        reader.ExpectSymbol(")");
        return EndCall(reader, new CallExpression(default, name, [new LiteralExpression(field.Span, LiteralKind.Text, field.Value.ToLowerInvariant()), operand]));
    }

    /// <summary>TRIM([BOTH | LEADING | TRAILING] [characters] FROM s), or with commas.</summary>
    private static CallExpression ParseTrim(TokenReader reader, Identifier name)
    {
        // A column may be called both: then a comma or the end comes next.
        var side = reader.IsSymbol(")", 1) || reader.IsSymbol(",", 1) ? null : reader.TryKeyword("BOTH") ? "btrim" : reader.TryKeyword("LEADING") ? "ltrim"
            : reader.TryKeyword("TRAILING") ? "rtrim" : null;
        List<SqlExpression> arguments = [];
        if (side is null || !reader.IsKeyword("FROM")) arguments = ParseList(reader);
        if (reader.TryKeyword("FROM"))
        {
            var list = ParseList(reader);
            list.AddRange(arguments);
            arguments = list;
        }
        reader.ExpectSymbol(")");
        return EndCall(reader, new CallExpression(default, name with { Name = side ?? "btrim" }, arguments));
    }

    /// <summary>POSITION(a IN b) is strpos(b, a).</summary>
    private static CallExpression ParsePosition(TokenReader reader, Identifier name)
    {
        var part = Parse(reader, RangePower);
        if (!reader.IsKeyword("IN")) throw reader.Unexpected("IN", "POSITION(part IN text), or strpos(text, part)");
        reader.Next();
        var text = Parse(reader, RangePower);
        reader.ExpectSymbol(")");
        return EndCall(reader, new CallExpression(default, name with { Name = "strpos" }, [text, part]));
    }

    /// <summary>SUBSTRING(s FROM start FOR length) is substring(s, start, length).</summary>
    private static void ParseSubstring(TokenReader reader, List<SqlExpression> arguments)
    {
        var from = reader.TryKeyword("FROM") ? Parse(reader) : null;
        var length = reader.TryKeyword("FOR") ? Parse(reader) : null;
        if (from is null && reader.TryKeyword("FROM")) from = Parse(reader);
        arguments.Add(from ?? new LiteralExpression(length!.Span, LiteralKind.Integer, "1"));
        if (length is not null) arguments.Add(length);
    }
}
