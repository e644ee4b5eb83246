using StreamEngine.Broker;
using StreamEngine.Simulation.Clients;
using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Planted;

namespace StreamEngine.Simulation.Runs;

/// <summary>One simulated run of a pipeline.</summary>
internal sealed record SimulationOptions
{
    /// <summary>Picks every step, every delay and every fault.</summary>
    public required ulong Seed { get; init; }

    public NetworkPlan Network { get; init; } = NetworkPlan.None;

    public IReadOnlyList<Blow> Blows { get; init; } = [];

    /// <summary>The most records of a batch.</summary>
    public int BatchRows { get; init; } = 16;

    public FeedPlan Feed { get; init; } = new();

    public ClientPatience Patience { get; init; } = new();

    /// <summary>When the broker forces what it has written to the disk.</summary>
    public FsyncPolicy Fsync { get; init; } = FsyncPolicy.Always;

    /// <summary>Partitions of every source topic.</summary>
    public int Partitions { get; init; } = 3;

    /// <summary>Changes of state after which a whole snapshot of it begins; null: the product's.</summary>
    public long? SnapshotBytes { get; init; }

    public PlantedDefect Planted { get; init; }
}
