using StreamEngine.Broker.Protocol;
using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Runs;
using StreamEngine.Simulation.Campaigns;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>Two workers of one slot alive at once: the later claim wins, the other one ends for good, and nothing is written twice.</summary>
public class TwoIncarnationsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_worker_that_is_alive_when_another_one_claims_its_slot_is_fenced(int seed)
    {
        var input = FlightsScenario.Input(7, 600);
        var file = FlightsScenario.Pipeline(1 + seed % 2 * 2);
        var free = PipelineSimulation.Run([file], input, new SimulationOptions { Seed = 1000 });
        var random = new Random(seed);
        var run = PipelineSimulation.Run([file], input,
            new SimulationOptions { Seed = (ulong)seed, Network = NetworkPlan.Rough with { LostRequests = 0, LostAnswers = 0 },
            Blows = [new(random.NextInt64(free.Steps / 4, free.Steps / 2), BlowKind.Twin)] });
        Assert.Equal(2, run.Processes);
        Assert.Empty(RunChecks.Compare(run, free, FlightsScenario.Topics, input.Count));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_process_that_stood_still_while_another_one_took_over_writes_nothing_when_it_wakes(int seed)
    {
        var input = FlightsScenario.Input(7, 400);
        var file = FlightsScenario.Pipeline(1 + seed % 2 * 2);
        var free = PipelineSimulation.Run([file], input, new SimulationOptions { Seed = 1000 });
        var random = new Random(seed);
        var run = PipelineSimulation.Run([file], input, new SimulationOptions
        {
            Seed = (ulong)seed,
            Network = NetworkPlan.Rough,
            Blows = [new(random.NextInt64(free.Steps / 4, free.Steps / 2), BlowKind.Freeze, random.Next(2) == 0 ? ApiKey.EndTxn : ApiKey.Produce,
                TimeSpan.FromSeconds(random.Next(1, 100)))],
        });
        Assert.True(run.Processes >= 2);
        Assert.Empty(RunChecks.Compare(run, free, FlightsScenario.Topics, input.Count));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_process_that_stood_still_between_claim_and_restore_takes_no_later_state_for_its_own(int seed)
    {
        var input = FlightsScenario.Input(7, 400);
        var file = FlightsScenario.Pipeline(1 + seed % 2 * 2, "commit-interval=200ms");
        var free = PipelineSimulation.Run([file], input, new SimulationOptions { Seed = 1000 });
        // The first transaction that ends after the kill is the claim of the next process.
        var run = PipelineSimulation.Run([file], input, new SimulationOptions
        {
            Seed = (ulong)seed,
            Blows = [new(free.BusySteps / 2, BlowKind.Kill), new(free.BusySteps / 2 + 1, BlowKind.Freeze, ApiKey.EndTxn, TimeSpan.FromMinutes(5))],
        });
        Assert.Contains(run.Story, s => s.Contains("process 1 ends: incarnation", StringComparison.Ordinal) && s.Contains("was fenced by", StringComparison.Ordinal));
        Assert.Empty(RunChecks.Compare(run, free, FlightsScenario.Topics, input.Count));
    }
}
