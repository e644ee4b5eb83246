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
    public void A_row_is_expected_once_its_window_has_closed_and_once_only()
    {
        var oracle = new SoakOracle(Path.Combine(Repository.Root, "data", "flights.ndjson"), 4);
        // 100 rows to a minute of event time: the first hour ends, and another one passes for those out of order.
        var fed = 0;
        foreach (var _ in oracle.Feed(() => fed < 3 * 6000)) fed++;
        Assert.Equal(3 * 6000, oracle.Fed);
        Assert.Equal(180, oracle.Dirty);
        Assert.True(oracle.Missing > oracle.Dirty, "no window has closed");
        foreach (var row in oracle.Some)
        {
            Assert.True(oracle.TrySee(row));
            Assert.False(oracle.TrySee(row));
        }
        Assert.False(oracle.TrySee(SoakOracle.HourText("2001-01-01T00 DTW 1 2 3")));
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
