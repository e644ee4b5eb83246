using System.Globalization;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Redrive;
using StreamEngine.Plan.Physical;
using StreamEngine.Sql.Planning;
using StreamEngine.Streams;

namespace StreamEngine.Pipelines;

/// <summary>
/// All of it in one graph: two sources, a user's own stage behind one of them, and INSERTs with and without an exchange of both, on any number of lanes, through a crash.
/// What comes out is what plain loops over the rows give.
/// </summary>
public sealed class SeveralInsertsTests
{
    private const string Bad = "bad";
    private static readonly string[] Inserts = ["hourly", "strong", "shifts", "copies"];

    public sealed record Reading(long Number, DateTime At, string Name, int Size);

    public sealed record Doubled(long Number, DateTime At, string Name, int Twice);

    private static async Task<Doubled> Twice(Reading reading)
    {
        await Task.Yield();
        if (reading.Name == Bad) throw new InvalidDataException("no such name");
        return new Doubled(reading.Number, reading.At, reading.Name, reading.Size * 2);
    }

    private static PipelineFile File(int lanes)
    {
        var definition = Pipeline.Create("together")
            .Source("left", s => s.Kafka("left").Json<Reading>().EventTime("at", outOfOrderness: TimeSpan.FromMinutes(5)))
            .Source("right", s => s.Kafka("right").Json<Reading>().EventTime("at"))
            .Via("doubled", "left", Records.SelectAsync<Reading, Doubled>(parallelism: 4, Twice))
            .Sink("hourly", s => s.Kafka("hourly").Json().Key("name"))
            .Sink("strong", s => s.Kafka("strong").Json().Key("name"))
            .Sink("shifts", s => s.Kafka("shifts").Json().Key("name"))
            .Sink("copies", s => s.Kafka("copies").Json().Key("name"))
            .Sql("""
                INSERT INTO hourly SELECT window_start, name, count(*) AS n, sum(twice) AS total FROM TUMBLE(doubled, at, INTERVAL '1' HOUR) GROUP BY window_start, name;
                INSERT INTO strong SELECT number, name, twice FROM doubled WHERE twice >= 100;
                INSERT INTO shifts SELECT window_start, name, count(*) AS n FROM TUMBLE(right, at, INTERVAL '6' HOUR) GROUP BY window_start, name;
                INSERT INTO copies SELECT number, name FROM right WHERE size < 50
                """)
            .Parallelism(lanes).Definition;
        return new PipelineFile(definition, PhysicalPlanner.Plan(definition, SqlPlanner.Plan), PipelineFile.Defaults());
    }

    /// <summary>Of each partition in order of time: none is late. All within a day, of which the lab's records are.</summary>
    private static List<(string Topic, int Partition, Reading Row)> Rows()
    {
        var random = new Random(11);
        var at = DateTime.UnixEpoch;
        return [.. Enumerable.Range(0, 900).Select(i => (random.Next(2) == 0 ? "left" : "right", random.Next(2), new Reading(i, at.AddSeconds(i * 90),
            random.Next(12) is var name and > 0 ? $"k{name}" : Bad, random.Next(100))))];
    }

    private static void Feed(RedriveLab lab, IEnumerable<(string Topic, int Partition, Reading Row)> rows)
    {
        foreach (var (topic, partition, row) in rows)
            lab.Feed(topic, partition, $$"""{"number":{{row.Number}},"at":"{{Time(row.At)}}","name":"{{row.Name}}","size":{{row.Size}}}""");
    }

    private static string Time(DateTime time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static IEnumerable<string> Sorted(IEnumerable<string> rows) => rows.Order(StringComparer.Ordinal);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Two_sources_a_stage_and_four_inserts_write_what_plain_loops_do(int lanes)
    {
        var rows = Rows();
        await using var lab = new RedriveLab(File(lanes), batchRows: 16);
        lab.Start();
        Feed(lab, rows.Take(300));
        await lab.SettleAsync();
        // Windows are open, and of these rows some are read and none is committed.
        Assert.True(lab.Last!.Inserts["hourly"].HeldAfter > 0);
        Feed(lab, rows.Skip(300).Take(300));
        lab.Crash();
        await lab.SettleAsync();
        Feed(lab, rows.Skip(600));
        await lab.FinishAsync();
        Assert.Equal(2, lab.Manifests.Select(m => m.Incarnation).Distinct().Count());

        var left = rows.Where(r => r.Topic == "left").Select(r => r.Row).ToList();
        var right = rows.Where(r => r.Topic == "right").Select(r => r.Row).ToList();
        var good = left.Where(r => r.Name != Bad).ToList();
        Assert.Equal(Sorted(good.GroupBy(r => (Hour: r.At.Date.AddHours(r.At.Hour), r.Name)).Select(g =>
            $$"""{"window_start":"{{Time(g.Key.Hour)}}","name":"{{g.Key.Name}}","n":{{g.Count()}},"total":{{g.Sum(r => r.Size * 2)}}}""")), lab.Rows("hourly"));
        Assert.Equal(Sorted(good.Where(r => r.Size >= 50).Select(r => $$"""{"number":{{r.Number}},"name":"{{r.Name}}","twice":{{r.Size * 2}}}""")), lab.Rows("strong"));
        Assert.Equal(Sorted(right.GroupBy(r => (Start: r.At.Date.AddHours(r.At.Hour / 6 * 6), r.Name)).Select(g =>
            $$"""{"window_start":"{{Time(g.Key.Start)}}","name":"{{g.Key.Name}}","n":{{g.Count()}}}""")), lab.Rows("shifts"));
        Assert.Equal(Sorted(right.Where(r => r.Size < 50).Select(r => $$"""{"number":{{r.Number}},"name":"{{r.Name}}"}""")), lab.Rows("copies"));
        Assert.Equal(left.Count - good.Count, lab.Rows("together.dlq").Count);
        Assert.Empty(lab.Rows("together.late"));
        Conserved(lab, left.Count, good.Count, right.Count);
    }

    private static void Conserved(RedriveLab lab, int left, int good, int right)
    {
        Assert.All(lab.Manifests, m => Assert.All(m.Inserts.Values, l => Assert.True(l.Holds, l.ToString())));
        foreach (var (before, after) in lab.Manifests.Zip(lab.Manifests.Skip(1)))
            Assert.All(after.Inserts, l => Assert.Equal(before.Inserts[l.Key].HeldAfter, l.Value.HeldBefore));
        Assert.Equal([good, good, right, right], Inserts.Select(i => (int)lab.Sums(i).In));
        // The stage's line ends with what its function did and with what it threw on; the lines behind it begin with what it gave.
        Assert.Equal(new ConservationLine(left, 0, good, 0, 0, left - good, 0), lab.Sums("doubled"));
        Assert.All(Inserts, i => Assert.Equal((lab.Sums(i).In, 0), (lab.Sums(i).Done + lab.Sums(i).Filtered, lab.Sums(i).HeldAfter)));
    }
}
