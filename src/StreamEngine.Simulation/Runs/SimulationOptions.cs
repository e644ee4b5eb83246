using StreamEngine.Simulation.Faults;

namespace StreamEngine.Simulation.Runs;

/// <summary>What a worker has to survive.</summary>
internal enum Blow : byte
{
    /// <summary>Its graph is torn down; it starts a new incarnation by itself.</summary>
    Crash,

    /// <summary>Its process dies (kill -9): nothing of it runs any further, and another process starts on the same log.</summary>
    Kill,

    /// <summary>It is asked to drain (SIGTERM), ends, and another process starts.</summary>
    Drain,
}

/// <summary>One simulated run of a pipeline.</summary>
internal sealed record SimulationOptions
{
    /// <summary>Picks every step, every delay and every fault.</summary>
    public required ulong Seed { get; init; }

    public FaultPlan Faults { get; init; } = FaultPlan.None;

    /// <summary>What is done to the worker, and at which step of the whole run.</summary>
    public IReadOnlyList<(long Step, Blow Blow)> Blows { get; init; } = [];

    /// <summary>The most records of a batch.</summary>
    public int BatchRows { get; init; } = 16;

    /// <summary>Records that the world appends at once, and the longest time that passes between two such appends.</summary>
    public int FeedRows { get; init; } = 40;

    public TimeSpan FeedPause { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>Partitions of every source topic.</summary>
    public int Partitions { get; init; } = 3;
}
