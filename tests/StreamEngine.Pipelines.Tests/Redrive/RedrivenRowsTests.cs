using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Testing;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>Redriven rows in a running pipeline: outside of the watermarks, into the INSERT that failed them, late where their windows are closed.</summary>
public class RedrivenRowsTests
{
    private static PipelineFile Pipeline(int parallelism = 1) => PipelineFile.Parse($$""""
        pipeline {
          name = p
          sources.t {
            topic = t, schema = "at TIMESTAMP NOT NULL, k STRING, x INT", event-time { column = at, out-of-orderness = 0s, idle-timeout = infinite, max-ahead = infinite }
            rules { positive = "x > 0" }
          }
          sources.u { topic = u, schema = "at TIMESTAMP NOT NULL, k STRING, x INT", event-time { column = at, idle-timeout = infinite, max-ahead = infinite } }
          sql = """
            INSERT INTO minutes SELECT window_end, k, count(*) AS n, sum(x) AS s FROM TUMBLE(t, at, INTERVAL '1' MINUTE) GROUP BY window_end, k;
            INSERT INTO slides SELECT window_end, count(*) AS n FROM HOP(t, at, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE) GROUP BY window_end;
            INSERT INTO passed SELECT k, 10 / (x - 5) AS y FROM t;
            INSERT INTO others SELECT k, x FROM u
          """
          sinks { minutes { topic = minutes }, slides { topic = slides }, passed { topic = passed }, others { topic = others } }
          parallelism = {{parallelism}}
        }
        """", "p.conf");

    private static string Row(int minute, string k, int x, int second = 0) => $$"""{"at":"2026-01-01T00:{{minute:00}}:{{second:00}}Z","k":"{{k}}","x":{{x}}}""";

    private static string Minute(int end, string k, int n, int s) => $$"""{"window_end":"2026-01-01T00:{{end:00}}:00Z","k":"{{k}}","n":{{n}},"s":{{s}}}""";

    private static string Slide(int end, int n) => $$"""{"window_end":"2026-01-01T00:{{end:00}}:00Z","n":{{n}}}""";

    /// <summary>Both partitions of both topics have come to minute 10: windows that ended by then are closed.</summary>
    private static async Task<RedriveLab> AtTenAsync(int parallelism, int batchRows = Batch.DefaultRows)
    {
        var lab = new RedriveLab(Pipeline(parallelism), batchRows);
        foreach (var topic in new[] { "t", "u" })
            foreach (var partition in new[] { 0, 1 }) lab.Feed(topic, partition, Row(10, "live", 1));
        lab.Start();
        await lab.SettleAsync();
        return lab;
    }

    [Theory]
    [InlineData(1, 1000)]
    [InlineData(1, 1)]
    [InlineData(2, 1000)]
    public async Task An_open_window_counts_them_and_for_a_closed_one_they_are_late(int parallelism, int batchRows)
    {
        await using var lab = await AtTenAsync(parallelism, batchRows);
        lab.Redrive("t", null, 1, Row(10, "open", 2));
        lab.Redrive("t", null, 0, Row(9, "between", 3, second: 30));
        lab.Redrive("t", null, 1, Row(3, "closed", 4));
        // Far ahead of everything: it moves no watermark.
        lab.Redrive("t", null, 1, Row(30, "ahead", 6));
        await lab.SettleAsync();
        // Not that of the manifest before: an epoch that moves the watermark and nothing else is not written.
        var ten = new DateTimeOffset(2026, 1, 1, 0, 10, 0, TimeSpan.Zero);
        Assert.Equal(ten.ToUnixTimeMilliseconds() * 1000, lab.Last!.Sources["t"].Watermark);
        Assert.Equal(lab.Manifests[^2].Sources["t"].Partitions[1].Newest, lab.Last!.Sources["t"].Partitions[1].Newest);
        Assert.Equal(["t-0@101 late minutes redrive trace 1", "t-1@102 late minutes redrive trace 2", "t-1@102 late slides redrive trace 2"], lab.Sides("p.late"));
        await lab.FinishAsync();
        Assert.Equal([Minute(11, "live", 2, 2), Minute(11, "open", 1, 2), Minute(31, "ahead", 1, 6)], lab.Rows("minutes"));
        // The sliding window up to minute 10 is closed, the one up to 11 counts the row of 9:30.
        Assert.Equal([Slide(11, 4), Slide(12, 3), Slide(31, 1), Slide(32, 1)], lab.Rows("slides"));
        Assert.Equal(new ConservationLine(6, 0, 4, 0, 2, 0, 0), lab.Sums("minutes"));
        Assert.Equal(new ConservationLine(6, 0, 5, 0, 1, 0, 0), lab.Sums("slides"));
        Assert.Equal(6, lab.Rows("passed").Count);
        Assert.Equal(2, lab.Rows("others").Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task They_go_into_the_insert_that_failed_them_and_into_no_other(int parallelism)
    {
        await using var lab = await AtTenAsync(parallelism);
        lab.Redrive("t", "passed", 1, Row(10, "mended", 6));
        lab.Redrive("t", "minutes", 1, Row(10, "again", 7));
        // These fail again: before the fork, and in the INSERT itself.
        lab.Redrive("t", "passed", 0, Row(10, "rule", 0));
        lab.Redrive("t", "passed", 0, Row(10, "expression", 5));
        lab.Redrive("t", "passed", 0, "no json");
        await lab.SettleAsync();
        Assert.Equal(["""{"k":"live","y":-2}""", """{"k":"live","y":-2}""", """{"k":"mended","y":10}"""], lab.Rows("passed"));
        Assert.Collection(lab.Sides("p.dlq"), d => Assert.StartsWith("t-0@102 rule passed not true", d, StringComparison.Ordinal),
            d => Assert.StartsWith("t-0@103 expression passed ", d, StringComparison.Ordinal),
            d => Assert.StartsWith("t-0@104 decode passed ", d, StringComparison.Ordinal));
        await lab.FinishAsync();
        Assert.Equal([Minute(11, "again", 1, 7), Minute(11, "live", 2, 2)], lab.Rows("minutes"));
        Assert.Equal(new ConservationLine(6, 0, 3, 0, 0, 3, 0), lab.Sums("passed"));
        Assert.Equal(new ConservationLine(3, 0, 3, 0, 0, 0, 0), lab.Sums("minutes"));
        Assert.Equal(new ConservationLine(2, 0, 2, 0, 0, 0, 0), lab.Sums("slides"));
    }

    [Fact]
    public async Task Each_source_takes_its_own_and_what_is_nones_is_a_dead_letter_again()
    {
        await using var lab = await AtTenAsync(1);
        lab.Redrive("u", null, 1, Row(1, "mine", 2));
        lab.Redrive("gone", null, 1, Row(1, "nobody's", 2));
        lab.Redrive("t", "removed", 0, Row(1, "nowhere", 2));
        lab.Redrive("t", "others", 0, Row(1, "elsewhere", 2));
        lab.RedriveRaw("by hand", []);
        await lab.SettleAsync();
        Assert.Equal(3, lab.Rows("others").Count);
        Assert.Equal(
        [
            "gone-1@101 sink * it was redriven, but the pipeline has no source 'gone' any more trace 1",
            "p.redrive-0@4 sink * no redriven record: it lacks the header streamengine.redrive.version\n  dead letters go into this topic by ./engine dlq redrive",
            "t-0@102 sink removed it was redriven, but the pipeline has no INSERT INTO removed from t any more trace 2",
            "t-0@103 sink others it was redriven, but the pipeline has no INSERT INTO others from t any more trace 3",
        ], lab.Sides("p.dlq"));
        Assert.All(lab.Manifests.SelectMany(m => m.Inserts.Values), l => Assert.True(l.Holds, l.ToString()));
        Assert.All(lab.Last!.Sources.Values, s => Assert.Equal(5, s.Redrive!.Offset));
    }

    [Theory]
    [InlineData(2, true)]
    [InlineData(5, false)]
    public async Task A_source_is_not_removed_before_it_has_read_what_was_redriven_for_it(long offset, bool isRefused)
    {
        var file = PipelineFile.Parse("""
            pipeline {
              name = p
              sources.t { topic = t, schema = "x INT" }
              sql = "INSERT INTO out SELECT x FROM t"
              sinks.out { topic = out }
            }
            """, "p.conf");
        var log = new MemoryLog();
        log.Create("p.redrive", 1);
        var last = new EpochManifest
        {
            Pipeline = "hash", Slot = 0, Incarnation = 1, Epoch = 1, At = DateTimeOffset.UnixEpoch, Inserts = new Dictionary<string, ConservationLine>(),
            State = new StatePositions([], 0),
            Sources = new Dictionary<string, SourcePosition>
            {
                ["t"] = new("t", "t", 0, new Dictionary<int, PartitionPosition>()) { Redrive = new RedrivePosition("p.redrive", 0, 5) },
                ["u"] = new("u", "u", 0, new Dictionary<int, PartitionPosition>()) { Redrive = new RedrivePosition("p.redrive", 0, offset) },
            },
        };
        using var scope = new MemoryScope();
        var opening = RedriveRuns.OpenAsync(new MemoryConnectors(log, 10, TimeProvider.System), file.Definition, file.Plan, null, last, scope, NullLogger.Instance,
            CancellationToken.None);
        if (!isRefused)
        {
            await (await opening).DisposeAsync();
            return;
        }
        var refused = await Assert.ThrowsAsync<StartupException>(() => opening);
        Assert.StartsWith("source 'u' is not in the pipeline any more", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Max_ahead_is_judged_by_the_original_timestamp()
    {
        var text = PipelineFile.Parse("""
            pipeline {
              name = p
              sources.t { topic = t, schema = "at TIMESTAMP NOT NULL", event-time { column = at, max-ahead = 1h } }
              sql = "INSERT INTO out SELECT window_end, count(*) AS n FROM TUMBLE(t, at, INTERVAL '1' MINUTE) GROUP BY window_end"
              sinks.out { topic = out }
            }
            """, "p.conf");
        await using var lab = new RedriveLab(text);
        lab.Start();
        lab.Redrive("t", null, 0, """{"at":"1970-01-01T02:00:00Z"}""", timestamp: 3_600_000);
        lab.Redrive("t", null, 0, """{"at":"1970-01-01T02:00:01Z"}""", timestamp: 3_600_000);
        await lab.SettleAsync();
        Assert.StartsWith("t-0@101 event-time *", Assert.Single(lab.Sides("p.dlq")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_crash_at_any_step_counts_each_of_them_once(int parallelism)
    {
        await using var lab = await AtTenAsync(parallelism, batchRows: 1);
        for (var i = 0; i < 30; i++)
        {
            lab.Redrive("t", i % 3 == 0 ? "minutes" : null, i % 2, Row(10, "r", 1));
            if (i % 5 == 4) lab.Crash();
            if (i % 7 == 6) await lab.SettleAsync();
        }
        await lab.SettleAsync();
        lab.Crash();
        await lab.SettleAsync();
        await lab.FinishAsync();
        Assert.Equal([Minute(11, "live", 2, 2), Minute(11, "r", 30, 30)], lab.Rows("minutes"));
        Assert.Equal(22, lab.Rows("passed").Count);
        Assert.Equal(32, lab.Sums("minutes").In);
    }
}
