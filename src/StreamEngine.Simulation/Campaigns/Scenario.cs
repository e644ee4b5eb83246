using StreamEngine.Pipelines.Files;
using StreamEngine.Simulation.Runs;

namespace StreamEngine.Simulation.Campaigns;

/// <summary>What a seed stands for: a pipeline, its input, and what is done to the run. Everything that a shrinking may take away is listed.</summary>
internal sealed record Scenario
{
    public required string Name { get; init; }

    /// <summary>The pipeline as each process takes it in turn.</summary>
    public required IReadOnlyList<PipelineFile> Files { get; init; }

    public required IReadOnlyList<InputRecord> Input { get; init; }

    /// <summary>Of the run with faults.</summary>
    public required SimulationOptions Options { get; init; }

    /// <summary>The windowed INSERTs by their sinks, where the scenario knows them well enough to say which rows are late.</summary>
    public IReadOnlyList<WindowedInsert> Windows { get; init; } = [];

    /// <summary>
    /// Partitions fall idle: which rows are late then depends on when, so that the run without faults has other ones. Lateness is held against the log and the moves of
    /// the run's own manifests, and windows against a run that reads the rows that are not late.
    /// </summary>
    public IdlePartitions? Idle { get; init; }

    /// <summary>Many epochs and small snapshots: their rounds come to an end, older state is deleted, and a damaged snapshot may be read.</summary>
    public bool HasSnapshots { get; init; }

    public IEnumerable<string> Topics => Files[0].Definition.Sinks.Select(s => s.Topic).Append(Files[0].Definition.DeadLetterTopic).Append(Files[0].Definition.LateTopic)
        .Distinct();
}

/// <summary>A windowed INSERT as the oracle of lateness needs it.</summary>
/// <param name="Sink">The INSERT's name.</param>
/// <param name="Size">Microseconds.</param>
/// <param name="Slide">Microseconds; the size for a tumbling window.</param>
/// <param name="OutOfOrderness">Of its source, microseconds.</param>
/// <param name="Takes">Whether its WHERE lets a record through that is good so far.</param>
internal sealed record WindowedInsert(string Sink, long Size, long Slide, long OutOfOrderness, Func<InputRecord, bool> Takes);

/// <summary>How windows are checked where partitions fall idle.</summary>
/// <param name="Patient">The same pipeline with nothing ever late.</param>
/// <param name="WindowTopic">What its only windowed INSERT writes, by a tumbling window.</param>
internal sealed record IdlePartitions(PipelineFile Patient, string WindowTopic);
