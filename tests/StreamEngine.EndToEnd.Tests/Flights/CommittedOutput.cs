using System.Text.Json;
using StreamEngine.EndToEnd.Tests.Suite;

namespace StreamEngine.EndToEnd.Tests.Flights;

/// <summary>Compares what a reader saw with what had to come. Each check answers what is wrong.</summary>
internal static class CommittedOutput
{
    public static IEnumerable<string> Compare(FlightOracle expected, Func<string, IReadOnlyList<SeenRecord>> seen) =>
    [
        .. FlightPipeline.Outputs.SelectMany(t => Rows(t, expected.Rows[t], seen(t))),
        .. Sides(FlightPipeline.DeadLetters, expected.DeadLetters, seen(FlightPipeline.DeadLetters)),
        .. Sides(FlightPipeline.Late, expected.Late, seen(FlightPipeline.Late)),
    ];

    private static IEnumerable<string> Rows(string topic, IReadOnlyList<string> expected, IReadOnlyList<SeenRecord> seen) =>
        Multiset(topic, expected, seen.Select(r => Canonical(r.Text))) is { } wrong ? [wrong] : [];

    private static string? Multiset(string what, IEnumerable<string> expected, IEnumerable<string> seen)
    {
        var left = expected.CountBy(r => r).ToDictionary();
        foreach (var row in seen) left[row] = left.GetValueOrDefault(row) - 1;
        var (missing, added) = (left.Where(l => l.Value > 0).ToList(), left.Where(l => l.Value < 0).ToList());
        if (missing.Count + added.Count == 0) return null;
        return $"{what}: {missing.Sum(m => m.Value)} are missing ({string.Join("; ", missing.Take(3).Select(m => m.Key))})"
            + $" and {-added.Sum(a => a.Value)} are too many ({string.Join("; ", added.Take(3).Select(a => a.Key))})";
    }

    /// <summary>A row's text whatever the order of its fields and the form of its numbers.</summary>
    public static string Canonical(string json)
    {
        using var document = JsonDocument.Parse(json);
        return string.Join(' ', document.RootElement.EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal).Select(p => $"{p.Name}={Value(p.Value)}"));
    }

    private static string Value(JsonElement value) => value.ValueKind == JsonValueKind.Number ? FlightOracle.Number(value.GetRawText()) : value.ToString();

    private static IEnumerable<string> Sides(string topic, IReadOnlyList<ExpectedSide> expected, IReadOnlyList<SeenRecord> seen)
    {
        if (Multiset(topic, expected.Select(PlaceOf), seen.Select(PlaceOf)) is { } wrong) yield return wrong;
        var at = expected.ToDictionary(PlaceOf);
        foreach (var record in seen)
            if (at.TryGetValue(PlaceOf(record), out var side) && Side(record, side) is { } other) yield return $"{topic}: {PlaceOf(record)} {other}";
    }

    private static string? Side(SeenRecord record, ExpectedSide side)
    {
        var (stage, rule) = (record.Header("streamengine.stage"), record.Header("streamengine.rule"));
        if (record.Header("__streams.errors.topic") is var topic && topic != FlightPipeline.Name) return $"names topic '{topic}'";
        if (!side.Stages.Split(' ').Contains(stage)) return $"blames {stage} instead of {side.Stages}";
        if (side.Flight.Rule != rule) return $"blames the rule {rule} instead of {side.Flight.Rule}";
        if (record.Value is null != side.Flight.Value is null || !record.Value.AsSpan().SequenceEqual(side.Flight.Value))
            return $"does not hold the original bytes but {record.Text}";
        return record.Timestamp == side.Flight.Timestamp ? null : $"is stamped {record.Timestamp} instead of {side.Flight.Timestamp}";
    }

    /// <summary>The input record that a dead letter or late row stands for, and for which INSERT.</summary>
    public static string PlaceOf(ExpectedSide side) => $"{side.Flight.Partition}@{side.Flight.Offset} in {side.Insert}";

    /// <summary>The input record that a dead letter or late row stands for, and for which INSERT.</summary>
    public static string PlaceOf(SeenRecord record) =>
        $"{record.Header("__streams.errors.partition")}@{record.Header("__streams.errors.offset")} in {record.Header("streamengine.insert")}";
}
