using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Filters;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Tests.Filters;

/// <summary>The vectorised filter selects what the evaluator says is TRUE, for any data and selection.</summary>
public sealed unsafe class PredicateTests(PredicateTests.Tables tables) : IClassFixture<PredicateTests.Tables>
{
    /// <summary>Random rows, made once: around the sizes of vectors and words.</summary>
    public sealed class Tables : IDisposable
    {
        internal List<TestTable> All { get; } = [.. new[] { 0, 1, 7, 8, 15, 16, 17, 63, 64, 65, 200, 1000 }.Select(n
            => new TestTable(Columns, Enumerable.Range(0, n).Select(i => Row(new Random(n * 1000 + i)))))];

        public void Dispose() => All.ForEach(t => t.Dispose());
    }

    private static readonly Schema Columns = new(
        new Field("i", DataType.Int32), new Field("n", DataType.Int64), new Field("x", DataType.Float64), new Field("t", DataType.Timestamp),
            new Field("s", DataType.Utf8), new Field("b", DataType.Boolean),
        new Field("p", DataType.Int64), new Field("z", DataType.Float64), new Field("v", DataType.Int64), new Field("w", DataType.Int32), new Field("m",
            DataType.Decimal(38, 2)));

    public static TheoryData<string> Conditions() =>
    [
        "n > 5", "n >= 5", "n < 5", "n <= 5", "n = 5", "n <> 5", "5 < n", "NOT n > 5", "n BETWEEN 2 AND 7", "n NOT BETWEEN 2 AND 7", "i > 3", "i = 3 OR n = 5",
            "i <> 3 AND n > 2 AND x < 6",
        "x > 5", "x >= 5", "x < 5", "x <= 5", "x = 5", "x <> 5", "x = 'NaN'::DOUBLE", "x < 'NaN'::DOUBLE", "n IS NULL", "n IS NOT NULL", "p IS NULL", "p IS NOT NULL",
            "n IS NULL OR n > 7", "t >= TIMESTAMP '1970-01-01 00:00:00.000005'",
        "s = 'b'", "s <> 'b'", "s = 'a long text of more than 12'", "s IN ('a', 'c')", "b", "NOT b", "b AND n > 2", "b = true", "n > 2 AND s LIKE 'a%' AND x > 1",
            "n % 2 = 0", "n % 2 <> 0", "NOT n % 4 = 1", "n % 4 = 3", "(n - 5) % 4 = -1", "v % 4 = -1", "v % 4 = 1", "v % 4 = 0", "v % 4 <> -3", "v % 8 = 9",
                "v % 3 = 1", "w % 2 = -1", "w % 4 = 0 AND n > 2", "w % 16 <> 3", "v % 1 = 0", "3 = w % 4", "v % 4 IN (0, -2)",
            "m > 1.5", "m >= 1.5", "m < 1.5", "m <= -1.5", "m = 1.5", "m <> 1.5", "NOT m > 0", "m BETWEEN -3 AND 2.5", "m > 12345678901234567890", "m = 1.555",
                "m IS NULL OR m < 0", "0 < m",
            "n > NULL", "10 / n > 2", "n <> 0 AND 10 / n > 2",
        "i + 1 > 5 AND n > 2", "p > 5", "z > 2 AND p < 8", "true", "false", "n > 100", "n < 100 AND p < 100", "coalesce(n, 0) > 3", "n > i",
    ];

    [Theory]
    [MemberData(nameof(Conditions))]
    public void A_filter_selects_the_rows_whose_condition_is_true(string condition)
    {
        var random = new Random(17);
        var bound = ExpressionBinder.BindCondition(ExpressionParser.Parse(condition), Scope.Of(Columns));
        foreach (var table in tables.All)
        {
            foreach (var selection in new ushort[]?[] { null, [],
                [.. Enumerable.Range(0, table.Rows).Where(_ => random.Next(3) > 0).Select(r => (ushort)r)] }) Check(table, bound, selection);
        }
    }

    private static string Row(Random random)
    {
        string Or(string value) => random.Next(5) == 0 ? "NULL" : value;
        var x = random.Next(12) == 0 ? "'NaN'" : random.Next(10).ToString();
        var s = random.Next(4) switch { 0 => "'a'", 1 => "'b'", 2 => "'a long text of more than 12'", _ => "''" };
        var number = () => random.Next(10).ToString();
        return string.Join(", ", Or(number()), Or(number()), Or(x), Or($"'1970-01-01 00:00:00.00000{number()}'"), Or(s), Or(random.Next(2) == 0 ? "true" : "false"),
            number(), number(), Or($"{random.Next(-9, 10)}"), Or($"{random.Next(-9, 10)}"),
            Or(random.Next(4) == 0 ? $"{random.Next(-9, 10)}00000000000000000000000.01" : $"{random.Next(-3, 4)}.5"));
    }

    private static void Check(TestTable table, BoundExpression bound, ushort[]? selected)
    {
        using var batch = table.MakeBatch(selected);
        var texts = table.Evaluate(bound, batch);
        var expected = Enumerable.Range(0, batch.Count).Where(i => texts[i] == "true").Select(batch.RowAt).ToArray();
        var arena = batch.Arenas[0];
        var faults = new RowFaults();
        var count = Predicate.Compile(bound).Filter(batch, arena, faults, out var selection);
        Assert.Equal(expected.Length, count);
        for (var i = 0; i < count; i++) Assert.Equal(expected[i], selection is null ? i : selection[i]);
        // A row that fails is not selected; one that an earlier operand of AND decided need not fail.
        for (var i = 0; i < faults.Count; i++) Assert.DoesNotContain(faults[i].Row, expected);
        for (var i = 0; i < batch.Count; i++)
            if (faults.Contains(batch.RowAt(i))) Assert.StartsWith("!", texts[i]);
    }
}
