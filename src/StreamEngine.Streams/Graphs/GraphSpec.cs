using StreamEngine.Core;
using StreamEngine.Plan.Physical;

namespace StreamEngine.Streams;

/// <summary>A physical plan with everything bound that it runs on: sources opened, log opened, state read.</summary>
internal sealed record GraphSpec
{
    public required PhysicalPlan Plan { get; init; }

    /// <summary>Each source by its name.</summary>
    public required IReadOnlyDictionary<string, SourceRun> Sources { get; init; }

    /// <summary>Event-time columns, delays and limits by source; absent for a source whose time nothing reads.</summary>
    public required IReadOnlyDictionary<string, Operators.EventTime.EventTimeSpec> EventTimes { get; init; }

    /// <summary>A decoder for one lane.</summary>
    public required Func<PhysicalSource, IDecoder> CreateDecoder { get; init; }

    /// <summary>How an INSERT's rows become records.</summary>
    public required Func<PhysicalInsert, Operators.Sinks.SinkSpec> SinkOf { get; init; }

    /// <summary>The side outputs of one chain.</summary>
    public required Func<ISideOutputs> CreateSideOutputs { get; init; }

    /// <summary>The pipeline's dead letters, for what a user's own stage refuses.</summary>
    public required string DeadLetterTopic { get; init; }

    public required ICommitLog Log { get; init; }

    public required CommitSettings Commit { get; init; }

    public required RestoredState State { get; init; }

    public required MemoryScope Scope { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>Lanes per source, and keyed lanes per INSERT with a key.</summary>
    public int Lanes { get; init; } = 1;

    public long StateLimit { get; init; } = long.MaxValue;

    /// <summary>The most bytes of a record.</summary>
    public int MaxMessageBytes { get; init; } = 1_000_000;
}
