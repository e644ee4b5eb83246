using StreamEngine.EndToEnd.Tests.Flights;
using StreamEngine.EndToEnd.Tests.Suite;
using Xunit.Abstractions;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>The engine, and at times the broker, killed at random moments: a reader of committed records beside it sees exactly the expected rows.</summary>
public class KillTests(ITestOutputHelper output)
{
    // Another seed repeats another run: ENGINE_SEED=.. ./engine test --filter KillTests
    private static readonly int Seed = int.TryParse(Environment.GetEnvironmentVariable("ENGINE_SEED"), out var seed) ? seed : Random.Shared.Next(1, 1_000_000);

    [Fact]
    public async Task Ten_kills_on_the_embedded_broker_change_nothing_that_is_committed()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await RunAsync(broker, rounds: 10, rows: 30_000, brokerKills: [3, 7]);
    }

    [SkippableFact]
    public async Task Three_kills_on_real_Kafka_change_nothing_that_is_committed()
    {
        await using var broker = await RealKafka.StartAsync();
        await RunAsync(broker, rounds: 3, rows: 20_000, brokerKills: []);
    }

    private async Task RunAsync(TestBroker broker, int rounds, int rows, int[] brokerKills)
    {
        output.WriteLine($"seed {Seed}");
        await using var run = await KillRun.StartAsync(broker, Seed, rows);
        try
        {
            for (var round = 0; round < rounds; round++) await run.RoundAsync(rows / rounds, killBroker: brokerKills.Contains(round));
            await run.CompleteAsync();
        }
        catch (Exception e) when (e is not SkipException)
        {
            throw new InvalidOperationException($"seed {Seed}: {e.Message}\n{run.State}", e);
        }
        finally
        {
            output.WriteLine(run.Story);
        }
    }
}
