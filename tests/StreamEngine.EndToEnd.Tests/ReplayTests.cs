using System.Diagnostics;
using System.Text.Json;
using StreamEngine.EndToEnd.Tests.Flights;
using StreamEngine.EndToEnd.Tests.Suite;
using Xunit.Abstractions;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>A replay gives what the live run gave, touches nothing of it, goes on after kill -9, and can be promoted or cancelled.</summary>
public class ReplayTests(ITestOutputHelper output)
{
    private static readonly string[] Range = ["--from", "2001-01-02", "--to", "2001-01-04T06:00:00Z"];

    /// <summary>The partition with the fewest rows.</summary>
    private const int Quiet = 3;

    /// <summary>Runs the live pipeline over all rows.</summary>
    private static async Task RunLiveAsync(FlightScene scene)
    {
        var engine = scene.StartEngine();
        await scene.IsReadyAsync(engine);
        await FinishLiveAsync(scene, engine);
    }

    /// <summary>
    /// The same with partitions that fall idle: one of them for a quarter of the rows, while the others go on for more than a day, then all of them. What the one brings
    /// when it wakes is late, and nothing but its idleness says so.
    /// </summary>
    private static async Task RunIdleAsync(FlightScene scene)
    {
        var engine = scene.StartEngine();
        await scene.IsReadyAsync(engine);
        var quarter = scene.Loader.Total / 4;
        await scene.Loader.SendAsync(quarter, TimeSpan.FromSeconds(0.5));
        scene.Loader.Quieten(Quiet);
        await scene.Loader.SendAsync(quarter, TimeSpan.FromSeconds(0.5));
        await IsIdleAsync(scene, engine);
        scene.Loader.Wake();
        await scene.Loader.SendAsync(quarter, TimeSpan.FromSeconds(0.5));
        await Task.Delay(1_200);
        await FinishLiveAsync(scene, engine);
    }

