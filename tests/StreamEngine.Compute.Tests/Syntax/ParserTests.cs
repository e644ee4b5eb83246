using System.Text;
using FsCheck.Xunit;
using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Tests.Syntax;

public class ParserTests
{
    private static readonly string[] Words =
    [
        "a", "\"b\"", "1", "1.5", "2e3", "'x'", "E'\\n'", "(", ")", "[", "]", ",", ".", "::", "+", "-", "*", "/", "%", "^", "||", "=", "<>", "<", ">=", "AND", "OR",
            "NOT", "IS", "NULL", "TRUE", "DISTINCT", "FROM", "BETWEEN", "IN", "LIKE",
        "ESCAPE", "CASE", "WHEN", "THEN", "ELSE", "END", "CAST", "AS", "INT", "DECIMAL", "ARRAY", "STRUCT", "INTERVAL", "HOUR", "TO", "DATE", "TIMESTAMP", "EXTRACT",
            "TRIM", "BOTH", "SUBSTRING", "FOR", "POSITION", "count", "FILTER", "WHERE",
        "upper", "coalesce", ";", "--\n", "/*", "*/", "\u00e9", "\ud800",
    ];

    [Theory]
    [InlineData("a+b*c", "a + b * c")]
    [InlineData("(a+b)*c", "(a + b) * c")]
    [InlineData("a-(b-c)", "a - (b - c)")]
    [InlineData("a-b-c", "a - b - c")]
    [InlineData("- a ^ 2", "-a ^ 2")]
    [InlineData("-(a+b)", "-(a + b)")]
    [InlineData("- -1", "-(-1)")]
    [InlineData("not a and b or c", "NOT a AND b OR c")]
    [InlineData("not (a and b)", "NOT (a AND b)")]
    [InlineData("(a and b) and c", "a AND b AND c")]
    [InlineData("a and (b or c)", "a AND (b OR c)")]
    [InlineData("A.B.\"C\"[1].d", "(a.b.\"C\"[1]).d")]
    [InlineData("x between 1 and 2 and y", "x BETWEEN 1 AND 2 AND y")]
    [InlineData("x not in (1,2)", "x NOT IN (1, 2)")]
    [InlineData("x like 'a' || '%' escape '!'", "x LIKE 'a' || '%' ESCAPE '!'")]
    [InlineData("x is not distinct from null", "x IS NOT DISTINCT FROM NULL")]
    [InlineData("x isnull", "x IS NULL")]
    [InlineData("a = b is true", "a = b IS TRUE")]
    [InlineData("(a = b) = c", "(a = b) = c")]
    [InlineData("a::int::text", "CAST(CAST(a AS INT) AS STRING)")]
    [InlineData("count(*)", "count(*)")]
    [InlineData("COUNT( DISTINCT x ) filter (where y > 1)", "count(DISTINCT x) FILTER (WHERE y > 1)")]
    [InlineData("trim(both 'x' from s)", "btrim(s, 'x')")]
    [InlineData("trim(s)", "btrim(s)")]
    [InlineData("trim(both)", "btrim(both)")]
    [InlineData("substring(s from 2 for 3)", "substring(s, 2, 3)")]
    [InlineData("position('a' in s)", "strpos(s, 'a')")]
    [InlineData("extract(hour from t)", "extract('hour', t)")]
    [InlineData("date", "date")]
    [InlineData("date '2001-01-01'", "DATE '2001-01-01'")]
    [InlineData("interval '1' hours", "INTERVAL '1' HOUR")]
    [InlineData("case a when 1 then 2 else 3 end", "CASE a WHEN 1 THEN 2 ELSE 3 END")]
    [InlineData("case when a then b end", "CASE WHEN a THEN b END")]
    [InlineData("try_cast(a as struct<x int, \"Y\" array<double>>)", "TRY_CAST(a AS STRUCT<x INT, Y ARRAY<DOUBLE>>)")]
    [InlineData("a /* c /* nested */ */ + -- b\n b", "a + b")]
    [InlineData("`a b`", "\"a b\"")]
    [InlineData("\"select\"", "\"select\"")]
    public void Canonical_text_is_the_same_for_the_same_expression_and_parses_to_itself(string text, string canonical)
    {
        var parsed = ExpressionParser.Parse(text);
        Assert.Equal(canonical, parsed.ToString());
        Assert.Equal(canonical, ExpressionParser.Parse(canonical).ToString());
        Assert.Equal(new SourceSpan(0, text.Length), new SourceSpan(0, Math.Max(parsed.Span.End, text.Length)));
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("- ", "")]
    [InlineData("NOT ", "")]
    [InlineData("upper(", ")")]
    [InlineData("CASE WHEN ", " THEN 1 END")]
    [InlineData("a[", "]")]
    [InlineData("CAST(", " AS INT)")]
    [InlineData("a + (", ")")]
    [InlineData("x IN (", ")")]
    public void Twenty_thousand_levels_are_an_error_and_no_overflow(string open, string close)
    {
        var text = new StringBuilder().Insert(0, open, 20_000).Append('a').Append(new StringBuilder().Insert(0, close, 20_000)).ToString();
        Assert.Equal("nested too deeply", Assert.Throws<SqlException>(() => ExpressionParser.Parse(text)).Errors[0].Message);
    }

