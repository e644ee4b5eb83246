using StreamEngine.Compute.Syntax;

namespace StreamEngine.Sql.Syntax;

/// <summary>What the parser makes of statements: parts, spans, aliases.</summary>
public class StatementTests
{
    private static T One<T>(string sql) => Assert.IsType<T>(Assert.Single(Parse(sql)));

    private static IReadOnlyList<Statement> Parse(string sql)
    {
        var errors = new ErrorCollector();
        var statements = StatementParser.Parse(sql, errors, []);
        errors.ThrowIfFailed();
        return statements;
    }

    private static string Part(string sql, SourceSpan span) => sql.Substring(span.Offset, span.Length);

    [Fact]
    public void An_insert_has_all_its_clauses()
    {
        const string sql = " INSERT INTO Out SELECT a, b AS c, t.*, * FROM s AS t WHERE a > 1 GROUP BY a, b HAVING count(*) > 2 ; ";
        var insert = One<InsertStatement>(sql);
        Assert.Equal("Out", insert.Sink.Name);
        Assert.Equal(["a", "b AS c", "t.*", "*"], insert.Query.Items.Select(i => Part(sql, i.Span)));
        Assert.Equal([null, "c", null, null], insert.Query.Items.Select(i => i.Alias?.Name));
        Assert.Equal([false, false, true, true], insert.Query.Items.Select(i => i.IsStar));
        Assert.Equal("t", insert.Query.Items[2].StarQualifier!.Name);
        Assert.Equal(("s", "t"), (((TableReference)insert.Query.From).Name.Name, insert.Query.From.Alias!.Name));
        Assert.Equal("a > 1", Part(sql, insert.Query.Where!.Span));
        Assert.Equal(["a", "b"], insert.Query.GroupBy.Select(g => g.ToString()));
        Assert.Equal("count(*) > 2", Part(sql, insert.Query.Having!.Span));
        Assert.Equal(sql.Trim(' ', ';'), Part(sql, insert.Span));
    }

    [Theory]
    [InlineData("TUMBLE(s, t, INTERVAL '1' HOUR)")]
    [InlineData("TUMBLE(TABLE s, DESCRIPTOR(t), INTERVAL '1' HOUR)")]
    [InlineData("TABLE(TUMBLE(TABLE s, DESCRIPTOR(t), INTERVAL '1' HOUR))")]
    [InlineData("tumble(s, t, interval '1' hour)")]
    public void A_tumbling_window_in_each_of_its_forms(string from)
    {
        var window = Assert.IsType<WindowReference>(One<InsertStatement>($"INSERT INTO o SELECT a FROM {from} w GROUP BY a").Query.From);
        Assert.Equal((WindowFunction.Tumble, "s", "t", "w"), (window.Function, window.Input.Name, window.Time.ToString(), window.Alias!.Name));
        Assert.Null(window.Slide);
    }

    [Fact]
    public void A_hopping_window_has_its_slide_first()
    {
        const string sql = "INSERT INTO o SELECT a FROM HOP(s, x.t, INTERVAL '5' MINUTE, INTERVAL '1' HOUR) GROUP BY a";
        var window = Assert.IsType<WindowReference>(One<InsertStatement>(sql).Query.From);
        Assert.Equal(("INTERVAL '5' MINUTE", "INTERVAL '1' HOUR"), (Part(sql, window.Slide!.Span), Part(sql, window.Size.Span)));
        Assert.Null(window.Alias);
    }

    [Fact]
    public void Statements_come_in_their_order()
    {
        var statements = Parse("CREATE VIEW v AS SELECT a FROM s; INSERT INTO o SELECT a FROM v; INSERT INTO p SELECT a FROM v");
        Assert.Equal(["v", "o", "p"], statements.Select(s => s is CreateViewStatement view ? view.Name.Name : ((InsertStatement)s).Sink.Name));
    }

    [Fact]
    public void Words_that_are_not_reserved_are_names()
    {
        var insert = One<InsertStatement>("INSERT INTO view SELECT hour, tumble AS select FROM hop");
        Assert.Equal(("view", "hop", "select"), (insert.Sink.Name, ((TableReference)insert.Query.From).Name.Name, insert.Query.Items[1].Alias!.Name));
    }
}
