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

    [Fact]
    public void Snapshots_follow_each_other_and_what_lies_before_them_is_deleted()
    {
        var input = FlightsScenario.Input(7, 1600);
        var file = FlightsScenario.Pipeline(1, "commit-interval=30ms");
        var free = PipelineSimulation.Run([file], input, new SimulationOptions { Seed = 1000 });
        var options = new SimulationOptions { Seed = 3, Feed = new FeedPlan { Rows = 3, Pause = TimeSpan.FromMilliseconds(70) } };
        var whole = PipelineSimulation.Run([file], input, options);
        Assert.Equal(2, whole.Manifests[^1].State.Full.Count);
        Assert.True(whole.Topics["flights.state"][0][0].Offset > 0, "nothing was deleted");
        var run = PipelineSimulation.Run([file], input,
            options with { Blows = [new(whole.BusySteps * 6 / 10, BlowKind.Kill), new(whole.BusySteps * 95 / 100, BlowKind.DamageState),
            new(whole.BusySteps * 95 / 100 + 1, BlowKind.Kill)] });
        Assert.Empty(RunChecks.Compare(whole, free, FlightsScenario.Topics, input.Count));
        Assert.Empty(RunChecks.Compare(run, free, FlightsScenario.Topics, input.Count));
    }
}
