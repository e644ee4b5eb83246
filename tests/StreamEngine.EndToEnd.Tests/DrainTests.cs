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
            await scene.Loader.SendRestAsync();
            scene.Loader.Finish();
            await scene.HasAllAsync(second);
            await scene.DrainAsync(second);
            await scene.CheckAsync();
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
}
