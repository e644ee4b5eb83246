using StreamEngine.Simulation.Campaigns;
using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Runs;

namespace StreamEngine.Simulation.Tests.Runs;

public class DamagedStateTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_restore_that_reads_a_damaged_record_goes_back_to_the_snapshot_before(int seed)
    {
        var input = FlightsScenario.Input(7, 500);
        var file = FlightsScenario.Pipeline(1, "commit-interval=30ms");
        // Many epochs of few rows: whole snapshots come after so many deltas.
        var feed = new FeedPlan { Rows = 3, Pause = TimeSpan.FromMilliseconds(70) };
        var free = PipelineSimulation.Run([file], input, new SimulationOptions { Seed = 1000, Feed = feed });
        Assert.NotEmpty(free.Manifests[^1].State.Full);
        var late = free.BusySteps * 9 / 10;
        var run = PipelineSimulation.Run([file], input, new SimulationOptions { Seed = (ulong)seed, Feed = feed, Network = NetworkPlan.Rough with { LateAnswers = 0, LateRequests = 0 }, Blows = [new(late, BlowKind.DamageState), new(late + 10, seed == 1 ? BlowKind.Kill : BlowKind.Crash)] });
        Assert.Equal(1, run.Network.Damaged);
        Assert.Empty(RunChecks.Compare(run, free, FlightsScenario.Topics, input.Count));
    }
}
