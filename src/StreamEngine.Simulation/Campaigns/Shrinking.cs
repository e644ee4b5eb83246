using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Runs;

namespace StreamEngine.Simulation.Campaigns;

/// <summary>
/// Takes away from a scenario that fails whatever it fails without: blows, faults of the network, oddities of the feed, then input in ever smaller pieces (Zeller and
/// Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002, simplified). What is taken away changes the order of everything after it, so that the smaller
/// failure need not have the same words: any failure counts.
/// </summary>
internal sealed class Shrinking
{
    private int _left;
    private ScenarioOutcome _best;

    private Shrinking(ScenarioOutcome failed, int runs) => (_best, _left) = (failed, runs);

    /// <param name="failed">A scenario that fails.</param>
    /// <param name="runs">The most scenarios to try.</param>
    public static ScenarioOutcome Shrink(ScenarioOutcome failed, int runs = 150)
    {
        var shrinking = new Shrinking(failed, runs);
        shrinking.Blows();
        shrinking.Faults();
        shrinking.Input();
        shrinking.Blows();
        return shrinking._best;
    }

    private bool Try(Scenario smaller)
    {
        if (_left <= 0) return false;
        _left--;
        var outcome = ScenarioRun.Run(smaller);
        if (outcome.Passed) return false;
        _best = outcome;
        return true;
    }

    private SimulationOptions Options => _best.Scenario.Options;

    private bool Try(SimulationOptions options) => options != Options && Try(_best.Scenario with { Options = options });

    private void Blows()
    {
        for (var i = Options.Blows.Count - 1; i >= 0; i--) Try(Options with { Blows = [.. Options.Blows.Where((_, j) => j != i)] });
    }

    private void Faults()
    {
        if (!Try(Options with { Network = NetworkPlan.None }))
        {
            Try(Options with { Network = Options.Network with { LateRequests = 0, LateAnswers = 0 } });
            Try(Options with { Network = Options.Network with { LostRequests = 0, LostAnswers = 0 } });
            Try(Options with { Network = Options.Network with { Delay = TimeSpan.Zero } });
        }
        Try(Options with { Feed = Options.Feed with { Transactions = 0, Aborted = 0 } });
        if (_best.Scenario.Files.Count > 1 && !Try(_best.Scenario with { Files = [_best.Scenario.Files[0]] }))
            Try(_best.Scenario with { Files = [_best.Scenario.Files[1]] });
    }

    private void Input()
    {
        for (var size = _best.Scenario.Input.Count / 2; size > 0 && _left > 0; size /= 2)
            for (var at = 0; at < _best.Scenario.Input.Count && _left > 0;)
            {
                var without = _best.Scenario.Input.Where((_, i) => i < at || i >= at + size).ToList();
                if (without.Count == 0 || !Try(_best.Scenario with { Input = without })) at += size;
            }
    }
}
