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
    /// <summary>Of the journal's record. Version 0 did not have <see cref="Bumped"/>.</summary>
    public const byte Version = 1;

    public static readonly (long ProducerId, short Epoch) NoProducer = (-1, -1);

    private readonly List<(Guid Topic, int Partition)> _partitions = [];
    private readonly HashSet<(Guid Topic, int Partition)> _known = [];
    private readonly SortedSet<string> _groups = new(StringComparer.Ordinal);

    public string TransactionalId { get; } = transactionalId;
    public long ProducerId { get; set; } = -1;
    public short Epoch { get; set; } = -1;

    /// <summary>
    /// Id and epoch that the last bump was asked for with, -1 where it named none (KIP-360): who repeats that request is the one who was bumped. A new producer names
    /// none, so that nobody of before it is taken for it.
    /// </summary>
    public (long ProducerId, short Epoch) Bumped { get; set; } = NoProducer;

    public int TimeoutMs { get; set; }
    public TransactionStatus Status { get; set; }
    public long StartedAt { get; set; } = -1;
    public long UpdatedAt { get; set; }

    /// <summary>The partitions that the open transaction writes to, in the order in which they came: markers follow it, so that a run repeats.</summary>
    public IReadOnlyList<(Guid Topic, int Partition)> Partitions => _partitions;

    /// <summary>The groups whose offsets the open transaction commits.</summary>
    public IReadOnlyCollection<string> Groups => _groups;

    /// <summary>False when the transaction has the partition already.</summary>
    public bool Add((Guid Topic, int Partition) partition)
    {
        if (!_known.Add(partition)) return false;
        _partitions.Add(partition);
        return true;
    }

    public void AddGroup(string group) => _groups.Add(group);

    public bool Holds((Guid Topic, int Partition) partition) => _known.Contains(partition);

    public bool HoldsGroup(string group) => _groups.Contains(group);

    public void Clear()
    {
        _partitions.Clear();
        _known.Clear();
        _groups.Clear();
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
        w.Int64(Bumped.ProducerId);
        w.Int16(Bumped.Epoch);
    }

    public static TransactionEntry Read(ref ProtocolReader r, byte version)
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
        foreach (var partition in r.Array(static (ref ProtocolReader x) => (x.Uuid(), x.Int32()))) entry.Add(partition);
        foreach (var group in r.StringArray()) entry.AddGroup(group);
        if (version >= 1) entry.Bumped = (r.Int64(), r.Int16());
        return entry;
    }
}
