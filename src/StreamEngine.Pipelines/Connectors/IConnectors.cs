using StreamEngine.Core;
using StreamEngine.Plan.Definitions;

namespace StreamEngine.Pipelines.Connectors;

/// <summary>What a pipeline runs on: Kafka, or in tests and the simulation something that stands for it.</summary>
internal interface IConnectors
{
    /// <summary>A source that is neither opened nor started.</summary>
    ISource CreateSource(PipelineDefinition pipeline, SourceDefinition source, MemoryScope scope);

    /// <summary>The commit log of a slot, not opened.</summary>
    ICommitLog CreateLog(PipelineDefinition pipeline, int slot);
}
