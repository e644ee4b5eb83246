using StreamEngine.Core;
using StreamEngine.Plan.Definitions;

namespace StreamEngine.Pipelines.Connectors;

/// <summary>What a pipeline runs on: Kafka, or in tests and the simulation something that stands for it.</summary>
internal interface IConnectors
{
    /// <summary>A source that is neither opened nor started.</summary>
    ISource CreateSource(PipelineDefinition pipeline, SourceDefinition source, MemoryScope scope);

    /// <summary>The pipeline's redrive topic, neither opened nor started, as its records come; null where there is nothing to be redriven.</summary>
    ISource? CreateRedrive(PipelineDefinition pipeline, string source, MemoryScope scope) => null;

    /// <summary>The commit log of a slot, not opened.</summary>
    ICommitLog CreateLog(PipelineDefinition pipeline, int slot);
}
