using StreamEngine.Core;

namespace StreamEngine.Kafka.Fetching;

/// <summary>A partition that is fetched: where it is asked for, and what came and waits to be parsed. All of it is guarded by the client's lock.</summary>
internal sealed class FetchedPartition(int index, OffsetAndEpoch start, int mostBytes)
{
    public int Index => index;

    /// <summary>The offset to be asked for next.</summary>
    public long Next { get; set; } = start.Offset;

    /// <summary>Which leaders took what was fetched.</summary>
    public LeaderEpochs Epochs { get; } = new(start);

    /// <summary>The broker has forgotten the epoch: the offset alone decides, until something is fetched.</summary>
    public bool IsEpochForgotten { get; set; }

    /// <summary>What the broker is told was fetched last; -1 for not known.</summary>
    public int LastEpoch => IsEpochForgotten ? -1 : Epochs.Last;

    /// <summary>The node that leads; -1 for not known.</summary>
    public int Leader { get; set; } = -1;

    public int LeaderEpoch { get; set; } = -1;

    /// <summary>The node that the leader has named for reading (KIP-392); -1 for the leader itself.</summary>
    public int Replica { get; set; } = -1;

    /// <summary>When the leader is asked again which node is to be read from.</summary>
    public long ReplicaUntil { get; set; }

    /// <summary>After an error it is not asked for before.</summary>
    public long NotBefore { get; set; }

    /// <summary>Since when brokers say that it does not exist; null: they do not.</summary>
    public long? UnknownSince { get; set; }

    /// <summary>How often in turn the broker has found its batch to be corrupt.</summary>
    public int CorruptTries { get; set; }

    /// <summary>The most bytes to be asked for: more than configured where a batch is larger.</summary>
    public int MostBytes { get; set; } = mostBytes;

    /// <summary>Bytes in <see cref="Raw"/>.</summary>
    public long RawBytes { get; set; }

    /// <summary>What came and was not parsed yet.</summary>
    public Queue<RawRecords> Raw { get; } = new();

    public long HighWatermark { get; set; } = -1;

    /// <summary>The end that stands behind what came: it need not be told again.</summary>
    public long KnownEnd { get; set; } = -1;

    /// <summary>It was read up to its bound.</summary>
    public bool IsFinished { get; set; }

    /// <summary>The node to be read from.</summary>
    public int Node => Replica >= 0 ? Replica : Leader;
}
