using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Planted;
using StreamEngine.Simulation.Runs;
using StreamEngine.Simulation.Scheduling;

namespace StreamEngine.Simulation.Campaigns;

/// <summary>What a scenario came to: its run with faults held against the one without.</summary>
/// <param name="Scenario">With its blows.</param>
/// <param name="Wrong">What is wrong; nothing for a run that is as it should be.</param>
/// <param name="Result">The run with faults; null where it did not come to an end.</param>
internal sealed record ScenarioOutcome(Scenario Scenario, IReadOnlyList<string> Wrong, SimulationResult? Result)
{
    public bool Passed => Wrong.Count == 0;
}

/// <summary>Runs scenarios and says what is wrong.</summary>
internal static class ScenarioRun
{
    /// <summary>The scenario of a seed, with blows.</summary>
    public static ScenarioOutcome Run(ulong seed, CampaignSubject subject) =>
        Run(ScenarioGenerator.Create(seed, subject), (scenario, free) => ScenarioGenerator.WithBlows(scenario, free.BusySteps));

    /// <summary>A scenario as it is, as shrinking makes it.</summary>
    public static ScenarioOutcome Run(Scenario scenario) => Run(scenario, static (same, _) => same);

    private static ScenarioOutcome Run(Scenario scenario, Func<Scenario, SimulationResult, Scenario> struck)
    {
        try
        {
            var free = PipelineSimulation.Run([scenario.Files[0]], scenario.Input, Free(scenario));
            // What all others are held against has to be right itself.
            var wrong = RunChecks.FaultFree(free, RowsOf(scenario, scenario.Input)).Select(w => $"without a fault: {w}").ToList();
            return wrong.Count > 0 ? new ScenarioOutcome(scenario, wrong, null) : Run(struck(scenario, free), free);
        }
        catch (SimulationException e)
        {
            return new ScenarioOutcome(scenario, [$"without a fault: {e.Message}"], null);
        }
    }

    private static ScenarioOutcome Run(Scenario scenario, SimulationResult free)
    {
        try
        {
            var run = PipelineSimulation.Run(scenario.Files, scenario.Input, scenario.Options);
            return new ScenarioOutcome(scenario, [.. Compare(scenario, run, free)], run);
        }
        catch (SimulationException e)
        {
            return new ScenarioOutcome(scenario, [e.Message], null);
        }
    }

    private static SimulationOptions Free(Scenario scenario) => scenario.Options with { Network = NetworkPlan.None, Blows = [], Planted = PlantedDefect.None };

    private static IEnumerable<string> Compare(Scenario scenario, SimulationResult run, SimulationResult free)
    {
        var wrong = RunChecks.Alone(run, RowsOf(scenario, scenario.Input)).Concat(LatenessOracle.Check(scenario, run));
        if (scenario.Idle is not { } idle) return [.. wrong, .. RunChecks.SameRows(run, free, scenario.Topics)];
        return [.. wrong, .. RunChecks.SameRows(run, free, scenario.Topics.Where(t => t != idle.WindowTopic && t != scenario.Files[0].Definition.LateTopic)),
            .. CompareWindows(scenario, idle, run)];
    }

    /// <summary>How many rows were written for each INSERT.</summary>
    private static Func<string, int> RowsOf(Scenario scenario, IReadOnlyList<InputRecord> input)
    {
        var rows = scenario.Files[0].Definition.Sources.ToDictionary(s => s.Name, s => input.Count(r => r.Topic == s.Topic));
        return insert => rows[scenario.Files[0].Plan.Inserts.First(i => i.Sink == insert).Source];
    }

    /// <summary>Windows of a run whose partitions fell idle: those of a run in which nothing is late, over the rows that were not late in this one.</summary>
    private static IEnumerable<string> CompareWindows(Scenario scenario, IdlePartitions idle, SimulationResult run)
    {
        var late = LatenessOracle.Late(scenario, run, scenario.Windows[0]).Select(l => l.Record).ToHashSet(ReferenceEqualityComparer.Instance);
        List<InputRecord> input = [.. scenario.Input.Where(r => !late.Contains(r))];
        var timely = PipelineSimulation.Run([idle.Patient], input, Free(scenario));
        return [.. RunChecks.FaultFree(timely, RowsOf(scenario, input)).Select(w => $"without late rows: {w}"), .. RunChecks.SameRows(run, timely, [idle.WindowTopic])];
    }
}
