using StreamEngine.Compute.Syntax;

namespace StreamEngine.Sql.Syntax;

/// <summary>
/// The statements around the scalar expressions, by recursive descent. It goes on behind an error at the next statement, so that a text's errors come together.
/// </summary>
internal static class StatementParser
{
    /// <summary>The statements of a pipeline's SQL that can be understood; the first error of each other one goes to the collector.</summary>
    /// <param name="text">The SQL.</param>
    /// <param name="errors">Takes the errors.</param>
    /// <param name="mentioned">Takes the words of statements that fail and are no INSERT: one of them may be the name of a view.</param>
    public static IReadOnlyList<Statement> Parse(string text, ErrorCollector errors, HashSet<string> mentioned)
    {
        var reader = new TokenReader(text, goesOn: true);
        var statements = new List<Statement>();
        while (true)
        {
            while (reader.TrySymbol(";"))
            {
            }
            if (reader.AtEnd || errors.IsFull) break;
            var start = reader.Position;
            try
            {
                if (reader.ErrorBefore(";") is { } wrong) throw wrong;
                var statement = ParseStatement(reader);
                if (!reader.AtEnd && !reader.IsSymbol(";")) throw reader.Unexpected("';' or the end of the text", HintAfterQuery(reader));
                statements.Add(statement);
            }
            catch (SqlException e)
            {
                errors.Add(e);
                reader.ResetTo(start);
                var isInsert = reader.IsKeyword("INSERT");
                for (; !reader.AtEnd && !reader.IsSymbol(";"); reader.Next())
                    if (!isInsert && reader.Peek().Kind is TokenKind.Word or TokenKind.QuotedIdentifier) mentioned.Add(reader.Peek().Value);
            }
        }
        if (statements.Count == 0 && !errors.HasFailed) errors.Add(new SourceSpan(0, Math.Min(text.Length, 1)), "the SQL has no statement",
            "write INSERT INTO a sink SELECT .. FROM a source");
        return statements;
    }

    private static string? HintAfterQuery(TokenReader reader) => reader.Peek().Value.ToUpperInvariant() switch
    {
        "ORDER" => "a stream has no end that it could be ordered at: order where the result is read",
        "LIMIT" => "a stream has no end that it could be cut at",
        "JOIN" or "LEFT" or "RIGHT" or "FULL" or "INNER" or "CROSS" => "joins are not part of the language yet",
        "UNION" or "INTERSECT" or "EXCEPT" => "set operations are not part of the language yet: write one INSERT per query",
        var word => Spelling.DidYouMean(word, ["WHERE", "GROUP", "HAVING"]),
    };

    private static Statement ParseStatement(TokenReader reader)
    {
        var start = reader.Peek().Span;
        if (reader.TryKeyword("CREATE"))
        {
            reader.ExpectKeyword("VIEW");
            var name = reader.ExpectIdentifier("the view's name");
            reader.ExpectKeyword("AS");
            var query = ParseQuery(reader);
            return new CreateViewStatement(start.To(reader.Last), name, query);
        }
        if (reader.TryKeyword("INSERT"))
        {
            reader.ExpectKeyword("INTO");
            var sink = reader.ExpectIdentifier("the sink's name");
            var query = ParseQuery(reader);
            return new InsertStatement(start.To(reader.Last), sink, query);
        }
        throw reader.Unexpected("INSERT INTO or CREATE VIEW", reader.IsKeyword("SELECT") ? "a query needs a place to go: INSERT INTO a sink SELECT .."
            : Spelling.DidYouMean(reader.Peek().Value, ["INSERT", "CREATE"]));
    }

    private static SelectQuery ParseQuery(TokenReader reader)
    {
        var start = reader.Peek().Span;
        reader.ExpectKeyword("SELECT");
        if (reader.IsKeyword("DISTINCT")) throw TokenReader.Error(reader.Peek().Span, "SELECT DISTINCT is not part of the language yet",
            "group by the columns inside a window");
        var items = new List<SelectItem>();
        do items.Add(ParseItem(reader));
        while (reader.TrySymbol(","));
        if (!reader.IsKeyword("FROM")) CheckAlias(items[^1].Alias, "FROM", ["FROM"]);
        reader.ExpectKeyword("FROM");
        var from = ParseFrom(reader);
        if (!IsBehindFrom(reader)) CheckAlias(from.Alias, "';' or the end of the text", ["WHERE", "GROUP", "HAVING"]);
        if (reader.IsSymbol(",")) throw TokenReader.Error(reader.Peek().Span, "a query reads one source or view", "joins are not part of the language yet");
        var where = reader.TryKeyword("WHERE") ? ExpressionParser.Parse(reader) : null;
        var groupBy = new List<SqlExpression>();
        if (reader.TryKeyword("GROUP", "BY"))
            do groupBy.Add(ExpressionParser.Parse(reader));
            while (reader.TrySymbol(","));
        var having = reader.TryKeyword("HAVING") ? ExpressionParser.Parse(reader) : null;
        return new SelectQuery(start.To(reader.Last), items, from, where, groupBy, having);
    }

    private static bool IsBehindFrom(TokenReader reader) => reader.AtEnd || reader.IsSymbol(";") || reader.IsSymbol(",") || reader.IsKeyword("WHERE")
        || reader.IsKeyword("GROUP") || reader.IsKeyword("HAVING")
        || HintAfterQuery(reader) is not null;

