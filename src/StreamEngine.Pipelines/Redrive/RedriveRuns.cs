using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Running;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;
using StreamEngine.Streams;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>The redrive topic, opened for each source of a pipeline that reads it, and where each goes on.</summary>
internal sealed class RedriveRuns(ILogger logger) : IAsyncDisposable
{
    private readonly Dictionary<string, RedriveRun> _runs = [];
    private readonly List<ISource> _sources = [];

    public IReadOnlyDictionary<string, RedriveRun> Runs => _runs;

    /// <exception cref="StartupException">It cannot be read from where the last manifest stands.</exception>
    public static async Task<RedriveRuns> OpenAsync(IConnectors connectors, PipelineDefinition definition, PhysicalPlan plan, ReplayBounds? replay, EpochManifest? last,
        MemoryScope scope, ILogger logger, CancellationToken cancellation)
    {
        var opened = new RedriveRuns(logger);
        try
        {
            var names = plan.Sources.Select(s => s.Name).ToHashSet();
            foreach (var (i, source) in plan.Sources.Index())
            {
                if (connectors.CreateRedrive(definition, source.Name, scope) is not { } topic) continue;
                opened._sources.Add(topic);
                var layout = await topic.OpenAsync(cancellation);
                var inserts = plan.Inserts.Where(p => p.Source == source.Name).Select(p => p.Sink).ToHashSet();
                var targets = new RedriveTargets(source.Name, inserts, names, TakesOrphans: i == 0);
                opened._runs[source.Name] = ToRun(new RedrivenSource(topic, targets, scope), layout, replay, last, source.Name);
            }
            if (replay is null && last is not null) opened.CheckRemoved(last, names);
            return opened;
        }
        catch
        {
            await opened.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// A source that is not in the file any more, and had not read the topic as far as the one that takes what is nobody's: rows of it would be skipped without a word.
    /// </summary>
    private void CheckRemoved(EpochManifest last, HashSet<string> names)
    {
        foreach (var (name, position) in last.Sources.Where(s => !names.Contains(s.Key)))
            if (_runs.Values.FirstOrDefault() is { } first && (position.Redrive?.TopicId ?? first.TopicId) == first.TopicId
                && (position.Redrive?.Offset ?? 0) < first.Start)
                throw new StartupException($"source '{name}' is not in the pipeline any more, and rows that were redriven for it may not have been read: it is at offset {position.Redrive?.Offset ?? 0} of the redrive topic, the others at {first.Start}\n  run the file that has it until it has read them, then this one");
    }

    private static RedriveRun ToRun(RedrivenSource source, SourceLayout layout, ReplayBounds? replay, EpochManifest? last, string name)
    {
        var position = last?.Sources.GetValueOrDefault(name)?.Redrive;
        var known = position?.TopicId ?? replay?.Redrive?.TopicId ?? layout.TopicId;
        if (known != layout.TopicId)
            throw new StartupException($"topic '{layout.Topic}' was deleted and created again since epoch {last?.Epoch}: its id was {known} and is {layout.TopicId}, so that what was redriven is not known any more\n  to start the pipeline anew:   give it another name, or ./engine run FILE --reset");
        var from = position?.From ?? replay?.Redrive?.From ?? (last?.Sources.ContainsKey(name) == true ? layout.Begins[0] : layout.Starts[0]);
        return new RedriveRun(source, layout.TopicId, from, position?.Offset ?? from) { ComesFirst = replay is not null };
    }

    // Those that failed to open are not wrapped yet; a second disposal of the others would do harm.
    public ValueTask DisposeAsync() => Disposal.OfAllAsync([.. _runs.Values.Select(r => r.Source), .. _sources.Skip(_runs.Count)], logger);
}
