using StreamEngine.Cli.Soak;
using StreamEngine.Cli.Tests.Suite;

namespace StreamEngine.Cli.Tests.Soak;

[Collection(ConsoleCollection.Name)]
public sealed class SoakTests
{
    [Fact]
    public async Task A_short_campaign_ends_with_a_verdict_and_leaves_nothing_behind()
    {
        var before = Directory.GetDirectories(Path.GetTempPath(), "streamengine-soak-*");
        var (code, output, error) = await Suite.Cli.RunAsync("soak", "--minutes", "0.2", "--faults", "kill,broker,proxy", "--seed", "5", "--rate", "1000");
        Assert.True(code == ExitCodes.Done, output + error);
        Assert.Contains("seed 5, 0.2 minutes, 1,000 flights a second, faults: kill, broker, proxy", output);
        Assert.Contains("1 kill", output);
        Assert.Contains("0 missing", output);
        Assert.Contains("nothing was lost, nothing was doubled", output);
        Assert.Empty(Directory.GetDirectories(Path.GetTempPath(), "streamengine-soak-*").Except(before));
    }

    [Fact]
    public async Task Faults_of_the_own_broker_are_refused_on_a_cluster_that_was_named()
    {
        var (code, _, error) = await Suite.Cli.RunAsync("soak", "--minutes", "0.1", "--faults", "kill,broker", "--bootstrap", "127.0.0.1:1");
        Assert.Equal(ExitCodes.Failed, code);
        Assert.Contains("'broker' is a fault of the campaign's own broker", error);
    }

    [Fact]
    public async Task An_unknown_fault_is_wrong_usage()
    {
        var (code, _, error) = await Suite.Cli.RunAsync("soak", "--faults", "kill,flood");
        Assert.Equal(ExitCodes.Usage, code);
        Assert.Contains("kill,term,stop,pause,broker,proxy", error);
    }

    [Fact]
    public void What_fails_says_how_to_run_it_again_with_all_that_was_given()
    {
        var options = new SoakOptions(TimeSpan.FromMinutes(0.125), [SoakFault.Stop, SoakFault.Kill], 7, 300, "127.0.0.1:1");
        Assert.Equal("./engine soak --minutes 0.125 --faults stop,kill --seed 7 --rate 300 --bootstrap 127.0.0.1:1", options.Command);
        Assert.Equal("./engine soak --minutes 10 --faults none --seed 7 --rate 2000", new SoakOptions(TimeSpan.FromMinutes(10), [], 7, 2000, null).Command);
    }

    private static SoakOracle Fed(int rows)
    {
        var oracle = new SoakOracle(Path.Combine(Repository.Root, "data", "flights.ndjson"), 4);
        var fed = 0;
        foreach (var _ in oracle.Feed(() => fed < rows)) fed++;
        Assert.Equal(fed, oracle.Fed);
        return oracle;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(6000)]
    // A spoilt one is the first and the last of those that close the windows.
    [InlineData(6033)]
    [InlineData(6026)]
    public void The_last_rows_close_every_window_of_the_others(int rows)
    {
        var oracle = Fed(rows);
        Assert.Equal(rows + 8, oracle.Fed);
        Assert.InRange(oracle.Held, 7, 8);
        var dead = Enumerable.Range(0, rows + 8).Count(i => i % 100 == 33 + i / 100 % 4);
        Assert.Equal(dead, oracle.Dirty);
        // Each clean one but the last ones counts in an hour that has to come.
        Assert.Equal(rows + 8 - dead - oracle.Held, oracle.Some(int.MaxValue).Where(r => r.Place.Sink == "hourly").Sum(r => long.Parse(r.Value.Split(' ')[0])));
        Assert.Equal(dead, oracle.Some(int.MaxValue).Count(r => r.Place.Sink == "dead letter"));
    }

    [Fact]
    public void The_last_window_of_the_last_hour_closes_too()
    {
        // An hour and a half of rows that begin up to an hour later: the last ones depart in the third hour, and count for 24 hours.
        var rows = Fed(9000).Some(int.MaxValue);
        Assert.Equal(new DateTime(2001, 1, 1, 2, 0, 0, DateTimeKind.Utc), rows.Where(r => r.Place.Sink == "hourly").Max(r => r.Place.Window));
        Assert.Equal(new DateTime(2001, 1, 2, 2, 0, 0, DateTimeKind.Utc), rows.Where(r => r.Place.Sink == "routes").Max(r => r.Place.Window));
    }

    [Fact]
    public void A_row_is_right_once_and_told_apart_when_it_differs_comes_twice_or_was_not_expected()
    {
        var oracle = Fed(3 * 6000);
        var missing = oracle.Missing;
        var rows = oracle.Some(int.MaxValue);
        Assert.Equal(missing, rows.Count);
        SoakRow First(string sink) => rows.First(r => r.Place.Sink == sink);
        var (hour, route, letter) = (First("hourly"), First("routes"), First("dead letter"));
        foreach (var row in new[] { hour, route, letter })
        {
            Assert.Null(oracle.See(row));
            Assert.Equal($"comes twice: {row}", oracle.See(row));
        }
        Assert.Equal(missing - 3, oracle.Missing);
        var other = hour with { Value = "1 flights, average delay 2, worst 3" };
        Assert.Equal($"comes twice, and differs: {other}, where {hour.Value} came before", oracle.See(other));
        var next = rows.Where(r => r.Place.Sink == "hourly").ElementAt(1);
        other = next with { Value = other.Value };
        Assert.Equal($"differs: {other}, and it has to be {next.Value}", oracle.See(other));
        Assert.Equal(missing - 4, oracle.Missing);
        var nobody = SoakRow.Hour(new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc), "no airport", 1, 2, 3);
        Assert.Equal("is one that nobody expects: hourly 2001-01-01T00 no airport: 1 flights, average delay 2, worst 3", oracle.See(nobody));
        Assert.DoesNotContain(oracle.Some(int.MaxValue), r => r == hour || r == route || r == letter || r == next);
    }

    [Fact]
    public void The_slope_of_memory_is_taken_within_processes()
    {
        var memory = new MemorySeries();
        for (var seconds = 0; seconds < 600; seconds += 5)
        {
            // A second process begins anew, as high as the first one; each loses 10 MB an hour.
            var (process, age) = (seconds / 300, seconds % 300);
            memory.Add(process, seconds, 100 + age / 360.0);
        }
        Assert.Equal(10, memory.Slope!.Value, 3);
        Assert.Equal(100, memory.First);
        memory.Add(1, 700, null);
        Assert.Equal(100 + 295 / 360.0, memory.Last, 3);
    }
}
