using StreamEngine.Core;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Plan.Definitions;

namespace StreamEngine.Pipelines.Testing;

/// <summary>Sources and commit log on a memory log.</summary>
internal sealed class MemoryConnectors(MemoryLog log, int batchRows, TimeProvider time) : IConnectors
{
    public ISource CreateSource(PipelineDefinition pipeline, SourceDefinition source, MemoryScope scope) =>
        new MemorySource(log, source.Name, source.Topic, batchRows, scope);

    public ISource? CreateRedrive(PipelineDefinition pipeline, string source, MemoryScope scope) =>
        log.Exists(pipeline.RedriveTopic) ? new MemorySource(log, source, pipeline.RedriveTopic, batchRows, scope) : null;

    public ICommitLog CreateLog(PipelineDefinition pipeline, int slot) => new MemoryCommitLog(log, pipeline.QualifiedName, time);
}
