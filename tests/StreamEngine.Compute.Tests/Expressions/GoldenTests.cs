using System.Text;
using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Tests.Expressions;

/// <summary>
/// tests/Golden/expressions/*.txt. A line `columns NAME TYPE, ..` and lines `row VALUE, ..` (SQL constants) make a table; each further line is an expression, and the
/// line below it, with an arrow, its
/// result: `-> TYPE: value | value`, a value per row, ! before the message of a row that fails; or `-> error OFFSET+LENGTH: message (hint)`. With GOLDEN_UPDATE=1 the
/// results are written anew.
/// </summary>
public class GoldenTests
{
    private static string Folder => Path.Combine(Repository.Root, "tests", "Golden", "expressions");

    public static TheoryData<string> Files()
    {
        var files = new TheoryData<string>();
        foreach (var file in Directory.EnumerateFiles(Folder, "*.txt").Order()) files.Add(Path.GetFileName(file));
        return files;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Expressions_give_the_expected_results(string file)
    {
        var path = Path.Combine(Folder, file);
        var lines = File.ReadAllLines(path);
        var actual = new StringBuilder();
        var schema = Schema.Empty;
        var rows = new List<string>();
        TestTable? table = null;
        foreach (var line in lines)
        {
            if (line.StartsWith("  -> ", StringComparison.Ordinal)) continue;
            actual.Append(line).Append('\n');
            if (line.Length == 0 || line[0] == '#') continue;
            if (line.StartsWith("columns ", StringComparison.Ordinal))
            {
                schema = TypeParser.ParseSchema(line["columns ".Length..]);
                rows.Clear();
                table = null;
            }
            else if (line.StartsWith("row ", StringComparison.Ordinal))
            {
                rows.Add(line["row ".Length..]);
                table = null;
            }
            else actual.Append("  -> ").Append(Result(table ??= MakeTable(schema, rows), line)).Append('\n');
        }
        if (Environment.GetEnvironmentVariable("GOLDEN_UPDATE") == "1") File.WriteAllText(path, actual.ToString());
        Assert.Equal(string.Join('\n', lines).TrimEnd(), actual.ToString().TrimEnd());
    }

    private static TestTable MakeTable(Schema schema, List<string> rows)
        => schema.Count == 0 ? new TestTable(new Schema(new Field("one", DataType.Int32)), ["1"]) : new TestTable(schema, rows);

    private static string Result(TestTable table, string expression)
    {
        BoundExpression bound;
        try
        {
            bound = table.Bind(expression);
        }
        catch (SqlException e)
        {
            return string.Join("; ", e.Errors.Select(error => $"error {error.Offset}+{error.Length}: {error.Message}{(error.Hint is null ? "" : $" ({error.Hint})")}"));
        }
        var whole = table.Evaluate(bound, table.Batch);
        for (var row = 0; row < table.Rows; row++)
        {
            using var one = table.MakeBatch([(ushort)row]);
            Assert.Equal(whole[row], Assert.Single(table.Evaluate(bound, one)));
        }
        return $"{bound.Type}: {string.Join(" | ", whole)}";
    }
}
