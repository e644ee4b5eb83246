using StreamEngine.Simulation.Campaigns;
using StreamEngine.Simulation.Runs;

namespace StreamEngine.Simulation.Tests.Runs;

public class DamagedStateTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_restore_that_reads_a_damaged_record_goes_back_to_the_snapshot_before(int seed)
    {
        var input = FlightsScenario.Input(7, 700);
        var file = FlightsScenario.Pipeline(1, "commit-interval=30ms");
        // Many epochs of few rows: whole snapshots come after so many deltas.
        var feed = new FeedPlan { Rows = 3, Pause = TimeSpan.FromMilliseconds(70) };
        var free = PipelineSimulation.Run([file], input, new SimulationOptions { Seed = (ulong)seed, Feed = feed });
        Assert.NotEmpty(free.Manifests[^1].State.Full);
        // Up to its blows the same seed gives the same run.
        Blow[] blows = [new(1, BlowKind.DamageState), new(free.BusySteps * 97 / 100, seed == 1 ? BlowKind.Kill : BlowKind.Crash)];
        var run = PipelineSimulation.Run([file], input, new SimulationOptions { Seed = (ulong)seed, Feed = feed, Blows = blows });
        Assert.Equal(1, run.Network.Damaged);
        Assert.Empty(RunChecks.Compare(run, free, FlightsScenario.Topics, input.Count));
    }
}
