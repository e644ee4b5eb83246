using System.Globalization;
using System.Text;
using System.Text.Json;
using StreamEngine.Core;
using StreamEngine.Plan.Definitions;

namespace StreamEngine.Pipelines.Testing;

/// <summary>Compares what a test run wrote with what its file expects: rows as multisets, by value.</summary>
internal sealed class PipelineTestResult(PipelineDefinition definition, PipelineTestFile test, MemoryLog log)
{
    public IReadOnlyList<string> Differences()
    {
        var differences = new List<string>();
        foreach (var expectation in test.Expectations)
        {
            var sink = definition.Sinks.FirstOrDefault(s => s.Name == expectation.Name);
            var got = sink is not null ? log.ReadAll(sink.Topic).Select(r => RowOf(r, sink.Format)).ToList()
                : SideRows(expectation.Name == "late" ? definition.LateTopic : definition.DeadLetterTopic, expectation.Name != "late");
            differences.AddRange(Compare(expectation, got, sink?.Format));
        }
        // Rows that leave by the side are never silent: a test that does not expect any says so when they come.
        Unexpected("dead-letters", definition.DeadLetterTopic, differences);
        Unexpected("late", definition.LateTopic, differences);
        return differences;
    }

    private void Unexpected(string name, string topic, List<string> differences)
    {
        if (test.Expectations.Any(e => e.Name == name)) return;
        foreach (var record in log.ReadAll(topic))
            differences.Add($"{test.Path}: not expected in {name}: {Position(record)} {Header(record, "streamengine.stage")}: {Header(record, "streamengine.reason")}");
    }

    private List<(string Key, string Shown)> SideRows(string topic, bool withStage) => [.. log.ReadAll(topic).Select(r =>
    {
        var text = withStage ? $"{Position(r)} {Header(r, "streamengine.stage")}" : Position(r);
        return (text, $"{text} ({Header(r, "streamengine.reason")})");
    })];

    private static (string Key, string Shown) RowOf(MemoryRecord record, FormatDefinition format)
    {
        var text = record.Value is null ? "null" : Encoding.UTF8.GetString(record.Value);
        return (format is JsonFormatDefinition ? Canonical(text) : text, text);
    }

    private IEnumerable<string> Compare(TestExpectation expectation, List<(string Key, string Shown)> got, FormatDefinition? format)
    {
        var left = got.GroupBy(g => g.Key).ToDictionary(g => g.Key, g => g.ToList());
        foreach (var (line, text) in expectation.Lines)
        {
            var key = format is JsonFormatDefinition ? Canonical(text) : text;
            if (left.TryGetValue(key, out var rows) && rows.Count > 0) rows.RemoveAt(rows.Count - 1);
            else yield return $"{test.Path}:{line}: missing in {expectation.Name}: {text}";
        }
        foreach (var row in left.Values.SelectMany(r => r)) yield return $"{test.Path}:{expectation.Line}: not expected in {expectation.Name}: {row.Shown}";
    }

    private string Position(MemoryRecord record)
    {
        var prefix = definition.Sources.Count > 1 ? Header(record, "__streams.errors.topic") : "";
        return Header(record, "__streams.errors.partition") is { Length: > 0 } partition ? $"{prefix}@{partition}:{Header(record, "__streams.errors.offset")}"
            : Encoding.UTF8.GetString(record.Value ?? []);
    }

    private static string Header(MemoryRecord record, string name) => RecordHeaders.TryGetLast(record.Headers, Encoding.ASCII.GetBytes(name), out var value)
        ? Encoding.UTF8.GetString(value) : "";

    /// <summary>
    /// A JSON text in a form that is equal for equal values: fields by name, nulls left out, numbers by value to twelve digits, since the order of a sum over partitions
    /// is free.
    /// </summary>
    private static string Canonical(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            var to = new StringBuilder();
            Write(document.RootElement, to);
            return to.ToString();
        }
        catch (JsonException)
        {
            return text;
        }
    }

    private static void Write(JsonElement element, StringBuilder to)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                to.Append('{');
                foreach (var property in element.EnumerateObject().Where(p => p.Value.ValueKind != JsonValueKind.Null).OrderBy(p => p.Name, StringComparer.Ordinal))
                {
                    to.Append(JsonSerializer.Serialize(property.Name)).Append(':');
                    Write(property.Value, to);
                    to.Append(',');
                }
                to.Append('}');
                break;
            case JsonValueKind.Array:
                to.Append('[');
                foreach (var item in element.EnumerateArray())
                {
                    Write(item, to);
                    to.Append(',');
                }
                to.Append(']');
                break;
            case JsonValueKind.Number:
                // Whole numbers keep all their digits.
                to.Append(decimal.TryParse(element.GetRawText(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
                    ? whole.ToString(CultureInfo.InvariantCulture)
                    : element.GetDouble().ToString("G12", CultureInfo.InvariantCulture));
                break;
            default:
                to.Append(element.GetRawText());
                break;
        }
    }
}
