using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Topics;

namespace StreamEngine.Broker.Fetching;

/// <summary>One partition of a fetch request; <see cref="Partition"/> is null where the request is answered by an error.</summary>
internal sealed record FetchTarget(int Index, long Offset, int MaxBytes, Partition? Partition, ErrorCode Error)
{
    /// <summary>Where the offset lies in the log, so that a growing log is measured without a search.</summary>
    public long Position { get; init; }
}

/// <summary>A fetch whose bytes are not there yet: it is answered when they are, or when its time is up (KIP-16 purgatory in Kafka's words).</summary>
internal sealed class WaitingFetch(BrokerExchange exchange, FetchRequest request, long deadline)
{
    public BrokerExchange Exchange { get; } = exchange;

    public FetchRequest Request { get; } = request;

    public long Deadline { get; } = deadline;
}

/// <summary>A fetch request with its topics looked up.</summary>
internal sealed class FetchRequest
{
    public required int MaxWaitMs { get; init; }

    public required int MinBytes { get; init; }

    public required int MaxBytes { get; init; }

    public required bool Committed { get; init; }

    public required List<(string Name, Guid Id, List<FetchTarget> Partitions)> Topics { get; init; }

    public bool HasError { get; init; }

    /// <summary>How many bytes the logs hold for this request by now, without reading them.</summary>
    public long Available()
    {
        long total = 0;
        foreach (var (_, _, partitions) in Topics)
            foreach (var target in partitions)
                if (target.Partition is { } p) total += Math.Clamp(p.Log.Bound(Committed).Position - target.Position, 0, target.MaxBytes);
        return total;
    }
}
