using System.Globalization;
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

    private static IEnumerable<string> Rows(string topic, IReadOnlyList<string> expected, IReadOnlyList<SeenRecord> seen) => Multiset(topic, expected, seen.Select(r => Canonical(r.Text)));

    private static IEnumerable<string> Multiset(string what, IEnumerable<string> expected, IEnumerable<string> seen)
    {
        var left = expected.CountBy(r => r).ToDictionary();
        foreach (var row in seen) left[row] = left.GetValueOrDefault(row) - 1;
        var missing = left.Where(l => l.Value > 0).ToList();
        var added = left.Where(l => l.Value < 0).ToList();
        if (missing.Count + added.Count > 0)
            yield return $"{what}: {missing.Sum(m => m.Value)} are missing ({string.Join("; ", missing.Take(3).Select(m => m.Key))}) and {-added.Sum(a => a.Value)} are too many ({string.Join("; ", added.Take(3).Select(a => a.Key))})";
    }

    private static string Canonical(string json)
    {
        using var document = JsonDocument.Parse(json);
        return string.Join(' ', document.RootElement.EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal).Select(p => $"{p.Name}={(p.Value.ValueKind == JsonValueKind.Number ? FlightOracle.Number(p.Value.GetRawText()) : p.Value.ToString())}"));
    }

    private static IEnumerable<string> Sides(string topic, IReadOnlyList<ExpectedSide> expected, IReadOnlyList<SeenRecord> seen)
    {
        foreach (var wrong in Multiset(topic, expected.Select(e => Place(e.Flight.Partition, e.Flight.Offset, e.Insert)), seen.Select(s => Place(Long(s, "__streams.errors.partition"), Long(s, "__streams.errors.offset"), s.Header("streamengine.insert"))))) yield return wrong;
        var at = expected.ToDictionary(e => Place(e.Flight.Partition, e.Flight.Offset, e.Insert));
        foreach (var record in seen)
        {
            var place = Place(Long(record, "__streams.errors.partition"), Long(record, "__streams.errors.offset"), record.Header("streamengine.insert"));
            if (!at.TryGetValue(place, out var side)) continue;
            if (record.Header("__streams.errors.topic") != "flights") yield return $"{topic}: {place} names topic '{record.Header("__streams.errors.topic")}'";
            if (!side.Stages.Split(' ').Contains(record.Header("streamengine.stage"))) yield return $"{topic}: {place} blames {record.Header("streamengine.stage")} instead of {side.Stages}";
            if (side.Flight.Rule is { } rule && record.Header("streamengine.rule") != rule) yield return $"{topic}: {place} blames the rule {record.Header("streamengine.rule")} instead of {rule}";
            if (!(record.Value ?? []).AsSpan().SequenceEqual(side.Flight.Value ?? []) || (record.Value is null) != (side.Flight.Value is null)) yield return $"{topic}: {place} does not hold the original bytes but {record.Text}";
            if (record.Timestamp != side.Flight.Timestamp) yield return $"{topic}: {place} is stamped {record.Timestamp} instead of {side.Flight.Timestamp}";
        }
    }

    private static string Place(long partition, long offset, string? insert) => string.Create(CultureInfo.InvariantCulture, $"{partition}@{offset} in {insert}");

    private static long Long(SeenRecord record, string header) => long.TryParse(record.Header(header), CultureInfo.InvariantCulture, out var value) ? value : -1;
}
