using FsCheck.Xunit;
using StreamEngine.Compute.Binding;
using StreamEngine.Core;

namespace StreamEngine.Compute.Tests.Expressions;

/// <summary>Random expressions over random rows: whole, by a random selection and one row at a time the results and the failures are the same.</summary>
public class SelectionTests
{
    private static readonly Schema Columns = new(
        new Field("i", DataType.Int32), new Field("j", DataType.Int32), new Field("n", DataType.Int64), new Field("x", DataType.Float64),
            new Field("d", DataType.Decimal(10, 2)), new Field("s", DataType.Utf8),
        new Field("u", DataType.Utf8), new Field("b", DataType.Boolean), new Field("t", DataType.Timestamp));

    [Property(MaxTest = 150, EndSize = Seeds.All)]
    public void Rows_do_not_depend_on_what_is_evaluated_beside_them(int seed)
    {
        var random = new Random(seed);
        using var table = new TestTable(Columns, Enumerable.Range(0, random.Next(1, 40)).Select(_ => Row(random)));
        var text = Expression(random, (Kind)random.Next(5), 4);
        var bound = table.Bind(text);
        var whole = table.Evaluate(bound, table.Batch);
        var selection = Enumerable.Range(0, table.Rows).Where(_ => random.Next(2) == 0).Select(r => (ushort)r).ToArray();
        using var some = table.MakeBatch(selection);
        Assert.Equal(selection.Select(r => whole[r]), table.Evaluate(bound, some));
        for (var row = 0; row < table.Rows; row++)
        {
            using var one = table.MakeBatch([(ushort)row]);
            Assert.Equal(whole[row], Assert.Single(table.Evaluate(bound, one)));
        }
        // Its canonical text means the same.
        Assert.Equal(whole, table.Evaluate(table.Bind(bound.ToString()), table.Batch));
    }

    private enum Kind
    {
        Integer, Double, Text, Boolean, Time,
    }

    private static string Row(Random random)
    {
        string Or(string value) => random.Next(4) == 0 ? "NULL" : value;
        var texts = new[] { "''", "'a'", "'hello world, hello'", "'ÄÖ日本語 text'", "'12'", "' -3 '" };
        return string.Join(", ", Or(random.Next(-3, 4).ToString()), Or(random.Next(4) == 0 ? "2147483647" : random.Next(-3, 4).ToString()),
            Or((random.NextInt64() >> random.Next(64)).ToString()),
            Or(random.Next(4) == 0 ? "1e300" : $"{random.Next(-30, 30)} / 4.0"), Or($"{random.Next(-500, 500)} / 100.0"), Or(texts[random.Next(texts.Length)]),
                Or(texts[random.Next(texts.Length)]),
            Or(random.Next(2) == 0 ? "true" : "false"), Or($"'2001-0{random.Next(1, 10)}-{random.Next(10, 29)} 0{random.Next(10)}:00'"));
    }

    private static string Expression(Random random, Kind kind, int depth)
    {
        string Any(Kind k) => Expression(random, k, depth - 1);
        if (depth == 0 || random.Next(6) == 0) return Leaf(random, kind);
        if (random.Next(8) == 0) return $"CASE WHEN {Any(Kind.Boolean)} THEN {Any(kind)} ELSE {Any(kind)} END";
        if (random.Next(8) == 0) return $"COALESCE({Any(kind)}, {Any(kind)})";
        return kind switch
        {
            Kind.Integer => Pick(random, $"({Any(kind)} + {Any(kind)})", $"({Any(kind)} * {Any(kind)})", $"{Any(kind)} / {Any(kind)}", $"({Any(kind)} % {Any(kind)})",
                $"length({Any(Kind.Text)})", $"CAST({Any(Kind.Text)} AS INT)",
                $"TRY_CAST({Any(Kind.Text)} AS BIGINT)", $"GREATEST({Any(kind)}, {Any(kind)})", $"strpos({Any(Kind.Text)}, {Any(Kind.Text)})", $"abs({Any(kind)})",
                    $"EXTRACT(DAY FROM {Any(Kind.Time)})", $"NULLIF({Any(kind)}, {Any(kind)})").Wrap(),
            Kind.Double => Pick(random, $"({Any(kind)} + {Any(Kind.Integer)})", $"({Any(kind)} * {Any(kind)})", $"({Any(kind)} / {Any(Kind.Integer)})",
                $"sqrt({Any(kind)})", $"ln({Any(kind)})", $"round({Any(kind)})", "CAST(d / 3 AS DOUBLE)", $"power({Any(kind)}, 2)"),
            Kind.Text => Pick(random, $"({Any(kind)} || {Any(kind)})", $"upper({Any(kind)})", $"substring({Any(kind)}, {Short(random)}, 3)",
                $"replace({Any(kind)}, 'l', {Any(kind)})", $"CAST({Any(Kind.Integer)} AS STRING)",
                $"concat_ws('-', {Any(kind)}, {Any(kind)})", $"lpad({Any(kind)}, 5, 'xy')", $"trim({Any(kind)})",
                    $"split_part({Any(kind)}, ' ', {Short(random)})", $"reverse({Any(kind)})", $"to_char({Any(Kind.Time)}, 'YYYY Mon DD')"),
            Kind.Boolean => Pick(random, $"({Any(kind)} AND {Any(kind)})", $"({Any(kind)} OR {Any(kind)})", $"(NOT {Any(kind)})",
                $"({Any(Kind.Integer)} < {Any(Kind.Integer)})", $"({Any(Kind.Text)} = {Any(Kind.Text)})", $"({Any(Kind.Double)} BETWEEN {Any(Kind.Double)} AND 5)",
                $"({Any(Kind.Text)} LIKE '%l%')", $"({Any(Kind.Integer)} IN (1, NULL, 3))", $"({Any(Kind.Text)} IN (s, 'a'))", $"({Any(Kind.Text)} IS NULL)",
                    $"({Any(Kind.Integer)} IS DISTINCT FROM {Any(Kind.Integer)})", $"({Any(kind)} IS TRUE)",
                $"({Any(Kind.Time)} > '2001-05-05')"),
            _ => Pick(random, $"({Any(kind)} + INTERVAL '1' DAY * {Leaf(random, Kind.Integer)})", $"date_trunc('month', {Any(kind)})", $"LEAST({Any(kind)}, t)"),
        };
    }

    private static string Leaf(Random random, Kind kind) => kind switch
    {
        Kind.Integer => Pick(random, "i", "j", "n", "2", "0", "-1"),
        Kind.Double => Pick(random, "x", "1.5e0", "-2e0"),
        Kind.Text => Pick(random, "s", "u", "'lo'", "'a text longer than twelve'", "NULL::STRING"),
        Kind.Boolean => Pick(random, "b", "true", "(i > 0)"),
        _ => Pick(random, "t", "TIMESTAMP '2001-02-28 12:00'"),
    };

    /// <summary>An INT, which the functions on texts take, as PostgreSQL's.</summary>
    private static string Short(Random random) => Pick(random, "i", "j", "2", "0", "-1");

    private static string Pick(Random random, params string[] choices) => choices[random.Next(choices.Length)];
}

file static class Texts
{
    public static string Wrap(this string text) => $"({text})";
}
