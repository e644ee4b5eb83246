using System.Globalization;
using System.Text.Json;
using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Tests.Expressions;

/// <summary>The SELECT lists of shared pipelines over their real input, without the pipeline around them.</summary>
public class PipelineCasesTests
{
    [SkippableTheory]
    [InlineData("expressions-strings", "es")]
    [InlineData("expressions-failing", "ex", 24)]
    public void A_pipelines_expressions_give_its_expected_rows(string name, string prefix, params int[] allowed)
    {
        Skip.If(Repository.Shared is null, "../shared is absent");
        var folder = Path.Combine(Repository.Shared!, "pipelines", name);
        var text = File.ReadAllText(Path.Combine(folder, "pipeline.conf"));
        var schema = TypeParser.ParseSchema(Between(text, "schema = \"\"\"", "\"\"\""));
        using var table = new TestTable(schema, File.ReadLines(Path.Combine(folder, "input", $"{prefix}.in-0.ndjson")).Select(l => AsConstants(l, schema)));
        var items = SelectItems(Between(text, "sql = \"\"\"", "\"\"\""));
        var results = items.Select(i => (i.Name, Values: table.Evaluate(ExpressionBinder.Bind(i.Expression, Scope.Of(table.Schema)), table.Batch))).ToList();
        var expected = File.ReadLines(Path.Combine(folder, "expected", $"{prefix}.out.ndjson")).Select(l => JsonDocument.Parse(l).RootElement).ToDictionary(e
            => e.GetProperty("id").GetInt32());
        Assert.NotEmpty(expected);
        for (var row = 0; row < table.Rows; row++)
        {
            var failed = results.Any(r => r.Values[row].StartsWith('!'));
            if (expected.ContainsKey(row)) Assert.False(failed,
                $"row {row}: {string.Join(", ", results.Where(r => r.Values[row].StartsWith('!')).Select(r => r.Values[row]))}");
            // The other rows are the case's `either`: dead letters in PostgreSQL, but for a blank before a number, which it allows.
            else if (!failed) Assert.Contains(row, allowed);
            if (failed || !expected.ContainsKey(row)) continue;
            foreach (var (column, values) in results) Compare(expected[row].GetProperty(column), values[row], $"row {row}, {column}");
        }
    }

    private static string Between(string text, string start, string end)
    {
        var from = text.IndexOf(start, StringComparison.Ordinal) + start.Length;
        return text[from..text.IndexOf(end, from, StringComparison.Ordinal)];
    }

    private static List<(string Name, SqlExpression Expression)> SelectItems(string sql)
    {
        var reader = new TokenReader(sql);
        while (!reader.TryKeyword("SELECT")) reader.Next();
        var items = new List<(string, SqlExpression)>();
        do
        {
            var expression = ExpressionParser.Parse(reader);
            items.Add((reader.TryKeyword("AS") ? reader.ExpectLabel("a name").Name : ((NameExpression)expression).Parts[^1].Name, expression));
        }
        while (reader.TrySymbol(","));
        reader.ExpectKeyword("FROM");
        return items;
    }

    private static string AsConstants(string json, Schema schema)
    {
        var record = JsonDocument.Parse(json).RootElement;
        return string.Join(", ", schema.Select(f => !record.TryGetProperty(f.Name, out var value) || value.ValueKind == JsonValueKind.Null ? "NULL"
            : value.ValueKind == JsonValueKind.String ? SqlText.Literal(value.GetString()!) : value.GetRawText()));
    }

    private static void Compare(JsonElement expected, string actual, string where)
    {
        switch (expected.ValueKind)
        {
            case JsonValueKind.Null: Assert.True(actual == "NULL", $"{where}: {actual}"); break;
            case JsonValueKind.String when !actual.StartsWith('\''): Assert.True(expected.GetString() == actual, $"{where}: {actual}"); break;
            case JsonValueKind.String:
                var text = "'" + expected.GetString()!.Replace("\\", "\\\\").Replace("\n", "\\n").Replace("\t", "\\t").Replace("\r", "\\r") + "'";
                Assert.True(text == actual, $"{where}: {actual} instead of {text}");
                break;
            case JsonValueKind.Number:
                Assert.True(expected.GetDouble() == double.Parse(actual, CultureInfo.InvariantCulture),
                $"{where}: {actual} instead of {expected}"); break;
            default: Assert.True(expected.GetRawText() == actual, $"{where}: {actual} instead of {expected}"); break;
        }
    }
}
