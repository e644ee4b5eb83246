using StreamEngine.Simulation.Campaigns;
using StreamEngine.Simulation.Planted;
using Xunit.Abstractions;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>The simulation finds defects: each of the planted ones within 200 seeds.</summary>
public class PlantedDefectTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(PlantedDefect.OffsetsOutside)]
    [InlineData(PlantedDefect.OvertakenBarrier)]
    [InlineData(PlantedDefect.MissedFence)]
    [InlineData(PlantedDefect.OldSnapshot)]
    [InlineData(PlantedDefect.ReopenedWindow)]
    public void A_planted_defect_is_found(object defect)
    {
        var subject = new CampaignSubject { Planted = (PlantedDefect)defect };
        var failed = Campaign.Run(1, 200, subject);
        Assert.NotNull(failed);
        output.WriteLine($"{defect}: found by seed {failed.Scenario.Options.Seed}: {failed.Wrong[0]}");
        // And by nothing else: the same seed without it passes.
        Assert.Empty(ScenarioRun.Run(failed.Scenario.Options.Seed, new CampaignSubject()).Wrong);
    }
}
