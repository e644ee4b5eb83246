using StreamEngine.Core;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Testing;
using StreamEngine.Plan.Definitions;

namespace StreamEngine.Simulation.Faults;

/// <summary>Sources and commit logs on the memory log, behind a bad network. It remembers the memory of the workers it served: of one that was killed nobody else frees it.</summary>
internal sealed class FaultyConnectors(MemoryLog log, int batchRows, FaultyBroker broker, TimeProvider time) : IConnectors
{
    private readonly HashSet<MemoryScope> _scopes = [];

    public ISource CreateSource(PipelineDefinition pipeline, SourceDefinition source, MemoryScope scope)
    {
        _scopes.Add(scope);
        return new FaultySource(new MemorySource(log, source.Name, source.Topic, batchRows, scope), broker);
    }

    public ICommitLog CreateLog(PipelineDefinition pipeline, int slot) => new FaultyCommitLog(new MemoryCommitLog(log, pipeline.QualifiedName, time), $"{pipeline.QualifiedName}-{slot}", broker);

    /// <summary>Frees the memory of all workers so far, none of which runs any more.</summary>
    public void FreeMemory()
    {
        foreach (var scope in _scopes) scope.Dispose();
        _scopes.Clear();
    }
}
