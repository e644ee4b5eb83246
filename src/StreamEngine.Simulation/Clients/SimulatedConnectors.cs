using StreamEngine.Core;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Plan.Definitions;
using StreamEngine.Simulation.Planted;

namespace StreamEngine.Simulation.Clients;

/// <summary>
/// Sources and commit logs of one process on the simulated broker. It remembers the memory of the workers it served: of one that was killed nobody else frees it.
/// </summary>
/// <param name="client">The process's clients.</param>
/// <param name="batchRows">The most records of a batch.</param>
/// <param name="endOf">The end of a source topic's partition; null while the world may still write.</param>
/// <param name="planted">A defect that the simulation has to find.</param>
/// <param name="redrives">The world writes into the redrive topic.</param>
internal sealed class SimulatedConnectors(SimulatedClient client, int batchRows, Func<string, int, long?> endOf, PlantedDefect planted,
    bool redrives = false) : IConnectors
{
    private readonly HashSet<MemoryScope> _scopes = [];
    private bool _hasFailed;

    public ISource CreateSource(PipelineDefinition pipeline, SourceDefinition source, MemoryScope scope)
    {
        _scopes.Add(scope);
        Func<int, long?> end = p => endOf(source.Topic, p);
        switch (planted)
        {
            case PlantedDefect.ReopenedWindow:
                return new ForgetfulSource(client, source.Name, source.Topic, batchRows, scope, end);
            case PlantedDefect.FailingSource when !_hasFailed:
                _hasFailed = true;
                return new FailingSource(client, source.Name, source.Topic, batchRows, scope, end);
            default:
                return new SimulatedSource(client, source.Name, source.Topic, batchRows, scope, end);
        }
    }

    public ISource? CreateRedrive(PipelineDefinition pipeline, string source, MemoryScope scope) =>
        redrives ? new SimulatedSource(client, source, pipeline.RedriveTopic, batchRows, scope, p => endOf(pipeline.RedriveTopic, p)) : null;

    public ICommitLog CreateLog(PipelineDefinition pipeline, int slot)
    {
        List<(string, int)> outputs = [.. pipeline.Sinks.Select(s => (s.Topic, s.CreatePartitions ?? 1)), (pipeline.DeadLetterTopic, 1), (pipeline.LateTopic, 1)];
        var (name, timeout) = (pipeline.QualifiedName, pipeline.TransactionTimeout);
        return planted switch
        {
            PlantedDefect.OffsetsOutside => new OffsetsOutsideLog(client, name, outputs, timeout),
            PlantedDefect.OvertakenBarrier => new OvertakingLog(client, name, outputs, timeout),
            PlantedDefect.MissedFence => new UnfencedLog(client, name, outputs, timeout),
            PlantedDefect.OldSnapshot => new OldSnapshotLog(client, name, outputs, timeout),
            _ => new SimulatedCommitLog(client, name, outputs, timeout),
        };
    }

    /// <summary>Frees the memory of all workers so far, none of which runs any more.</summary>
    public void FreeMemory()
    {
        foreach (var scope in _scopes) scope.Dispose();
        _scopes.Clear();
    }
}