    [Theory]
    [InlineData(" + a")]
    [InlineData("::INT")]
    [InlineData("[1]")]
    [InlineData(" IS NULL")]
    [InlineData(" || a")]
    public void A_chain_of_twenty_thousand_operators_is_an_error_and_no_overflow(string link)
    {
        var text = "a" + new StringBuilder().Insert(0, link, 20_000);
        Assert.Equal("nested too deeply", Assert.Throws<SqlException>(() => ExpressionParser.Parse(text)).Errors[0].Message);
    }

    [Fact]
    public void Types_may_not_nest_without_end_either()
    {
        var text = "CAST(a AS " + new StringBuilder().Insert(0, "ARRAY<", 20_000) + "INT";
        Assert.Equal("nested too deeply", Assert.Throws<SqlException>(() => ExpressionParser.Parse(text)).Errors[0].Message);
        Assert.Equal("nested too deeply",
            Assert.Throws<SqlException>(() => ExpressionParser.Parse("CAST(a AS INT" + new StringBuilder().Insert(0, "[]", 20_000))).Errors[0].Message);
    }

    [Fact]
    public void Long_chains_of_and_or_or_and_long_lists_are_fine()
    {
        var or = string.Join(" OR ", Enumerable.Range(0, 5000).Select(i => $"i = {i}"));
        var list = string.Join(", ", Enumerable.Range(0, 5000));
        using var table = new TestTable(new Schema(new Field("i", DataType.Int32)), ["4999", "5000"]);
        Assert.Equal(["true", "false"], table.Evaluate(table.Bind(or), table.Batch));
        Assert.Equal(["true", "false"], table.Evaluate(table.Bind($"i IN ({list})"), table.Batch));
    }

    [Fact]
    public void The_deepest_trees_that_are_allowed_evaluate()
    {
        using var table = new TestTable(new Schema(new Field("i", DataType.Int64)), ["1"]);
        Assert.Equal(["499"], table.Evaluate(table.Bind("i" + new StringBuilder().Insert(0, " + i", 498)), table.Batch));
        Assert.Equal(["1"], table.Evaluate(table.Bind(new string('(', 250) + "i" + new string(')', 250)), table.Batch));
    }

    [Property(MaxTest = 3000, EndSize = Seeds.All)]
    public void Any_sequence_of_words_parses_or_is_a_sql_error(int seed)
    {
        var random = new Random(seed);
        var text = string.Join(random.Next(2) == 0 ? " " : "", Enumerable.Range(0, random.Next(25)).Select(_ => Words[random.Next(Words.Length)]));
        Survives(text);
    }

    [Property(MaxTest = 1000)]
    public void Any_text_parses_or_is_a_sql_error(string? text) => Survives(text ?? "");

    [Property(MaxTest = 1000, EndSize = Seeds.All)]
    public void A_damaged_expression_parses_or_is_a_sql_error(int seed)
    {
        const string whole = "CASE WHEN a + 1.5 > b.c[2] AND upper(s) NOT LIKE 'x%' ESCAPE '!' THEN CAST(t AS DECIMAL(10,2)) ELSE INTERVAL '1' HOUR END";
        var random = new Random(seed);
        var text = new StringBuilder(whole);
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var at = random.Next(text.Length);
            if (random.Next(2) == 0) text.Remove(at, 1);
            else text.Insert(at, (char)random.Next(32, 127));
        }
        Survives(text.ToString());
    }

    private static void Survives(string text)
    {
        try
        {
            var parsed = ExpressionParser.Parse(text);
            // What parses has a canonical text that parses to the same.
            Assert.Equal(parsed.ToString(), ExpressionParser.Parse(parsed.ToString()).ToString());
            ExpressionBinder.Bind(parsed, Scope.Of(new Schema(new Field("a", DataType.Int32), new Field("b", DataType.Utf8))));
        }
        catch (SqlException e)
        {
            foreach (var error in e.Errors) Assert.True(error.Offset >= 0 && error.Length >= 0 && error.Offset + error.Length <= Math.Max(text.Length, 400),
                error.ToString());
        }
    }
}
