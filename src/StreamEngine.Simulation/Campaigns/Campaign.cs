namespace StreamEngine.Simulation.Campaigns;

/// <summary>Many seeds, one after the other.</summary>
internal static class Campaign
{
    /// <summary>Runs seeds until one fails or all have passed; the failing one is null for the latter.</summary>
    /// <param name="first">The first seed; the others follow it.</param>
    /// <param name="count">How many.</param>
    /// <param name="subject">Which pipelines.</param>
    /// <param name="passed">Told of each seed that passed.</param>
    /// <param name="stop">Ends it between two seeds.</param>
    public static ScenarioOutcome? Run(ulong first, int count, CampaignSubject subject, Action<ScenarioOutcome>? passed = null, CancellationToken stop = default)
    {
        for (var i = 0; i < count && !stop.IsCancellationRequested; i++)
        {
            var outcome = ScenarioRun.Run(first + (ulong)i, subject);
            if (!outcome.Passed) return outcome;
            passed?.Invoke(outcome);
        }
        return null;
    }

    /// <summary>A failure as text: seed, what is wrong, what is left of the scenario, what happened in it.</summary>
    public static string Describe(ScenarioOutcome failed)
    {
        var (scenario, options) = (failed.Scenario, failed.Scenario.Options);
        List<string> lines =
        [
            $"seed {options.Seed}", .. failed.Wrong.Take(10).Select(w => $"wrong: {w}"), $"pipeline: {scenario.Name}",
                $"lanes: {string.Join(", ", scenario.Files.Select(f => f.Definition.Parallelism))}; commit interval {scenario.Files[0].Definition.CommitInterval.TotalMilliseconds:0} ms; "
                + $"partitions {options.Partitions}; rows a batch {options.BatchRows}; fsync {options.Fsync}", $"network: {options.Network}",
                    .. options.Blows.Select(b => $"blow: {b}"), $"input: {scenario.Input.Count} records",
            .. scenario.Input.Take(20).Select(r => $"  {r.Topic}-{r.Partition} {(r.Value is null ? "null" : System.Text.Encoding.UTF8.GetString(r.Value))}"),
                .. failed.Result is { } run ? run.Story.Concat(run.Errors.Take(20).Select(e => e.ToString())) : [],
        ];
        return string.Join("\n", lines);
    }
}