    /// <summary>Waits until the quiet partition does not hold the windows of the others open any more: the watermark goes on without it.</summary>
    private static async Task IsIdleAsync(FlightScene scene, ChildProcess engine)
    {
        var morning = new DateTimeOffset(2001, 1, 3, 9, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds() * 1000;
        for (var waited = Stopwatch.StartNew(); ; await Task.Delay(50))
        {
            var last = Manifests.Of(await scene.EpochsAsync()).LastOrDefault();
            if (last.ValueKind == JsonValueKind.Object && last.GetProperty("sources").GetProperty("flights").TryGetProperty("watermark", out var at)
                && at.GetInt64() > morning) break;
            Assert.True(scene.IsAlive(engine) && waited.Elapsed < Patience.Usual, $"the watermark does not go on without the quiet partition: {last}\n{scene.State}");
        }
        scene.Tell("it is idle");
    }

    private static async Task FinishLiveAsync(FlightScene scene, ChildProcess engine)
    {
        await scene.Loader.SendRestAsync();
        scene.Loader.Finish();
        var ends = await scene.Cluster.EndsAsync(scene.Cluster.Partitions("flights"));
        await scene.WaitUntilReadAsync(engine, ends.ToDictionary(e => e.Key.Partition.Value, e => e.Value.Stable));
        await scene.DrainAsync(engine);
    }

    /// <summary>Rows of the partition that was quiet which are late for its idleness, of hours within the range.</summary>
    private static int LateForIdleness(FlightScene scene) => scene.Reader.Of(FlightPipeline.Late).Count(r => r.Header("streamengine.reason") == "idle"
        && r.Header("streamengine.insert") == "hourly" && r.Header("__streams.errors.partition") == $"{Quiet}"
        && (r.Text.Contains("\"2001/01/02 ", StringComparison.Ordinal) || r.Text.Contains("\"2001/01/03 ", StringComparison.Ordinal)));

    [Fact]
    public async Task A_replay_equals_the_live_run_and_touches_nothing_of_it()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed: 11, Rows: 60_000, Days: 5), FlightPipeline.Text(idle: "600ms"));
        try
        {
            await RunIdleAsync(scene);
            // A replay that leaves the idleness out counts them, and its hours are others.
            Assert.InRange(LateForIdleness(scene), 100, int.MaxValue);
            var before = await FlightScene.EndsAsync(scene.Cluster);
            var random = new Random(3);
            for (var kill = 0; kill < 4; kill++)
            {
                await using var replay = scene.Start("replay", ["replay", "start", "FILE", .. Range]);
                var moment = Task.Delay(random.Next(400, 1800));
                // A process that has not come as far as to log has perhaps not taken SIGTERM over yet, and ends by it.
                if (kill == 1) await Patience.UntilAsync(() => replay.HasExited || replay.Output.Length > 0, "the replay to log", () => replay.Tail);
                await moment;
                if (replay.HasExited) break;
                if (kill == 1)
                {
                    // Stopped, it has not done what was asked for.
                    replay.Terminate();
                    var stopped = await replay.WaitForExitAsync();
                    Assert.True(stopped == (replay.Output.Contains("records read", StringComparison.Ordinal) ? 0 : 1), replay.Tail);
                    continue;
                }
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
        await RunLiveAsync(scene);
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
        output.WriteLine(scene.Story);
    }

    /// <summary>
    /// Starts a replay and stops it once it has committed. The whole range takes it a few commit intervals, and a look at the broker may take this test as long: it
    /// runs for a moment, and stands while it is looked at. Null where the moment lasted to the last epoch all the same: that one is cancelled.
    /// </summary>
    private static async Task<ChildProcess?> StandingAsync(FlightScene scene)
    {
        var replay = scene.Start("replay", ["replay", "start", "FILE", .. Range, "--set", "commit-interval=50ms",
            // A record of a topic that is gone is given up within this time, not in half a minute.
            "--set", "kafka.transaction-timeout=5s"]);
        for (var waited = Stopwatch.StartNew(); ; await Task.Delay(10))
        {
            Assert.True(waited.Elapsed < Patience.Usual, replay.Tail);
            if (!replay.TryPause()) break;
            // Claim, first manifest, and the marker of each transaction.
            var epochs = scene.Cluster.Topics().Where(t => t.Contains(".replay.", StringComparison.Ordinal) && t.EndsWith(".epochs", StringComparison.Ordinal)).ToList();
            if (epochs.Count == 1 && (await scene.Cluster.EndsAsync(scene.Cluster.Partitions(epochs))).Values.Single().Stable >= 4)
            {
                var status = await scene.CommandAsync("replay", "status", "FILE", "--json");
                Assert.True(status.Code == 0, status.Output);
                if (JsonDocument.Parse(status.Output).RootElement.GetProperty("finished").GetBoolean()) break;
                return replay;
            }
            replay.Continue();
        }
        Assert.True(!replay.HasExited || replay.ExitCode == 0, replay.Tail);
        await replay.KillAsync();
        scene.Tell("the replay has finished unseen");
        var (cancelled, why) = await scene.CommandAsync("replay", "cancel", "FILE");
        Assert.True(cancelled == 0, why);
        return null;
    }

    [Fact]
    public async Task A_cancelled_replay_does_not_come_back()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed: 13, Rows: 240_000, Days: 5));
        await RunLiveAsync(scene);
        ChildProcess? standing = null;
        for (var tries = 1; standing is null; tries++)
        {
            Assert.True(tries <= 5, $"in {tries - 1} tries no replay stood before its end\n{scene.State}");
            standing = await StandingAsync(scene);
        }
        var replay = standing;
        scene.Tell("the replay has committed, and stands");
        var (cancelled, why) = await scene.CommandAsync("replay", "cancel", "FILE");
        Assert.True(cancelled == 0, why);
        replay.Continue();
        var code = await replay.WaitForExitAsync();
        scene.Tell($"it woke and ended with {code}");
        output.WriteLine(scene.Story);
        output.WriteLine(replay.Tail);
        Assert.True(code == 3, replay.Tail);
        var left = scene.Cluster.Topics().Where(t => t.Contains("replay", StringComparison.Ordinal) || t.StartsWith("shadow", StringComparison.Ordinal));
        // That the target is free again stands in a topic that stays.
        Assert.EndsWith(".replay.targets", Assert.Single(left), StringComparison.Ordinal);
    }
}
