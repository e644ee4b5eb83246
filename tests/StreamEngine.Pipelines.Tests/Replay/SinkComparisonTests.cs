using System.Text;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Redrive;
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

    private static SinkDiff Compare(bool upsert, IEnumerable<(string? Key, byte[]? Value)> live, IEnumerable<(string? Key, byte[]? Value)> replayed,
        RedrivenTimes? redriven = null)
    {
        var comparison = new SinkComparison(File.Plan.Inserts[0], upsert, Range, redriven);
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
        Assert.Equal([$"- {Text(Row(1, "a", 1, "1"))} + -", $"- {Text(Row(10, "b", 2, "1"))} + {Text(Row(10, "b", 3, "1"))}"], TextsOf(diff));
    }

    private static string Text(byte[]? row) => SinkComparison.TextOf(row);

    private static IEnumerable<string> TextsOf(SinkDiff diff) => diff.Differences.Select(d => $"- {Text(d.Live)} + {Text(d.Replayed)}").Order(StringComparer.Ordinal);

    [Fact]
    public void What_production_wrote_since_the_replay_began_is_no_difference_but_where_the_replay_has_the_same()
    {
        foreach (var upsert in new[] { true, false })
        {
            var comparison = new SinkComparison(File.Plan.Inserts[0], upsert, Range);
            comparison.Add(Bytes("same"), Row(1, "same", 1, "1"), live: false);
            comparison.Add(Bytes("late"), Row(1, "late", 1, "1"), live: false);
            comparison.Add(Bytes("lost"), Row(1, "lost", 1, "1"), live: true);
            comparison.Add(Bytes("same"), Row(1, "same", 1, "1"), live: true, isNewer: true);
            comparison.Add(Bytes("new"), Row(1, "new", 1, "1"), live: true, isNewer: true);
            // Of a row that came once before and once since, the older one finds the partner.
            comparison.Add(Bytes("same"), Row(1, "same", 1, "1"), live: true);
            var diff = comparison.Compare();
            Assert.Equal((1, upsert ? 1 : 2), (diff.Equal, diff.Newer));
            Assert.Equal([$"- - + {Text(Row(1, "late", 1, "1"))}", $"- {Text(Row(1, "lost", 1, "1"))} + -"], TextsOf(diff));
        }
    }

    [Fact]
    public void One_appended_row_that_is_left_on_each_side_for_a_key_and_a_window_is_a_changed_one()
    {
        var live = new (string?, byte[]?)[]
        {
            ("a", Row(1, "a", 1, "1")), ("a", Row(2, "a", 2, "1")), ("b", Row(1, "b", 3, "1")), ("b", Row(1, "b", 4, "1")),
            ("c", Row(1, "c", 5, "1")), ("d", Row(1, "d", 6, "1")), ("e", Row(1, "e", 7, "1")), ("e", Row(1, "e", 8, "1")),
        };
        var replayed = new (string?, byte[]?)[]
        {
            // Changed; the same; of two rows one is changed and the other equal.
            ("a", Row(1, "a", 10, "1")), ("a", Row(2, "a", 2, "1")), ("b", Row(1, "b", 4, "1")), ("b", Row(1, "b", 30, "1")),
            // Of another window, of another key: neither became the other. Two for two: nobody can tell.
            ("c", Row(2, "c", 5, "1")), ("f", Row(1, "f", 6, "1")), ("e", Row(1, "e", 70, "1")), ("e", Row(1, "e", 80, "1")),
        };
        var diff = Compare(false, live, replayed);
        Assert.Equal(2, diff.Equal);
        Assert.Equal(new[]
        {
            $"- {Text(Row(1, "a", 1, "1"))} + {Text(Row(1, "a", 10, "1"))}", $"- {Text(Row(1, "b", 3, "1"))} + {Text(Row(1, "b", 30, "1"))}",
            $"- {Text(Row(1, "c", 5, "1"))} + -", $"- - + {Text(Row(2, "c", 5, "1"))}", $"- {Text(Row(1, "d", 6, "1"))} + -", $"- - + {Text(Row(1, "f", 6, "1"))}",
            $"- {Text(Row(1, "e", 7, "1"))} + -", $"- {Text(Row(1, "e", 8, "1"))} + -", $"- - + {Text(Row(1, "e", 70, "1"))}", $"- - + {Text(Row(1, "e", 80, "1"))}",
        }.Order(StringComparer.Ordinal), TextsOf(diff));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_difference_says_its_window_and_that_rows_were_redriven_into_it(bool upsert)
    {
        var redriven = new RedrivenTimes();
        redriven.Add("out", Micros(2) - 1);
        redriven.Add("other", Micros(5) - 1);
        var diff = Compare(upsert, [("a", Row(1, "a", 1, "1")), ("b", Row(2, "b", 1, "1")), ("c", Row(5, "c", 1, "1"))],
            [("a", Row(1, "a", 2, "1")), ("b", Row(2, "b", 2, "1")), ("d", Row(2, "d", 1, "1"))], redriven);
        Assert.Equal([("a", new RowWindow(Micros(0), Micros(1)), DifferenceCause.Unknown), ("b", new(Micros(1), Micros(2)), DifferenceCause.Redriven),
            ("c", new(Micros(4), Micros(5)), DifferenceCause.Unknown), ("d", new(Micros(1), Micros(2)), DifferenceCause.Redriven)],
            diff.Differences.Select(d => (Encoding.UTF8.GetString(d.Key!), d.Window!.Value, d.Cause)).OrderBy(d => d.Item1, StringComparer.Ordinal));
        Assert.Equal([new RedrivenWindow(Micros(1), Micros(2), 2)], diff.Redriven);
    }

    [Fact]
    public void Doubles_may_differ_by_rounding_and_nothing_else_may()
    {
        var reordered = Encoding.UTF8.GetBytes("""{"s":0.30000000000000004,"n":1,"k":"a","window_end":"2026-01-01T00:01:00Z"}""");
        Assert.Empty(Compare(false, [(null, Row(1, "a", 1, "0.3"))], [(null, reordered)]).Differences);
        Assert.Single(Compare(false, [(null, Row(1, "a", 1, "0.3"))], [(null, Row(1, "a", 1, "0.3001"))]).Differences);
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
