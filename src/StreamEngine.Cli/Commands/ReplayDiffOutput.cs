using System.Globalization;
using System.Text;
using System.Text.Json;
using StreamEngine.Core;
using StreamEngine.Pipelines.Replay;

namespace StreamEngine.Cli.Commands;

/// <summary>What a comparison of a replay came to, for people and for programs: counts, and the first of the rows that differ.</summary>
internal static class ReplayDiffOutput
{
    /// <summary>So many rows, and windows, are shown.</summary>
    public const int Shown = 10;

    /// <summary>One line: of rows that are absent on one side the field is null.</summary>
    public static string Json(SinkDiff diff)
    {
        var (live, replayed, changed) = Count(diff);
        return JsonSerializer.Serialize(new
        {
            sink = diff.Sink, equal = diff.Equal, only_live = live, only_replayed = replayed, changed, newer = diff.Newer,
            redriven_windows = diff.Redriven.Select(w => new { from = Watermark.TextOf(w.From), to = Watermark.TextOf(w.To), rows = w.Rows }),
            examples = diff.Differences.Take(Shown).Select(d => new
            {
                key = d.Key is null ? null : Encoding.UTF8.GetString(d.Key), from = d.Window is { } w ? Watermark.TextOf(w.From) : null,
                to = d.Window is { } v ? Watermark.TextOf(v.To) : null, cause = CauseOf(d), live = RowOf(d.Live), replayed = RowOf(d.Replayed),
            }),
        });
    }

    private static (int Live, int Replayed, int Changed) Count(SinkDiff diff)
    {
        var (live, replayed) = (diff.Differences.Count(d => d.Replayed is null), diff.Differences.Count(d => d.Live is null));
        return (live, replayed, diff.Differences.Count - live - replayed);
    }

    private static string? CauseOf(RowDifference row) => row.Cause == DifferenceCause.Redriven ? "redriven" : null;

    private static JsonElement? RowOf(byte[]? row) => row is null ? null : JsonSerializer.Deserialize<JsonElement>(row);

    public static IEnumerable<string> Text(SinkDiff diff)
    {
        var (live, replayed, changed) = Count(diff);
        yield return diff.Differences.Count == 0 ? string.Create(CultureInfo.InvariantCulture, $"{diff.Sink}: {diff.Equal:N0} rows, all equal")
            : string.Create(CultureInfo.InvariantCulture, $"{diff.Sink}: {diff.Equal:N0} rows equal, {live:N0} only live, {replayed:N0} only replayed, {changed:N0} changed");
        if (diff.Newer > 0) yield return string.Create(CultureInfo.InvariantCulture, $"  {diff.Newer:N0} more were written since the replay began, and are not compared");
        foreach (var line in RedrivenOf(diff.Redriven)) yield return line;
        foreach (var row in diff.Differences.Take(Shown))
        {
            if (row.Window is { } window) yield return $"  {TextOf(window.From, window.To)}{KeyOf(row)}{(row.Cause == DifferenceCause.Redriven ? ", with redriven rows" : "")}:";
            if (row.Live is not null) yield return $"  - {SinkComparison.TextOf(row.Live)}";
            if (row.Replayed is not null) yield return $"  + {SinkComparison.TextOf(row.Replayed)}";
        }
        if (diff.Differences.Count > Shown) yield return string.Create(CultureInfo.InvariantCulture, $"  .. and {diff.Differences.Count - Shown:N0} more");
    }

    private static IEnumerable<string> RedrivenOf(IReadOnlyList<RedrivenWindow> windows)
    {
        if (windows.Count == 0) yield break;
        yield return string.Create(CultureInfo.InvariantCulture,
            $"  {windows.Sum(w => w.Rows):N0} of these rows are of windows with redriven rows, which the replay counts and the live run may have had to leave out:");
        foreach (var window in windows.Take(Shown)) yield return string.Create(CultureInfo.InvariantCulture, $"    {TextOf(window.From, window.To)}: {window.Rows:N0}");
        if (windows.Count > Shown) yield return string.Create(CultureInfo.InvariantCulture, $"    .. and {windows.Count - Shown:N0} more windows");
    }

    private static string TextOf(long from, long to) => to == from ? Watermark.TextOf(from) : $"{Watermark.TextOf(from)} to {Watermark.TextOf(to)}";

    private static string KeyOf(RowDifference row) => row.Key is null ? "" : $", key {SinkComparison.TextOf(row.Key)}";
}
