using System.Diagnostics;
using StreamEngine.EndToEnd.Tests.Flights;
using StreamEngine.EndToEnd.Tests.Suite;
using Xunit.Abstractions;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>SIGTERM ends the engine in order: what was read is committed, open windows stay, and the next start goes on with them.</summary>
public class DrainTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_drain_leaves_windows_open_and_the_next_start_goes_on_with_them()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed: 5, Rows: 8_000, Days: 2));
        try
        {
            var first = scene.StartEngine();
            await scene.IsReadyAsync(first);
            await scene.Loader.SendAsync(4_000, TimeSpan.FromSeconds(1));
            await scene.WaitAsync(first, () => scene.Reader.Count("flights.hourly") > 50, "windows to close");
            await scene.DrainAsync(first);
            var half = Manifests.Of(await scene.EpochsAsync())[^1];
            foreach (var insert in new[] { "hourly", "routes" })
            {
                var held = Manifests.Long(half.GetProperty("inserts").GetProperty(insert), "heldAfter");
                Assert.True(held > 0, $"no row of {insert} is held by an open window after the drain: {half}");
            }
            var closed = scene.Reader.Count("flights.hourly");
            Assert.True(closed < scene.Expected.Rows["flights.hourly"].Count, "every window is closed: the drain was taken for the end of the data");

            var second = scene.StartEngine();
            await scene.IsReadyAsync(second);
            await scene.CompleteAsync(second);
        }
        finally
        {
            output.WriteLine(scene.Story);
        }
    }

    [Fact]
    public async Task A_drain_right_at_the_start_and_with_nothing_to_do_ends_in_order()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed: 6, Rows: 500, Days: 1));
        await scene.Loader.SendRestAsync();
        scene.Loader.Finish();
        var first = scene.StartEngine();
        await scene.IsReadyAsync(first);
        await scene.DrainAsync(first);
        var second = scene.StartEngine();
        await scene.IsReadyAsync(second);
        await scene.HasAllAsync(second);
        await scene.DrainAsync(second);
        var third = scene.StartEngine();
        await scene.IsReadyAsync(third);
        await scene.DrainAsync(third);
        await scene.CheckAsync();
    }

    [Fact]
    public async Task A_drain_whose_epoch_an_outage_of_the_broker_has_broken_ends_with_1_says_so_and_loses_nothing()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        // The drain alone ends an epoch, however long the broker takes to come back: one that time ends finds the broken epoch first, and the drain a whole one.
        var pipeline = $"{FlightPipeline.Text().Replace("commit-interval = 100ms", "commit-interval = 5m", StringComparison.Ordinal)}\nkafka.transaction-timeout = 15m";
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed: 7, Rows: 8_000, Days: 2), pipeline);
        try
        {
            var first = scene.StartEngine();
            await scene.IsReadyAsync(first);
            await scene.Loader.SendAsync(4_000, TimeSpan.Zero);
            scene.Loader.Finish();
            var outputs = scene.Cluster.Partitions(FlightPipeline.Outputs);
            for (var waited = Stopwatch.StartNew(); !(await scene.Cluster.EndsAsync(outputs)).Values.Any(e => e.Stable < e.High); await Task.Delay(20))
                Assert.True(scene.IsAlive(first) && waited.Elapsed < Patience.Usual, scene.State);
            await broker.KillAsync();
            // By the client that writes: what it has not committed by then it does not commit any more.
            await scene.WaitAsync(first, () => first.Output.Contains($"none of the brokers on {broker.Bootstrap} can be reached: what was not committed is read again",
                StringComparison.Ordinal), "the outage to be noticed");
            await broker.RestartAsync();
            await scene.WaitAsync(first, () => first.Output.Contains("answers again", StringComparison.Ordinal), "the broker to be back");
            first.Terminate();
            var code = await first.WaitForExitAsync();
            scene.Tell($"ended with {code}");
            Assert.True(code == 1, $"exit code {code} instead of 1\n{scene.State}");
            Assert.Contains("pipeline flights: it was asked to end, and failed before its last epoch was committed: ", first.Output, StringComparison.Ordinal);
            Assert.Contains("nothing is lost: the next start reads again what came behind the last committed epoch", first.Output, StringComparison.Ordinal);

            scene.Change(FlightPipeline.Text());
            var second = scene.StartEngine();
            await scene.IsReadyAsync(second);
            await scene.CompleteAsync(second);
        }
        finally
        {
            output.WriteLine(scene.Story);
        }
    }
}
