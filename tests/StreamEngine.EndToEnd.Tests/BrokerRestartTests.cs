using StreamEngine.EndToEnd.Tests.Flights;
using StreamEngine.EndToEnd.Tests.Suite;
using Xunit.Abstractions;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>
/// The broker dies under a running worker, inside a transaction or between two, and comes back: the same process goes on, and nothing is lost or doubled.
/// </summary>
public class BrokerRestartTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_worker_lives_through_restarts_of_the_broker()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var scene = await FlightScene.CreateAsync(broker, new FlightPlan(Seed: 21, Rows: 12_000, Days: 3));
        try
        {
            var engine = scene.StartEngine();
            await scene.IsReadyAsync(engine);
            for (var round = 0; round < 2; round++)
            {
                var sending = scene.Loader.SendAsync(4_000, TimeSpan.FromSeconds(2));
                await scene.WaitAsync(engine, () => scene.Reader.Count("flights.delayed") > 500 * (round + 1), "rows to come");
                await broker.KillAsync();
                scene.Tell("the broker was killed");
                await sending;
                await broker.RestartAsync();
                scene.Tell("the broker is back");
            }
            await scene.CompleteAsync(engine);
        }
        finally
        {
            output.WriteLine(scene.Story);
        }
    }
}
