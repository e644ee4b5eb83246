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
    public static ScenarioOutcome Run(ulong seed, CampaignSubject subject)
    {
        var scenario = ScenarioGenerator.Create(seed, subject);
        SimulationResult free;
        try
        {
            free = RunFree(scenario);
        }
        catch (SimulationException e)
        {
            return new ScenarioOutcome(scenario, [$"without a fault: {e.Message}"], null);
        }
        return Run(ScenarioGenerator.WithBlows(scenario, free.BusySteps), free);
    }

    /// <summary>A scenario as it is, as shrinking makes it.</summary>
    public static ScenarioOutcome Run(Scenario scenario)
    {
        try
        {
            return Run(scenario, RunFree(scenario));
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

    private static SimulationResult RunFree(Scenario scenario) => PipelineSimulation.Run([scenario.Files[0]], scenario.Input, Free(scenario));

    private static SimulationOptions Free(Scenario scenario) => scenario.Options with { Network = NetworkPlan.None, Blows = [], Planted = PlantedDefect.None };

    private static IEnumerable<string> Compare(Scenario scenario, SimulationResult run, SimulationResult free)
    {
        var rows = scenario.Files[0].Definition.Sources.ToDictionary(s => s.Name, s => scenario.Input.Count(r => r.Topic == s.Topic));
        var wrong = RunChecks.Alone(run, insert => rows[scenario.Files[0].Plan.Inserts.First(i => i.Sink == insert).Source]).Concat(LatenessOracle.Check(scenario, run));
        if (scenario.Idle is not { } idle) return [.. wrong, .. RunChecks.SameRows(run, free, scenario.Topics)];
        return [.. wrong, .. RunChecks.SameRows(run, free, scenario.Topics.Where(t => t != idle.WindowTopic && t != scenario.Files[0].Definition.LateTopic)),
            .. CompareWindows(scenario, idle, run)];
    }

    /// <summary>Windows of a run whose partitions fell idle: those of a run in which nothing is late, over the rows that were not late in this one.</summary>
    private static IEnumerable<string> CompareWindows(Scenario scenario, IdlePartitions idle, SimulationResult run)
    {
        var late = LatenessOracle.Late(scenario, run, scenario.Windows[0]).Select(l => l.Record).ToHashSet(ReferenceEqualityComparer.Instance);
        var timely = PipelineSimulation.Run([idle.Patient], [.. scenario.Input.Where(r => !late.Contains(r))], Free(scenario));
        return RunChecks.SameRows(run, timely, [idle.WindowTopic]);
    }
}
