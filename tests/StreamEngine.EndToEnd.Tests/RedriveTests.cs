using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using StreamEngine.EndToEnd.Tests.Flights;
using StreamEngine.EndToEnd.Tests.Suite;
using Xunit.Abstractions;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>
/// Dead letters of several stages are fixed and redriven while commands and pipeline are killed: each one counts once, and a replay counts those that came late.
/// </summary>
public class RedriveTests(ITestOutputHelper output)
{
    private const string Topic = "flights.redrive";
    private const string Distance = "rule = 'positive-distance'";

    private static string[] Redrive(string filter, string? fix) =>
        ["dlq", "redrive", "FILE", "--filter", filter, "--json", .. fix is null ? Array.Empty<string>() : ["--fix", fix]];

    private static long Number(string json, string name) => JsonDocument.Parse(json.Split('\n').First(l => l.StartsWith('{'))).RootElement.GetProperty(name).GetInt64();

    private static async Task<long> RedrivenAsync(FlightScene scene, string filter, string? fix)
    {
        var (code, text) = await scene.CommandAsync(Redrive(filter, fix));
        Assert.True(code == 0, text);
        return Number(text, "redriven");
    }

    private static async Task<IReadOnlyList<SeenRecord>> RecordsAsync(FlightScene scene) =>
        await CommittedReader.ReadAllAsync(scene.Broker.Bootstrap, scene.Cluster, Topic);

    /// <summary>Waits until the pipeline has committed everything of the redrive topic.</summary>
    private static async Task IsReadAsync(FlightScene scene, ChildProcess engine)
    {
        var end = (await scene.Cluster.EndsAsync(scene.Cluster.Partitions(Topic))).Values.Single().Stable;
        var waited = Stopwatch.StartNew();
        while (true)
        {
            var last = Manifests.Of(await scene.EpochsAsync())[^1].GetProperty("sources").GetProperty("flights");
            if (last.TryGetProperty("redrive", out var redrive) && redrive.GetProperty("offset").GetInt64() >= end) return;
            Assert.True(scene.IsAlive(engine) && waited.Elapsed < Patience.Usual, scene.State);
            await Task.Delay(100);
        }
    }

