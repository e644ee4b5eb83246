using StreamEngine.Simulation.Faults;

namespace StreamEngine.Simulation.Runs;

/// <summary>One simulated run of a pipeline.</summary>
internal sealed record SimulationOptions
{
    /// <summary>Picks every step, every delay and every fault.</summary>
    public required ulong Seed { get; init; }

    public FaultPlan Faults { get; init; } = FaultPlan.None;

    /// <summary>Steps of the whole run at which the worker's graph is torn down; it starts a new incarnation by itself.</summary>
    public IReadOnlyList<long> CrashAt { get; init; } = [];

    /// <summary>Steps of the whole run at which the process dies (kill -9): nothing of it runs any further, and another process starts on the same log.</summary>
    public IReadOnlyList<long> KillAt { get; init; } = [];

    /// <summary>The most records of a batch.</summary>
    public int BatchRows { get; init; } = 16;

    /// <summary>Records that the world appends at once, and the longest time that passes between two such appends.</summary>
    public int FeedRows { get; init; } = 40;

    public TimeSpan FeedPause { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>Partitions of every source topic.</summary>
    public int Partitions { get; init; } = 3;
}
