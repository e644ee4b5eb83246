using System.Diagnostics;
using System.Text.RegularExpressions;
using StreamEngine.EndToEnd.Tests.Flights;
using StreamEngine.EndToEnd.Tests.Suite;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>What a person meets at the start: clear errors in bounded time, the ready file, the broker in the same process.</summary>
public class StartupTests
{
    [Fact]
    public async Task A_missing_topic_is_named_with_what_to_do()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        using var folder = new TemporaryFolder();
        var ready = folder.File("ready");
        var pipeline = folder.Write("flights.conf", FlightPipeline.Text());
        await using var engine = ChildProcess.Engine("engine", folder.Path, "run", pipeline, "--bootstrap", broker.Bootstrap, "--ready-file", ready);
        Assert.Equal(1, await engine.WaitForExitAsync());
        Assert.Contains($"""
            topic 'flights' does not exist on {broker.Bootstrap}
              create it:                    ./engine topic create flights --partitions 4 --bootstrap {broker.Bootstrap}
              or let the pipeline do it:    sources.flights.create
            """, engine.Output, StringComparison.Ordinal);
        Assert.Contains("sources.flights.create { partitions = 4 }", engine.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(ready), "the ready file was made although nothing runs");
        // It is found before anything is written.
        using var cluster = new Cluster(broker.Bootstrap);
        Assert.Empty(cluster.Partitions(FlightPipeline.Epochs, FlightPipeline.State, FlightPipeline.DeadLetters));
    }

    [Fact]
    public async Task Without_a_broker_the_engine_says_so_and_ends_within_a_minute()
    {
        using var folder = new TemporaryFolder();
        var bootstrap = $"127.0.0.1:{Ports.Free()}";
        await using var engine = ChildProcess.Engine("engine", folder.Path, "run", folder.Write("flights.conf", FlightPipeline.Text()), "--bootstrap", bootstrap);
        Assert.Equal(1, await engine.WaitForExitAsync(TimeSpan.FromSeconds(60)));
        Assert.Contains($"no broker answers on {bootstrap}", engine.Output, StringComparison.Ordinal);
        Assert.Contains("--bootstrap HOST:PORT", engine.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Embedded_hosts_the_broker_in_the_same_process_and_its_data_outlives_it()
    {
        using var folder = new TemporaryFolder();
        var bootstrap = $"127.0.0.1:{Ports.Free()}";
        var flights = FlightInput.Generate(new FlightPlan(Seed: 9, Rows: 2_000, Days: 1));
        var expected = new FlightOracle(flights);
        var pipeline = folder.Write("flights.conf", FlightPipeline.Text("create { partitions = 4 }"));
        for (var start = 1; start <= 2; start++)
        {
            var ready = folder.File($"ready-{start}");
            string[] arguments = ["run", pipeline, "--embedded", "--bootstrap", bootstrap, "--data", folder.File("data"), "--ready-file", ready];
            await using var engine = ChildProcess.Engine($"engine {start}", folder.Path, arguments);
            await Patience.UntilAsync(() => engine.HasExited || File.Exists(ready), "the engine to run", () => engine.Tail);
            Assert.False(engine.HasExited, engine.Tail);
            Assert.Equal($"{engine.Id}", (await File.ReadAllTextAsync(ready)).Trim());
            using var cluster = new Cluster(bootstrap);
            if (start == 1)
            {
                using var loader = new FlightLoader(bootstrap, flights);
                await loader.SendRestAsync();
                loader.Finish();
            }
            using (var reader = new CommittedReader(bootstrap, cluster.Partitions([.. FlightPipeline.Outputs, FlightPipeline.DeadLetters, FlightPipeline.Late])))
            {
                await Patience.UntilAsync(() => expected.IsReachedBy(reader), "all expected rows", () => $"{reader.State}\n{engine.Tail}");
                Assert.Empty(CommittedOutput.Compare(expected, reader.Of));
            }
            engine.Terminate();
            Assert.True(await engine.WaitForExitAsync() == 0, engine.Tail);
        }
    }

    [SkippableFact]
    public async Task A_demo_that_is_killed_leaves_no_worker_behind()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "processes are looked up in /proc");
        using var folder = new TemporaryFolder();
        // What it leaves when it is killed goes with the folder: a test of another process looks whether its own demo has left something in the usual place.
        await using var demo = ChildProcess.Engine("demo", folder.Path, new Dictionary<string, string> { ["TMPDIR"] = folder.Path }, "demo");
        // The demo kills a worker itself, and starts another one: whichever is there.
        IReadOnlyList<string> workers = [];
        await Patience.UntilAsync(() => demo.HasExited || (Regex.IsMatch(demo.Output, @"worker \d+ runs") && (workers = WorkersIn(folder)).Count > 0),
            "the demo's worker", () => demo.Tail);
        Assert.True(workers.Count > 0, demo.Tail);
        await demo.KillAsync();
        await Patience.UntilAsync(() => (workers = WorkersIn(folder)).Count == 0, "its worker to end", () => $"alive: {string.Join(", ", workers)}");
    }

    /// <summary>
    /// The processes that work in a demo's folder within this one. One that is gone works nowhere, and neither does one that nobody has reaped yet, as may be where its
    /// parent is gone.
    /// </summary>
    private static IReadOnlyList<string> WorkersIn(TemporaryFolder folder) => [.. Directory.EnumerateDirectories("/proc")
        .Where(p => new FileInfo($"{p}/cwd").LinkTarget?.Contains($"{Path.GetFileName(folder.Path)}/streamengine-demo-", StringComparison.Ordinal) is true)];

    [Fact]
    public async Task A_topic_that_was_deleted_and_created_again_is_refused()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed: 10, Rows: 500, Days: 1));
        await scene.Loader.SendRestAsync();
        scene.Loader.Finish();
        var first = scene.StartEngine();
        await scene.HasAllAsync(first);
        await scene.DrainAsync(first);
        var before = await FlightScene.EndsAsync(scene.Cluster);
        await scene.Cluster.DeleteAsync(FlightPipeline.Name);
        await scene.Cluster.CreateAsync((FlightPipeline.Name, 4));

        var second = scene.StartEngine();
        Assert.Equal(1, await second.WaitForExitAsync());
        Assert.Contains("topic 'flights' was deleted and created again since epoch", second.Output, StringComparison.Ordinal);
        Assert.Contains("to start the pipeline anew", second.Output, StringComparison.Ordinal);
        var after = await FlightScene.EndsAsync(scene.Cluster);
        // The incarnation that looked has put its claim; nothing else was written.
        Assert.All(before.Where(b => b.Key.Topic is not (FlightPipeline.Name or FlightPipeline.Epochs)), b => Assert.Equal(b.Value, after[b.Key]));
        Assert.DoesNotContain(after, e => e.Value.Stable != e.Value.High);
    }
}
