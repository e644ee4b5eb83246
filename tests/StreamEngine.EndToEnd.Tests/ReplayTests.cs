using System.Text.Json;
using StreamEngine.EndToEnd.Tests.Flights;
using StreamEngine.EndToEnd.Tests.Suite;
using Xunit.Abstractions;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>A replay gives what the live run gave, touches nothing of it, goes on after kill -9, and can be promoted or cancelled.</summary>
public class ReplayTests(ITestOutputHelper output)
{
    private static readonly string[] Range = ["--from", "2001-01-02", "--to", "2001-01-04T06:00:00Z"];

    /// <summary>Runs the live pipeline over all rows, with pauses in which every partition becomes idle, so that rows are late for idleness.</summary>
    private static async Task RunLiveAsync(FlightScene scene, int pauses)
    {
        var engine = scene.StartEngine();
        await scene.IsReadyAsync(engine);
        for (var i = 0; i < pauses; i++)
        {
            await scene.Loader.SendAsync(scene.Loader.Total / (pauses + 1), TimeSpan.FromSeconds(0.5));
            await Task.Delay(1_200);
        }
        await scene.Loader.SendRestAsync();
        scene.Loader.Finish();
        var ends = await scene.Cluster.EndsAsync(scene.Cluster.Partitions("flights"));
        await scene.WaitUntilReadAsync(engine, ends.ToDictionary(e => e.Key.Partition.Value, e => e.Value.Stable));
        await scene.DrainAsync(engine);
    }

    [Fact]
    public async Task A_replay_equals_the_live_run_and_touches_nothing_of_it()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed: 11, Rows: 60_000, Days: 5), FlightPipeline.Text(idle: "600ms"));
        try
        {
            await RunLiveAsync(scene, pauses: 3);
            Assert.Contains(scene.Reader.Of(FlightPipeline.Late), r => r.Header("streamengine.reason") == "idle");
            var before = await FlightScene.EndsAsync(scene.Cluster);
            var random = new Random(3);
            for (var kill = 0; kill < 4; kill++)
            {
                await using var replay = scene.Start("replay", ["replay", "start", "FILE", .. Range]);
                await Task.Delay(random.Next(400, 1800));
                if (replay.HasExited) break;
                await replay.KillAsync();
                scene.Tell("the replay was killed");
            }
            var (code, text) = await scene.CommandAsync(["replay", "start", "FILE", .. Range, "--diff", "--json"]);
            Assert.True(code == 0, text);
            var diffs = text.Split('\n').Where(l => l.StartsWith("{\"sink\"", StringComparison.Ordinal)).Select(l => JsonDocument.Parse(l).RootElement)
                .ToDictionary(d => d.GetProperty("sink").GetString()!);
            Assert.Equal(["delayed", "hourly", "routes"], diffs.Keys.Order());
            Assert.All(diffs.Values, d => Assert.True(d.GetProperty("equal").GetInt64() > 100, d.ToString()));
            var status = JsonDocument.Parse((await scene.CommandAsync("replay", "status", "FILE", "--json")).Output).RootElement;
            Assert.True(status.GetProperty("finished").GetBoolean());
            Assert.Equal(status.GetProperty("of").GetInt64(), status.GetProperty("records").GetInt64());
            var (refused, why) = await scene.CommandAsync("replay", "promote", "FILE");
            Assert.Equal(1, refused);
            Assert.Contains("sink hourly appends", why, StringComparison.Ordinal);
            var (elsewhere, other) = await scene.CommandAsync("replay", "start", "FILE", "--from", "2001-01-02", "--to", "2001-01-03");
            Assert.Equal(1, elsewhere);
            Assert.Contains("writes into 'shadow' already", other, StringComparison.Ordinal);
            Assert.Equal(before, await FlightScene.EndsAsync(scene.Cluster));
        }
        finally
        {
            output.WriteLine(scene.Story);
        }
    }

    [Fact]
    public async Task A_mended_pipeline_is_promoted_once()
    {
        var text = FlightPipeline.Upserts();
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed: 12, Rows: 6_000, Days: 5), text);
        await RunLiveAsync(scene, pauses: 0);
        scene.Change(text.Replace("delay BETWEEN -120 AND 2000", "delay BETWEEN 0 AND 10000", StringComparison.Ordinal));
        var (differs, differences) = await scene.CommandAsync(["replay", "start", "FILE", .. Range, "--diff", "--json"]);
        Assert.Equal(1, differs);
        var diff = JsonDocument.Parse(differences.Split('\n').First(l => l.StartsWith("{\"sink\":\"hourly\"", StringComparison.Ordinal))).RootElement;
        // Hours with early flights alone are gone, and most others count fewer.
        Assert.True(diff.GetProperty("only_live").GetInt64() > 0 && diff.GetProperty("changed").GetInt64() > 0, diff.ToString());
        var tooMuch = await scene.CommandAsync("replay", "promote", "FILE", "--set", "promote.max-bytes=2KiB");
        Assert.Equal(1, tooMuch.Code);
        Assert.Contains("promote.max-bytes", tooMuch.Output, StringComparison.Ordinal);
        var (promoted, how) = await scene.CommandAsync("replay", "promote", "FILE");
        Assert.True(promoted == 0, how);
        Assert.DoesNotContain("\n0 rows promoted", how, StringComparison.Ordinal);
        var (same, equal) = await scene.CommandAsync("replay", "diff", "FILE");
        Assert.True(same == 0, equal);
        var (again, nothing) = await scene.CommandAsync("replay", "promote", "FILE");
        Assert.True(again == 0, nothing);
        Assert.Contains("0 rows promoted", nothing, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_replay_does_not_come_back()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed: 13, Rows: 120_000, Days: 5));
        await RunLiveAsync(scene, pauses: 0);
        await using var replay = scene.Start("replay", ["replay", "start", "FILE", .. Range, "--set", "commit-interval=50ms"]);
        await Patience.UntilAsync(() => replay.HasExited || replay.Output.Contains("runs from epoch", StringComparison.Ordinal), "the replay to run", () => replay.Tail);
        // Claim, first manifest, and the marker of each transaction.
        var epochs = scene.Cluster.Partitions(scene.Cluster.Topics()
            .Where(t => t.Contains(".replay.", StringComparison.Ordinal) && t.EndsWith(".epochs", StringComparison.Ordinal)));
        while ((await scene.Cluster.EndsAsync(epochs)).Values.Single().Stable < 4) Assert.False(replay.HasExited, replay.Tail);
        replay.Pause();
        var (cancelled, why) = await scene.CommandAsync("replay", "cancel", "FILE");
        Assert.True(cancelled == 0, why);
        replay.Continue();
        var code = await replay.WaitForExitAsync();
        Assert.True(code == 3, replay.Tail);
        var left = scene.Cluster.Topics().Where(t => t.Contains("replay", StringComparison.Ordinal) || t.StartsWith("shadow", StringComparison.Ordinal));
        Assert.Empty(left);
    }
}
