using System.Text.Json;
using StreamEngine.EndToEnd.Tests.Suite;

namespace StreamEngine.EndToEnd.Tests.Flights;

/// <summary>What must hold of the manifests of a pipeline, over all its incarnations. Read as the JSON that it is, by nothing of the engine's.</summary>
internal static class Manifests
{
    public static IReadOnlyList<JsonElement> Of(IReadOnlyList<SeenRecord> epochs, string kind = "manifest") =>
        [.. epochs.Select(r => JsonDocument.Parse(r.Text).RootElement).Where(r => r.GetProperty("kind").GetString() == kind)];

    public static IEnumerable<string> Check(IReadOnlyList<SeenRecord> epochs, FlightOracle expected)
    {
        var manifests = Of(epochs);
        var claims = Of(epochs, "claim").Select(c => c.GetProperty("incarnation").GetInt64()).ToList();
        if (!claims.SequenceEqual(claims.Order().Distinct())) yield return $"incarnations do not grow strictly: {string.Join(' ', claims)}";
        for (var i = 0; i < manifests.Count; i++)
            foreach (var wrong in Step(i == 0 ? null : manifests[i - 1], manifests[i])) yield return wrong;
        if (manifests.Count == 0)
        {
            yield return "there is no manifest";
            yield break;
        }
        foreach (var (insert, line) in expected.Lines)
            if (Sums(insert, manifests, line) is { } wrong) yield return wrong;
    }

    /// <summary>What is wrong with a manifest that follows another one.</summary>
    public static IEnumerable<string> Step(JsonElement? before, JsonElement manifest)
    {
        var epoch = Long(manifest, "epoch");
        if (before is { } earlier)
        {
            if (epoch <= Long(earlier, "epoch")) yield return $"epoch {epoch} comes behind {Long(earlier, "epoch")}";
            if (Long(manifest, "incarnation") < Long(earlier, "incarnation"))
                yield return $"epoch {epoch}: incarnation {Long(manifest, "incarnation")} comes behind {Long(earlier, "incarnation")}";
            foreach (var wrong in Positions(epoch, earlier, manifest)) yield return wrong;
        }
        foreach (var insert in manifest.GetProperty("inserts").EnumerateObject())
        {
            var l = insert.Value;
            var went = Long(l, "done") + Long(l, "filtered") + Long(l, "late") + Long(l, "deadLettered") + Long(l, "heldAfter");
            if (Long(l, "in") + Long(l, "heldBefore") != went) yield return $"epoch {epoch}: {insert.Name} is not conserved: {l}";
            var held = before is { } b ? Long(b.GetProperty("inserts").GetProperty(insert.Name), "heldAfter") : 0;
            if (Long(l, "heldBefore") != held)
                yield return $"epoch {epoch}: {insert.Name} begins with {Long(l, "heldBefore")} rows held, and the epoch before ended with {held}";
        }
    }

    private static IEnumerable<string> Positions(long epoch, JsonElement before, JsonElement after)
    {
        foreach (var source in after.GetProperty("sources").EnumerateObject())
        {
            var earlier = before.GetProperty("sources").GetProperty(source.Name);
            if (Optional(source.Value, "watermark") < Optional(earlier, "watermark"))
                yield return $"epoch {epoch}: the watermark of {source.Name} goes back";
            foreach (var partition in source.Value.GetProperty("partitions").EnumerateObject())
            {
                var position = earlier.GetProperty("partitions").GetProperty(partition.Name);
                if (Long(partition.Value, "offset") < Long(position, "offset"))
                    yield return $"epoch {epoch}: the offset of {source.Name}-{partition.Name} goes back to {Long(partition.Value, "offset")}";
                if (Optional(partition.Value, "newest") < Optional(position, "newest"))
                    yield return $"epoch {epoch}: the newest event time of {source.Name}-{partition.Name} goes back";
            }
        }
        if (Long(after.GetProperty("state"), "end") < Long(before.GetProperty("state"), "end")) yield return $"epoch {epoch}: the end of the state goes back";
    }

    private static string? Sums(string insert, IReadOnlyList<JsonElement> manifests, ExpectedLine expected)
    {
        long Sum(string name) => manifests.Sum(m => Long(m.GetProperty("inserts").GetProperty(insert), name));
        var held = Long(manifests[^1].GetProperty("inserts").GetProperty(insert), "heldAfter");
        var actual = new ExpectedLine(Sum("in"), Sum("done"), Sum("filtered"), Sum("late"), Sum("deadLettered"), held);
        return actual == expected ? null : $"{insert}: the manifests come to {actual}, and it should be {expected}";
    }

    /// <summary>Whether the last manifest stands at these offsets.</summary>
    public static bool AreAt(IReadOnlyList<SeenRecord> epochs, IReadOnlyDictionary<int, long> ends)
    {
        if (Of(epochs).LastOrDefault() is not { ValueKind: JsonValueKind.Object } last) return false;
        var partitions = last.GetProperty("sources").GetProperty(FlightPipeline.Name).GetProperty("partitions");
        return ends.All(e => Long(partitions.GetProperty($"{e.Key}"), "offset") >= e.Value);
    }

    /// <summary>The input records that a manifest's offsets stand for.</summary>
    public static long Read(JsonElement manifest) => manifest.GetProperty("sources").GetProperty(FlightPipeline.Name).GetProperty("partitions").EnumerateObject()
        .Sum(p => Long(p.Value, "offset"));

    public static long Long(JsonElement of, string name) => of.GetProperty(name).GetInt64();

    private static long Optional(JsonElement of, string name) => of.TryGetProperty(name, out var value) ? value.GetInt64() : long.MinValue;
}