    /// <summary>A misspelt keyword is taken for an alias, and what comes behind it fits nowhere: the error is the keyword's.</summary>
    private static void CheckAlias(Identifier? alias, string expected, string[] keywords)
    {
        if (alias is { Quoted: false } && Spelling.DidYouMean(alias.Name, keywords) is { } hint)
            throw TokenReader.Error(alias.Span, $"expected {expected}, found '{alias.Name}'", hint);
    }

    private static SelectItem ParseItem(TokenReader reader)
    {
        var start = reader.Peek().Span;
        if (reader.TrySymbol("*")) return new SelectItem(start, null, null, null);
        if (reader.Peek().Kind is TokenKind.Word or TokenKind.QuotedIdentifier && reader.IsSymbol(".", 1) && reader.IsSymbol("*", 2))
        {
            var qualifier = reader.ExpectIdentifier("a source's name");
            reader.Next();
            reader.Next();
            return new SelectItem(start.To(reader.Last), null, null, qualifier);
        }
        var expression = ExpressionParser.Parse(reader);
        Identifier? alias = null;
        if (reader.TryKeyword("AS")) alias = reader.ExpectLabel("the column's name");
        else if (reader.Peek().Kind == TokenKind.QuotedIdentifier || (reader.Peek().Kind == TokenKind.Word && !Keywords.IsReserved(reader.Peek().Value)))
            alias = reader.ExpectIdentifier("the column's name");
        return new SelectItem(start.To(reader.Last), expression, alias, null);
    }

    private static FromClause ParseFrom(TokenReader reader)
    {
        var start = reader.Peek().Span;
        if (reader.IsSymbol("(")) throw TokenReader.Error(start, "a query in FROM is not part of the language yet", "give it a name with CREATE VIEW");
        var wrapped = reader.IsKeyword("TABLE") && reader.IsSymbol("(", 1);
        if (wrapped)
        {
            reader.Next();
            reader.Next();
        }
        var name = reader.ExpectIdentifier("a source or view");
        FromClause clause;
        if (reader.IsSymbol("(")) clause = ParseWindow(reader, name, start);
        else clause = new TableReference(start, name, null);
        if (wrapped) reader.ExpectSymbol(")");
        return clause with { Span = start.To(reader.Last), Alias = ParseAlias(reader) };
    }

    private static Identifier? ParseAlias(TokenReader reader)
    {
        if (reader.TryKeyword("AS")) return reader.ExpectIdentifier("an alias");
        var token = reader.Peek();
        return token.Kind == TokenKind.QuotedIdentifier || (token.Kind == TokenKind.Word && !Keywords.IsReserved(token.Value) && !IsClause(token.Value))
            ? reader.ExpectIdentifier("an alias") : null;
    }

    // What may follow a table without being its alias, also when it is misspelt or not supported: the error then names it rather than what comes behind it.
    private static bool IsClause(string word) => word.ToUpperInvariant() is "LEFT" or "RIGHT" or "FULL" or "INNER" or "CROSS" or "WINDOW";

    private static WindowReference ParseWindow(TokenReader reader, Identifier function, SourceSpan start)
    {
        var kind = function.Name.ToUpperInvariant() switch
        {
            "TUMBLE" => WindowFunction.Tumble,
            "HOP" => WindowFunction.Hop,
            var other => throw TokenReader.Error(function.Span, $"'{function.Name}' is no window function", other is "SESSION" or "CUMULATE"
                ? "session and cumulative windows are not part of the language yet; TUMBLE and HOP are"
                : Spelling.DidYouMean(other, ["TUMBLE", "HOP"]) ?? "TUMBLE(source, time, size) and HOP(source, time, slide, size) are"),
        };
        reader.ExpectSymbol("(");
        if (reader.TryKeyword("TABLE"))
        {
        }
        var input = reader.ExpectIdentifier("the source or view of the window");
        reader.ExpectSymbol(",");
        var time = ParseTime(reader);
        reader.ExpectSymbol(",");
        var first = ExpressionParser.Parse(reader);
        SqlExpression? slide = null;
        if (kind == WindowFunction.Hop)
        {
            reader.ExpectSymbol(",");
            (slide, first) = (first, ExpressionParser.Parse(reader));
        }
        reader.ExpectSymbol(")");
        return new WindowReference(start.To(reader.Last), kind, input, time, slide, first, null);
    }

    /// <summary>What is no column stands for a window's time.</summary>
    public static SqlException NoTime(SourceSpan span) => TokenReader.Error(span, "the time of a window is the event-time column of its source",
        "compute another time in a view, and declare it as the source's event time");

    private static SqlExpression ParseTime(TokenReader reader)
    {
        var descriptor = reader.IsKeyword("DESCRIPTOR") && reader.IsSymbol("(", 1);
        if (descriptor)
        {
            reader.Next();
            reader.Next();
        }
        var expression = ExpressionParser.Parse(reader);
        // The time was left out, and what is behind the next comma is missing.
        if (expression is IntervalExpression) throw NoTime(expression.Span);
        if (descriptor) reader.ExpectSymbol(")");
        return expression;
    }
}
