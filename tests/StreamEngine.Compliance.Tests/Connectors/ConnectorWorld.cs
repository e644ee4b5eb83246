using StreamEngine.Core;

namespace StreamEngine.Compliance.Tests.Connectors;

/// <summary>A record to be written into a topic by somebody who is not the engine.</summary>
internal sealed record Sample(string? Value, string? Key = null, long Timestamp = 1_000_000_000_000);

/// <summary>Where sources and commit logs of one kind live: Kafka, the embedded broker, the simulation, memory. The contracts are the same everywhere.</summary>
internal interface IConnectorWorld : IAsyncDisposable
{
    /// <summary>It has transactions of other writers: open ones hide what is behind them, aborted ones are never seen.</summary>
    bool HasTransactions { get; }

    /// <summary>A worker's log of that pipeline's only slot. It may write into the topic, which has so many partitions.</summary>
    ICommitLog Log(string pipeline, int process, string output, int partitions);

    ISource Source(string topic, MemoryScope scope);

    Task CreateAsync(string topic, int partitions);

    /// <summary>Appends records; where <paramref name="commit"/> is given, as a transaction that ends so.</summary>
    Task WriteAsync(string topic, int partition, bool? commit, params Sample[] records);

    /// <summary>What a read_committed reader sees in a partition, as KEY=VALUE.</summary>
    Task<IReadOnlyList<string>> CommittedAsync(string topic, int partition);

    /// <summary>Makes a call in this world's way of running.</summary>
    Task<T> CallAsync<T>(Func<Task<T>> call);

    /// <summary>Lets the world run until it is so.</summary>
    Task UntilAsync(Func<bool> condition, string what);
}

/// <summary>What a connector calls back, in its order.</summary>
internal sealed class Heard : ICommitLogListener, ISourceListener
{
    private readonly Lock _lock = new();
    private readonly List<object> _all = [];

    public sealed record Writable;

    public sealed record Committed(long Epoch);

    public sealed record Ready(int Partition);

    public sealed record EndOfPartition(int Partition, long Offset);

    public sealed record Ends(int Partition, long Stable, long High);

    public IReadOnlyList<object> All
    {
        get { lock (_lock) return [.. _all]; }
    }

    public IReadOnlyList<T> Of<T>() => [.. All.OfType<T>()];

    private void Add(object what)
    {
        lock (_lock) _all.Add(what);
    }

    public void OnWritable() => Add(new Writable());

    public void OnCommitted(long epoch) => Add(new Committed(epoch));

    public void OnReady(int partition) => Add(new Ready(partition));

    public void OnEndOfPartition(int partition, long offset) => Add(new EndOfPartition(partition, offset));

    public void OnEnds(int partition, long lastStableOffset, long highWatermark) => Add(new Ends(partition, lastStableOffset, highWatermark));

    public void OnFailed(Exception cause) => Add(cause);
}
