using System.Text;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Replay;

namespace StreamEngine.Pipelines.Tests.Replay;

/// <summary>How replayed rows are compared with the live ones.</summary>
public class SinkComparisonTests
{
    private static readonly PipelineFile File = PipelineFile.Parse(""""
        pipeline {
          name = p
          sources.t { topic = t, schema = "at TIMESTAMP NOT NULL, k STRING, x DOUBLE", event-time { column = at } }
          sql = "INSERT INTO out SELECT window_end, k, count(*) AS n, sum(x) AS s FROM TUMBLE(t, at, INTERVAL '1' MINUTE) GROUP BY window_end, k"
          sinks.out { topic = out }
        }
        """", "p.conf");

    private static readonly EventTimeRange Range = new(Micros(0), Micros(10));

    private static long Micros(int minute) => new DateTimeOffset(2026, 1, 1, 0, minute, 0, TimeSpan.Zero).ToUnixTimeMilliseconds() * 1000;

    private static byte[] Row(int end, string k, int n, string s) =>
        Encoding.UTF8.GetBytes($$"""{"window_end":"2026-01-01T00:{{end:00}}:00Z","k":"{{k}}","n":{{n}},"s":{{s}}}""");

    private static SinkDiff Compare(bool upsert, IEnumerable<(string? Key, byte[]? Value)> live, IEnumerable<(string? Key, byte[]? Value)> replayed)
    {
        var comparison = new SinkComparison(File.Plan.Inserts[0], upsert, Range);
        foreach (var (key, value) in replayed) comparison.Add(Bytes(key), value, live: false);
        foreach (var (key, value) in live) comparison.Add(Bytes(key), value, live: true);
        return comparison.Compare();
    }

    private static byte[]? Bytes(string? text) => text is null ? null : Encoding.UTF8.GetBytes(text);

    [Fact]
    public void Appended_rows_are_multisets_and_those_outside_of_the_range_do_not_count()
    {
        (string?, byte[]?)[] live = [(null, Row(0, "before", 1, "1")), (null, Row(1, "a", 1, "1")), (null, Row(1, "a", 1, "1")), (null, Row(10, "b", 2, "1")),
            (null, Row(11, "behind", 1, "1"))];
        var diff = Compare(false, live, [(null, Row(1, "a", 1, "1")), (null, Row(10, "b", 3, "1"))]);
        Assert.Equal(1, diff.Equal);
        Assert.Equal(2, diff.Differences.Count(d => d.Replayed is null));
        Assert.Equal("{\"window_end\":\"2026-01-01T00:10:00Z\",\"k\":\"b\",\"n\":3,\"s\":1}",
            SinkComparison.TextOf(Assert.Single(diff.Differences, d => d.Live is null).Replayed));
    }

    [Fact]
    public void Doubles_may_differ_by_rounding_and_nothing_else_may()
    {
        var reordered = Encoding.UTF8.GetBytes("""{"s":0.30000000000000004,"n":1,"k":"a","window_end":"2026-01-01T00:01:00Z"}""");
        Assert.Empty(Compare(false, [(null, Row(1, "a", 1, "0.3"))], [(null, reordered)]).Differences);
        Assert.Equal(2, Compare(false, [(null, Row(1, "a", 1, "0.3"))], [(null, Row(1, "a", 1, "0.3001"))]).Differences.Count);
        var many = Enumerable.Range(0, 9).Select(i => ((string?)null, (byte[]?)Row(1, "a", 1, $"0.{i}"))).ToList();
        Assert.Equal(9, Compare(false, many, Enumerable.Reverse(many)).Equal);
        Assert.Single(Compare(false, many, many.Skip(1)).Differences);
    }

    [Fact]
    public void What_a_key_has_outside_of_the_range_is_neither_overwritten_nor_lost()
    {
        (string?, byte[]?)[] live =
        [
            // Its newest row is of a later time: nothing of the range counts any more.
            ("later", Row(1, "later", 1, "1")), ("later", Row(12, "later", 100, "1")),
            // It had a row of an earlier time, which comes back where the replay has none.
            ("earlier", Row(0, "earlier", 7, "1")), ("earlier", Row(1, "earlier", 1, "1")),
            ("taken back", Row(0, "taken back", 7, "1")), ("taken back", null), ("taken back", Row(1, "taken back", 1, "1")),
            ("only later", Row(12, "only later", 1, "1")),
        ];
        var diff = Compare(true, live, [("later", Row(1, "later", 10, "1")), ("only later", Row(3, "only later", 1, "1"))]);
        Assert.Equal(0, diff.Equal);
        Assert.Equal([("earlier", SinkComparison.TextOf(Row(0, "earlier", 7, "1"))), ("taken back", "-")],
            diff.Differences.Select(d => (Encoding.UTF8.GetString(d.Key!), SinkComparison.TextOf(d.Replayed))).Order());
    }

    [Fact]
    public void Of_upserts_the_last_row_of_a_key_counts()
    {
        (string?, byte[]?)[] live = [("a", Row(1, "a", 1, "1")), ("a", Row(1, "a", 2, "1")), ("b", Row(2, "b", 1, "1")), ("c", Row(3, "c", 1, "1")), ("c", null),
            ("d", Row(11, "d", 1, "1"))];
        var diff = Compare(true, live, [("a", Row(1, "a", 2, "1")), ("b", Row(2, "b", 5, "1")), ("e", Row(4, "e", 1, "1"))]);
        Assert.Equal(1, diff.Equal);
        Assert.Equal(["b", "e"], diff.Differences.Select(d => Encoding.UTF8.GetString(d.Key!)).Order());
    }
}
