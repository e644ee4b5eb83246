using StreamEngine.EndToEnd.Tests.Flights;
using StreamEngine.EndToEnd.Tests.Suite;
using Xunit.Abstractions;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>Two processes of one pipeline: the later one takes over, the earlier one wakes, writes nothing, and says who replaced it.</summary>
public class FenceTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_process_that_wakes_after_its_successor_took_over_ends_with_3_and_writes_nothing()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await RunAsync(broker);
    }

    [SkippableFact]
    public async Task On_real_Kafka_too()
    {
        await using var broker = await RealKafka.StartAsync();
        await RunAsync(broker);
    }

    [Fact]
    public async Task A_worker_that_waits_for_rows_learns_of_its_successor_and_keeps_the_broker_that_it_hosts()
    {
        using var folder = new TemporaryFolder();
        var bootstrap = $"127.0.0.1:{Ports.Free()}";
        var pipeline = folder.Write("flights.conf", FlightPipeline.Text("create { partitions = 4 }"));
        var (ready, second) = (folder.File("ready-1"), folder.File("ready-2"));
        await using var first = ChildProcess.Engine("engine 1", folder.Path, "run", pipeline, "--embedded", "--bootstrap", bootstrap, "--data", folder.File("data"),
            "--ready-file", ready);
        await Patience.UntilAsync(() => first.HasExited || File.Exists(ready), "the first to run", () => first.Tail);
        await using var successor = ChildProcess.Engine("engine 2", folder.Path, "run", pipeline, "--bootstrap", bootstrap, "--ready-file", second);
        await Patience.UntilAsync(() => successor.HasExited || File.Exists(second), "the second to run", () => successor.Tail);
        await Patience.UntilAsync(() => first.HasExited || first.Output.Contains("the embedded broker stays until", StringComparison.Ordinal), "the first to learn of it",
            () => first.Tail);
        Assert.Contains($"was fenced by incarnation 2, process {successor.Id} on {Environment.MachineName}", first.Output, StringComparison.Ordinal);
        Assert.False(first.HasExited, first.Tail);
        successor.Terminate();
        Assert.True(await successor.WaitForExitAsync() == 0, successor.Tail);
        first.Terminate();
        Assert.True(await first.WaitForExitAsync() == 3, first.Tail);
    }

    private async Task RunAsync(TestBroker broker)
    {
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed: 8, Rows: 9_000, Days: 2));
        try
        {
            var zombie = scene.StartEngine();
            await scene.IsReadyAsync(zombie);
            var sending = scene.Loader.SendAsync(3_000, TimeSpan.FromMilliseconds(500));
            await scene.WaitAsync(zombie, () => scene.Reader.Count("flights.hourly") > 20, "windows to close");
            zombie.Pause();
            scene.Tell("engine 1 stopped by SIGSTOP");
            await sending;

            var successor = scene.StartEngine();
            await scene.IsReadyAsync(successor);
            await scene.Loader.SendRestAsync();
            scene.Loader.Finish();
            await scene.HasAllAsync(successor);
            // The successor comes to rest: whatever is written from here on is the zombie's.
            await scene.RestAsync();
            var before = await FlightScene.EndsAsync(scene.Cluster);

            zombie.Continue();
            scene.Tell("engine 1 goes on");
            var code = await zombie.WaitForExitAsync();
            scene.Tell($"engine 1 ended with {code}");
            Assert.True(code == 3, $"exit code {code} instead of 3\n{scene.State}");
            Assert.Contains("was fenced by incarnation 2", zombie.Output, StringComparison.Ordinal);
            Assert.Contains($"process {successor.Id} on {Environment.MachineName}", zombie.Output, StringComparison.Ordinal);

            await scene.IsUntouchedAsync(before, "the zombie");
            scene.IsAlive(successor);
            await scene.DrainAsync(successor);
            await scene.CheckAsync();
        }
        finally
        {
            output.WriteLine(scene.Story);
        }
    }
}
