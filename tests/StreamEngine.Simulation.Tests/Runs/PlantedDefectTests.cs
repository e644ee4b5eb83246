using System.Text.RegularExpressions;
using StreamEngine.Simulation.Campaigns;
using StreamEngine.Simulation.Planted;
using StreamEngine.Simulation.Runs;
using Xunit.Abstractions;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>The simulation finds defects: each of the planted ones within 200 seeds, by what such a defect does and not by a run that hangs.</summary>
public class PlantedDefectTests(ITestOutputHelper output)
{
    private const string TooMany = @"^\S+: \d+ rows are missing \(.*\) and [1-9]\d* are too many";
    private const string Missing = @"^\S+: [1-9]\d* rows are missing";

    [Theory]
    [InlineData(PlantedDefect.OffsetsOutside, TooMany)]
    [InlineData(PlantedDefect.OvertakenBarrier, Missing)]
    [InlineData(PlantedDefect.MissedFence, TooMany)]
    [InlineData(PlantedDefect.OldSnapshot, "rows are not conserved in epoch")]
    [InlineData(PlantedDefect.ReopenedWindow, TooMany)]
    [InlineData(PlantedDefect.FailingSource, "^no fault explains this error: .*KeyNotFoundException")]
    public void A_planted_defect_is_found(object defect, string by)
    {
        var subject = new CampaignSubject { Planted = (PlantedDefect)defect };
        var found = Enumerable.Range(1, 200).Select(seed => ScenarioRun.Run((ulong)seed, subject)).FirstOrDefault(o => o.Wrong.Any(w => Regex.IsMatch(w, by)));
        Assert.NotNull(found);
        output.WriteLine($"{defect}: found by seed {found.Scenario.Options.Seed}: {found.Wrong.First(w => Regex.IsMatch(w, by))}");
        // And by nothing else: the same seed without it passes.
        Assert.Empty(ScenarioRun.Run(found.Scenario.Options.Seed, new CampaignSubject()).Wrong);
    }

    [Fact]
    public void A_run_without_faults_in_which_something_fails_is_wrong()
    {
        var input = FlightsScenario.Input(7, 200);
        var (good, failing) = (Run(PlantedDefect.None), Run(PlantedDefect.FailingSource));
        Assert.Empty(RunChecks.FaultFree(good, _ => input.Count));
        // Its rows are right in the end.
        Assert.Empty(RunChecks.SameRows(failing, good, FlightsScenario.Topics));
        Assert.Contains(RunChecks.FaultFree(failing, _ => input.Count), w => w.StartsWith("1 processes and 1 restarts", StringComparison.Ordinal));

        SimulationResult Run(PlantedDefect planted) =>
            PipelineSimulation.Run([FlightsScenario.Pipeline(1)], input, new SimulationOptions { Seed = 1, Planted = planted });
    }
}
