using StreamEngine.EndToEnd.Tests.Flights;
using StreamEngine.EndToEnd.Tests.Suite;
using Xunit.Abstractions;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>History read at full speed. Kafka Streams 4.3 with an hour of grace dropped 74% of such rows from a topic of four uneven partitions.</summary>
public class HistoryTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_preloaded_topic_of_four_uneven_partitions_loses_nothing_as_late()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        // Three months in which every partition keeps its order within the hour; the smallest has 2% of the rows.
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed: 2001, Rows: 60_000, Days: 90) { Weights = [70, 20, 8, 2], LateEvery = 0 });
        try
        {
            await scene.Loader.SendRestAsync();
            scene.Loader.Finish();
            scene.Tell("loaded");
            Assert.Empty(scene.Expected.Late);
            var engine = scene.StartEngine();
            await scene.HasAllAsync(engine);
            await scene.DrainAsync(engine);
            Assert.Equal(0, scene.Reader.Count(FlightPipeline.Late));
            await scene.CheckAsync();
        }
        finally
        {
            output.WriteLine(scene.Story);
        }
    }
}
