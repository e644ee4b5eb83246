using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Transactions;

/// <summary>The states of a transaction (KIP-98). The numbers stand in the journal.</summary>
internal enum TransactionStatus : byte
{
    Empty = 0,
    Ongoing = 1,
    PrepareCommit = 2,
    PrepareAbort = 3,
    CompleteCommit = 4,
    CompleteAbort = 5,
}

/// <summary>What the coordinator knows of one transactional id.</summary>
internal sealed class TransactionEntry(string transactionalId)
{
    public string TransactionalId { get; } = transactionalId;
    public long ProducerId { get; set; } = -1;
    public short Epoch { get; set; } = -1;
    public int TimeoutMs { get; set; }
    public TransactionStatus Status { get; set; }
    public long StartedAt { get; set; } = -1;
    public long UpdatedAt { get; set; }

    /// <summary>The partitions that the open transaction writes to, in the order in which they came: markers follow it, so that a run repeats.</summary>
    public List<(Guid Topic, int Partition)> Partitions { get; } = [];

    /// <summary>The groups whose offsets the open transaction commits.</summary>
    public List<string> Groups { get; } = [];

    public void Clear()
    {
        Partitions.Clear();
        Groups.Clear();
    }

    public void Write(ProtocolWriter w)
    {
        w.String(TransactionalId);
        w.Int64(ProducerId);
        w.Int16(Epoch);
        w.Int32(TimeoutMs);
        w.UInt8((byte)Status);
        w.Int64(StartedAt);
        w.Int64(UpdatedAt);
        w.Count(Partitions.Count);
        foreach (var (topic, partition) in Partitions)
        {
            w.Uuid(topic);
            w.Int32(partition);
        }
        w.Count(Groups.Count);
        foreach (var group in Groups) w.String(group);
    }

    public static TransactionEntry Read(ref ProtocolReader r)
    {
        var entry = new TransactionEntry(r.String())
        {
            ProducerId = r.Int64(),
            Epoch = r.Int16(),
            TimeoutMs = r.Int32(),
            Status = (TransactionStatus)r.UInt8(),
            StartedAt = r.Int64(),
            UpdatedAt = r.Int64(),
        };
        entry.Partitions.AddRange(r.Array(static (ref ProtocolReader x) => (x.Uuid(), x.Int32())));
        entry.Groups.AddRange(r.StringArray());
        return entry;
    }
}