    [Fact]
    public async Task Each_dead_letter_counts_once_whatever_is_killed_and_the_replay_counts_the_late_ones()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await EachCountsOnceAsync(broker);
    }

    [SkippableFact]
    public async Task On_real_Kafka_each_dead_letter_counts_once_too()
    {
        await using var broker = await RealKafka.StartAsync();
        await EachCountsOnceAsync(broker);
    }

    private async Task EachCountsOnceAsync(TestBroker broker)
    {
        var plan = new FlightPlan(Seed: 21, Rows: 20_000, Days: 4) { DirtyEvery = 10 };
        var flights = FlightInput.Generate(plan);
        var open = flights.Take(plan.Rows).ToList();
        await using var scene = await FlightScene.CreateAsync(broker, plan);
        try
        {
            var engine = scene.StartEngine();
            await scene.IsReadyAsync(engine);
            // All but the rows that close every window.
            await scene.Loader.SendAsync(plan.Rows, TimeSpan.Zero);
            scene.Loader.Finish();
            await scene.WaitUntilReadAsync(engine, open.GroupBy(f => f.Partition).ToDictionary(g => g.Key, g => (long)g.Count()));
            var before = new FlightOracle(open);

            var (dry, plans) = await scene.CommandAsync([.. Redrive(Distance, "distance = 1"), "--dry-run"]);
            Assert.True(dry == 0, plans);
            var distance = open.Where(f => f.Rule == "positive-distance").ToList();
            Assert.Equal(distance.Count, Number(plans, "redriven"));
            Assert.Empty(await RecordsAsync(scene));
            await KillAsync(scene);
            await engine.KillAsync();
            scene.Tell("the engine was killed");
            var (one, two) = (scene.Start("one", Redrive(Distance, "distance = 1")), scene.Start("two", Redrive(Distance, "distance = 1")));
            engine = scene.StartEngine();
            foreach (var process in new[] { one, two }) scene.Tell($"one of two at once: {await process.WaitForExitAsync()} {process.Tail}");
            await RedrivenAsync(scene, Distance, "distance = 1");
            Assert.Equal(0, await RedrivenAsync(scene, Distance, "distance = 1"));
            Assert.Equal(distance.Count, (await RecordsAsync(scene)).Count);
            await IsReadAsync(scene, engine);

            // For one INSERT alone.
            var odd = open.Where(f => f.Refused is null && f.Delay == 100).ToList();
            Assert.Equal(odd.Count + distance.Count(f => f.Delay == 100), await RedrivenAsync(scene, "letter.insert = 'delayed'", "delay = 120"));
            var soon = open.Where(f => f.Value is not null && System.Text.Encoding.UTF8.GetString(f.Value).Contains("\"soon\"", StringComparison.Ordinal)).ToList();
            Assert.Equal(soon.Count, await RedrivenAsync(scene, "stage = 'contract' AND payload LIKE '%soon%'", "delay = 20"));
            // These fail again, and are new dead letters.
            await IsReadAsync(scene, engine);
            var deadLetters = scene.Reader.Count(FlightPipeline.DeadLetters);
            var broken = await RedrivenAsync(scene, "payload IS NULL", null);
            Assert.Equal(open.Count(f => f.Value is null), broken);
            await IsReadAsync(scene, engine);
            await scene.WaitAsync(engine, () => scene.Reader.Count(FlightPipeline.DeadLetters) >= deadLetters + broken, "the new dead letters");

            var records = await RecordsAsync(scene);
            var letter = "streamengine.redrive.letter";
            Assert.Equal(records.Count, records.Select(r => (r.Header($"{letter}.partition"), r.Header($"{letter}.offset"))).Distinct().Count());
            await scene.Loader.SendRestAsync();
            scene.Loader.Finish();
            await scene.WaitUntilReadAsync(engine, flights.GroupBy(f => f.Partition).ToDictionary(g => g.Key, g => (long)g.Count()));
            await scene.WaitAsync(engine, () => scene.Reader.Count("flights.hourly") > 0, "hours");
            await scene.DrainAsync(engine);
            var written = scene.Cluster.Partitions([.. FlightPipeline.Outputs, FlightPipeline.DeadLetters, FlightPipeline.Late]);
            await scene.Reader.PassAsync(await scene.Cluster.EndsAsync(written));
            List<Flight> windowed = [.. distance, .. soon];
            CheckLate(scene, before, windowed);
            CheckDelayed(scene, distance, odd, soon);
            CheckHours(scene, before, windowed);
            await CheckLinesAsync(scene, windowed, odd.Count + distance.Count(f => f.Delay == 100), broken, flights.Count);
            await CheckReplayAsync(scene, windowed);
        }
        finally
        {
            output.WriteLine(scene.Story);
        }
    }

    /// <summary>Kills redrives of some letters each: two as they start, three as their records come into the topic, whether committed by then or not.</summary>
    private static async Task KillAsync(FlightScene scene)
    {
        var random = new Random(5);
        for (var kill = 0; kill < 5; kill++)
        {
            var before = await EndAsync(scene);
            await using var process = scene.Start("redrive", [.. Redrive(Distance, "distance = 1"), "--max", "20"]);
            if (kill < 2) await Task.Delay(random.Next(300, 1200));
            for (var waited = Stopwatch.StartNew(); kill >= 2 && !process.HasExited && await EndAsync(scene) == before;)
                Assert.True(waited.Elapsed < Patience.Usual, process.Tail);
            if (process.HasExited) continue;
            await process.KillAsync();
            scene.Tell($"a redrive was killed, {before} to {await EndAsync(scene)}");
        }
    }

    /// <summary>The end of the redrive topic, open transactions included; 0 before there is one.</summary>
    private static async Task<long> EndAsync(FlightScene scene)
    {
        var partitions = scene.Cluster.Partitions(Topic);
        return partitions.Count == 0 ? 0 : (await scene.Cluster.EndsAsync(partitions)).Values.Single().High;
    }

    private static bool IsClosed(FlightOracle before, Flight flight, int size) => flight.Minute / 60 * 60 + size <= before.Watermark;

    private static void CheckLate(FlightScene scene, FlightOracle before, List<Flight> windowed)
    {
        var late = scene.Reader.Of(FlightPipeline.Late).Where(r => r.Header("streamengine.reason") == "redrive").ToList();
        string Place(Flight f, string insert) => $"{f.Partition}@{f.Offset} {insert}";
        var expected = windowed.Where(f => IsClosed(before, f, 60)).Select(f => Place(f, "hourly"))
            .Concat(windowed.Where(f => IsClosed(before, f, 360)).Select(f => Place(f, "routes"))).Order();
        Assert.Equal(expected, late.Select(r => $"{r.Header("__streams.errors.partition")}@{r.Header("__streams.errors.offset")} {r.Header("streamengine.insert")}").Order());
        // Both cases are there.
        Assert.InRange(late.Count(r => r.Header("streamengine.insert") == "hourly"), 1, windowed.Count - 1);
        Assert.Equal(scene.Expected.Late.Count, scene.Reader.Count(FlightPipeline.Late) - late.Count);
    }

    private static void CheckDelayed(FlightScene scene, List<Flight> distance, List<Flight> odd, List<Flight> soon)
    {
        var rows = scene.Reader.Of("flights.delayed").Select(r => JsonDocument.Parse(r.Text).RootElement)
            .Select(r => $"{r.GetProperty("id").GetInt32()} {r.GetProperty("delay").GetInt32()} {r.GetProperty("odd").GetInt32()}").Order();
        string Row(Flight f, int delay) => $"{f.Id} {delay} {1000 / (delay - 100)}";
        var ordinary = scene.Expected.Rows["flights.delayed"]
            .Select(r => r.Split(' ').Select(p => p.Split('=')).Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1]))
            .Select(r => $"{r["id"]} {r["delay"]} {r["odd"]}");
        var redriven = distance.Where(f => f.Delay is > 15 and not 100).Select(f => Row(f, f.Delay)).Concat(soon.Select(f => Row(f, 20)))
            .Concat(odd.Concat(distance.Where(f => f.Delay == 100)).Select(f => Row(f, 120)));
        Assert.Equal(ordinary.Concat(redriven).Order(), rows);
    }

    private static long Flights(IEnumerable<SeenRecord> hours) => hours.Sum(r => JsonDocument.Parse(r.Text).RootElement.GetProperty("flights").GetInt64());

    private static long Expected(FlightScene scene) => scene.Expected.Rows["flights.hourly"]
        .Sum(r => long.Parse(r[(r.IndexOf(" flights=", StringComparison.Ordinal) + 9)..].Split(' ')[0], CultureInfo.InvariantCulture));

    private static void CheckHours(FlightScene scene, FlightOracle before, List<Flight> windowed) =>
        Assert.Equal(Expected(scene) + windowed.Count(f => !IsClosed(before, f, 60)), Flights(scene.Reader.Of("flights.hourly")));

    private static async Task CheckLinesAsync(FlightScene scene, List<Flight> windowed, int odd, long broken, int rows)
    {
        var manifests = Manifests.Of(await scene.EpochsAsync());
        long In(string insert) => manifests.Sum(m => Manifests.Long(m.GetProperty("inserts").GetProperty(insert), "in"));
        Assert.Equal(rows + windowed.Count + broken, In("hourly"));
        Assert.Equal(rows + windowed.Count + broken, In("routes"));
        Assert.Equal(rows + windowed.Count + broken + odd, In("delayed"));
        foreach (var line in manifests.SelectMany(m => m.GetProperty("inserts").EnumerateObject()).Select(l => l.Value))
            Assert.Equal(Manifests.Long(line, "in") + Manifests.Long(line, "heldBefore"),
                new[] { "done", "filtered", "late", "deadLettered", "heldAfter" }.Sum(n => Manifests.Long(line, n)));
    }

    private static async Task CheckReplayAsync(FlightScene scene, List<Flight> windowed)
    {
        var (code, text) = await scene.CommandAsync("replay", "start", "FILE", "--from", "2000-12-30", "--to", "2001-01-05T12:00:00Z", "--diff", "--json");
        Assert.True(code == 1, text);
        foreach (var line in text.Split('\n').Where(l => l.StartsWith("{\"sink\"", StringComparison.Ordinal)))
        {
            var diff = JsonDocument.Parse(line).RootElement;
            var differ = diff.GetProperty("only_live").GetInt64() + diff.GetProperty("only_replayed").GetInt64() + diff.GetProperty("changed").GetInt64();
            Assert.Equal(differ, diff.GetProperty("redriven_windows").EnumerateArray().Sum(w => w.GetProperty("rows").GetInt64()));
            Assert.Equal(diff.GetProperty("sink").GetString() != "delayed", differ > 0);
        }
        var replayed = await CommittedReader.ReadAllAsync(scene.Broker.Bootstrap, scene.Cluster, "shadow.flights.hourly");
        Assert.Equal(Expected(scene) + windowed.Count, Flights(replayed));
        var (again, _) = await scene.CommandAsync("replay", "start", "FILE", "--from", "2000-12-30", "--to", "2001-01-05T12:00:00Z");
        Assert.Equal(0, again);
    }
}
