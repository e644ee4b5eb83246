using StreamEngine.Pipelines.Commands.DeadLetters;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;
using StreamEngine.Quality.DeadLetters;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>Finds the source that a dead letter goes back to, or why it cannot go back.</summary>
/// <param name="definition">The pipeline.</param>
/// <param name="plan">Its plan.</param>
/// <param name="among">For topics that several sources read: the one that is meant where the letter does not say; null where nobody named one.</param>
internal sealed class LetterSources(PipelineDefinition definition, PhysicalPlan plan, string? among)
{
    private readonly HashSet<string> _read = [.. plan.Sources.Select(s => s.Name)];

    /// <param name="letter">The dead letter.</param>
    /// <param name="why">Why it cannot be redriven, where there is no source.</param>
    public SourceDefinition? Find(DeadLetter letter, out string why)
    {
        why = "";
        if (letter.Source is not { } place)
        {
            why = "stem from no single record (behind an aggregation or a user's own stage)";
            return null;
        }
        if (letter.Record.Value is null && letter.Reason.Contains(SideOutputWriter.TooLarge, StringComparison.Ordinal))
        {
            why = "are too large to hold their record";
            return null;
        }
        var sources = definition.Sources.Where(s => s.Topic == place.Topic && _read.Contains(s.Name)).ToList();
        if (sources.Count == 0)
        {
            why = $"are of topic {place.Topic}, which the pipeline does not read";
            return null;
        }
        if (letter.Insert != "*")
        {
            sources = [.. sources.Where(s => plan.Inserts.Any(i => i.Sink == letter.Insert && i.Source == s.Name))];
            if (sources.Count == 0) why = $"failed for INSERT INTO {letter.Insert}, which the pipeline does not have any more";
        }
        if (sources.Count > 1 && letter.Rule is { } rule && sources.FindAll(s => s.Rules.Any(r => r.Name == rule)) is { Count: 1 } withRule) sources = withRule;
        if (sources.Count > 1 && among is not null) sources = [.. sources.Where(s => s.Name == among)];
        if (sources.Count > 1) why = $"are of topic {place.Topic}, which {string.Join(" and ", sources.Select(s => s.Name))} read: name one with --source";
        if (sources.Count == 0 && why.Length == 0) why = "are of another source than --source names";
        return sources.Count == 1 ? sources[0] : null;
    }
}
