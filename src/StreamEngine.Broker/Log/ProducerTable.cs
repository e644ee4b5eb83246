using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Log;

/// <summary>A batch of a producer that a retry may repeat.</summary>
internal readonly record struct ProducedBatch(int FirstSequence, int LastSequence, long BaseOffset, long LastOffset);

/// <summary>What a partition knows of one producer id.</summary>
internal sealed class ProducerEntry(long producerId)
{
    /// <summary>Kafka keeps five, the most requests that an idempotent producer may have in flight.</summary>
    public const int KeptBatches = 5;

    public long ProducerId { get; } = producerId;
    public short Epoch { get; set; } = -1;
    public long LastTimestamp { get; set; }
    public int CoordinatorEpoch { get; set; } = -1;

    /// <summary>First offset of the open transaction, or -1, and where in the log it lies.</summary>
    public long TransactionOffset { get; set; } = -1;
    public long TransactionPosition { get; set; } = -1;

    public List<ProducedBatch> Batches { get; } = new(KeptBatches);

    public int LastSequence => Batches.Count == 0 ? -1 : Batches[^1].LastSequence;

    public void MoveToEpoch(short epoch)
    {
        if (epoch == Epoch) return;
        Epoch = epoch;
        Batches.Clear();
    }

    public void Add(in ProducedBatch batch)
    {
        if (Batches.Count == KeptBatches) Batches.RemoveAt(0);
        Batches.Add(batch);
    }
}

/// <summary>
/// The producers of one partition: sequence numbers of idempotent ones, open transactions of transactional ones (KIP-98). Derived from the log
/// alone: a replay of its batch heads gives the same table.
/// </summary>
internal sealed class ProducerTable
{
    private readonly Dictionary<long, ProducerEntry> _entries = [];
    private readonly SortedDictionary<long, ProducerEntry> _open = [];

    public IReadOnlyCollection<ProducerEntry> Entries => _entries.Values;

    public IReadOnlyCollection<ProducerEntry> Open => _open.Values;

    /// <summary>The first offset that is not decided, and its position in the log; none when no transaction is open.</summary>
    public (long Offset, long Position)? FirstUnstable
    {
        get
        {
            // The enumerator of a SortedDictionary allocates; most partitions have no transaction open most of the time.
            if (_open.Count == 0) return null;
            foreach (var entry in _open.Values) return (entry.TransactionOffset, entry.TransactionPosition);
            return null;
        }
    }

    public ProducerEntry? Find(long producerId) => _entries.GetValueOrDefault(producerId);

    /// <summary>Whether the batch may be appended; a retry of a batch that is in the log already gives that one.</summary>
    public ErrorCode Check(in BatchHeader batch, out ProducedBatch? duplicate)
    {
        duplicate = null;
        if (!_entries.TryGetValue(batch.ProducerId, out var entry)) return ErrorCode.None;
        if (batch.ProducerEpoch < entry.Epoch) return ErrorCode.InvalidProducerEpoch;
        if (batch.ProducerEpoch > entry.Epoch) return batch.BaseSequence == 0 || entry.Epoch < 0 ? ErrorCode.None : ErrorCode.OutOfOrderSequenceNumber;
        foreach (var known in entry.Batches)
        {
            if (known.FirstSequence != batch.BaseSequence || known.LastSequence != batch.LastSequence) continue;
            duplicate = known;
            return ErrorCode.None;
        }
        var expected = entry.LastSequence == int.MaxValue ? 0 : entry.LastSequence + 1;
        return batch.BaseSequence == expected ? ErrorCode.None : ErrorCode.OutOfOrderSequenceNumber;
    }

    /// <summary>Takes an appended (or replayed) batch of a producer into account; a marker that ends an open transaction gives that one's first offset, others
    /// -1.</summary>
    public long Apply(in BatchHeader batch, long position, long timestamp)
    {
        if (!_entries.TryGetValue(batch.ProducerId, out var entry)) _entries[batch.ProducerId] = entry = new ProducerEntry(batch.ProducerId);
        entry.LastTimestamp = timestamp;
        entry.MoveToEpoch(batch.ProducerEpoch);
        if (batch.IsControl)
        {
            var first = entry.TransactionOffset;
            if (first >= 0) _open.Remove(first);
            entry.TransactionOffset = entry.TransactionPosition = -1;
            return first;
        }
        entry.Add(new ProducedBatch(batch.BaseSequence, batch.LastSequence, batch.BaseOffset, batch.LastOffset));
        if (batch.IsTransactional && entry.TransactionOffset < 0) OpenTransaction(entry, batch.BaseOffset, position);
        return -1;
    }

    public void Restore(ProducerEntry entry)
    {
        _entries[entry.ProducerId] = entry;
        if (entry.TransactionOffset >= 0) _open[entry.TransactionOffset] = entry;
    }

    public void Clear()
    {
        _entries.Clear();
        _open.Clear();
    }

    /// <summary>Forgets producers that have been silent since <paramref name="before"/> (producer.id.expiration.ms) and have no open transaction.</summary>
    public void Expire(long before)
    {
        foreach (var entry in _entries.Values.Where(e => e.TransactionOffset < 0 && e.LastTimestamp < before).ToList()) _entries.Remove(entry.ProducerId);
    }

    private void OpenTransaction(ProducerEntry entry, long offset, long position)
    {
        entry.TransactionOffset = offset;
        entry.TransactionPosition = position;
        _open[offset] = entry;
    }
}
