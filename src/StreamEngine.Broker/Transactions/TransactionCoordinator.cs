using StreamEngine.Broker.Groups;
using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Storage;
using StreamEngine.Broker.Topics;

namespace StreamEngine.Broker.Transactions;

/// <summary>The limits of the coordinator; Kafka's defaults but for the count.</summary>
internal sealed record TransactionLimits(int MaxTimeoutMs, long ExpireAfterMs, int MaxTransactionalIds);

/// <summary>
/// The transaction coordinator (KIP-98) of a single node. A transaction is decided by one record of the journal, Prepare; its markers then follow in
/// the same call, and Complete after them. A crash in between leaves Prepare, from which <see cref="Recover"/> goes on: so Prepare has to be as durable
/// as what follows it before that is written, which <c>decided</c> sees to.
/// </summary>
internal sealed class TransactionCoordinator(TopicRegistry topics, GroupOffsets offsets, Journal journal, TransactionLimits limits, Action<Partition> grown,
    Action decided)
{
    private const int MaxGroups = 1000;
    private readonly SortedDictionary<string, TransactionEntry> _byId = new(StringComparer.Ordinal);
    private readonly Dictionary<long, TransactionEntry> _byProducer = [];

    public IEnumerable<TransactionEntry> All => _byId.Values;

    /// <summary>The next producer id that was never given.</summary>
    public long NextProducerId { get; private set; }

    /// <summary>When <see cref="Advance"/> next has something to do.</summary>
    public long NextDeadline { get; private set; } = long.MaxValue;

    public TransactionEntry? Find(string transactionalId) => _byId.GetValueOrDefault(transactionalId);

    /// <summary>Gives a producer id and epoch; for a transactional id it fences every producer before, and ends what it left open.</summary>
    public (ErrorCode Error, long ProducerId, short Epoch) InitProducerId(string? transactionalId, int timeoutMs, long knownId, short knownEpoch, long now)
    {
        if (transactionalId is null) return (ErrorCode.None, AllocateProducerId(), 0);
        if (transactionalId.Length == 0) return (ErrorCode.InvalidRequest, -1, -1);
        if (timeoutMs <= 0 || timeoutMs > limits.MaxTimeoutMs) return (ErrorCode.InvalidTransactionTimeout, -1, -1);
        if (!_byId.TryGetValue(transactionalId, out var entry))
        {
            if (_byId.Count >= limits.MaxTransactionalIds) return (ErrorCode.CoordinatorNotAvailable, -1, -1);
            entry = new TransactionEntry(transactionalId);
        }
        else if (knownId >= 0)
        {
            // KIP-360: a producer that recovers names what it has; a repeated request is answered as the first one was.
            if ((knownId, knownEpoch) == entry.Bumped && entry.Status == TransactionStatus.Empty)
                return (ErrorCode.None, entry.ProducerId, entry.Epoch);
            if (knownId != entry.ProducerId || knownEpoch != entry.Epoch) return (ErrorCode.ProducerFenced, -1, -1);
        }
        var before = entry.Epoch;
        if (entry.Status == TransactionStatus.Ongoing) End(entry, commit: false, fence: true, now);
        if (entry.Epoch == before) Bump(entry);
        entry.Bumped = knownId >= 0 ? (knownId, knownEpoch) : TransactionEntry.NoProducer;
        entry.TimeoutMs = timeoutMs;
        entry.Status = TransactionStatus.Empty;
        entry.StartedAt = -1;
        _byId[transactionalId] = entry;
        Save(entry, now);
        return (ErrorCode.None, entry.ProducerId, entry.Epoch);
    }

    /// <summary>Brings partitions into the transaction, which begins with the first of them.</summary>
    public ErrorCode AddPartitions(string transactionalId, long producerId, short epoch, IEnumerable<(Guid Topic, int Partition)> partitions, long now)
    {
        var error = Check(transactionalId, producerId, epoch, out var entry);
        if (error != ErrorCode.None) return error;
        var hasNew = false;
        foreach (var partition in partitions) hasNew |= entry!.Add(partition);
        if (!hasNew && entry!.Status == TransactionStatus.Ongoing) return ErrorCode.None;
        Begin(entry!, now);
        Save(entry!, now);
        return ErrorCode.None;
    }

    /// <summary>Brings the offsets of a group into the transaction.</summary>
    public ErrorCode AddOffsets(string transactionalId, long producerId, short epoch, string group, long now)
    {
        var error = Check(transactionalId, producerId, epoch, out var entry);
        if (error != ErrorCode.None) return error;
        if (entry!.Status == TransactionStatus.Ongoing && entry.HoldsGroup(group)) return ErrorCode.None;
        // Each group added writes the whole entry to the journal: the sum of that has to have an end.
        if (entry.Groups.Count >= MaxGroups) return ErrorCode.InvalidRequest;
        Begin(entry, now);
        entry.AddGroup(group);
        Save(entry, now);
        return ErrorCode.None;
    }

    /// <summary>Whether offsets may join the transaction now (TxnOffsetCommit): it is open, and holds the group.</summary>
    public ErrorCode CheckOffsets(string transactionalId, long producerId, short epoch, string group)
    {
        var error = Check(transactionalId, producerId, epoch, out var entry);
        if (error == ErrorCode.ProducerFenced) return ErrorCode.InvalidProducerEpoch;
        if (error != ErrorCode.None) return error;
        return entry!.Status == TransactionStatus.Ongoing && entry.HoldsGroup(group) ? ErrorCode.None : ErrorCode.InvalidTxnState;
    }

    /// <summary>Whether a transactional batch may be written (the check of KIP-890): else a late one could open a transaction that nobody ends.</summary>
    public ErrorCode CheckProduce(long producerId, short epoch, Partition partition)
    {
        if (!_byProducer.TryGetValue(producerId, out var entry)) return ErrorCode.InvalidProducerIdMapping;
        if (epoch < entry.Epoch) return ErrorCode.InvalidProducerEpoch;
        if (epoch > entry.Epoch || entry.Status != TransactionStatus.Ongoing) return ErrorCode.InvalidTxnState;
        return entry.Holds((partition.Topic.Id, partition.Index)) ? ErrorCode.None : ErrorCode.InvalidTxnState;
    }

    public ErrorCode EndTransaction(string transactionalId, long producerId, short epoch, bool commit, long now)
    {
        var error = Check(transactionalId, producerId, epoch, out var entry);
        if (error != ErrorCode.None) return error;
        switch (entry!.Status)
        {
            case TransactionStatus.Ongoing:
                End(entry, commit, fence: false, now);
                return ErrorCode.None;
            // A repeated request whose answer was lost.
            case TransactionStatus.CompleteCommit when commit:
            case TransactionStatus.CompleteAbort when !commit:
                return ErrorCode.None;
            default:
                return ErrorCode.InvalidTxnState;
        }
    }

    /// <summary>Aborts and fences the transactions whose time is up, and forgets ids that have been silent for long.</summary>
    public void Advance(long now)
    {
        if (now < NextDeadline) return;
        foreach (var entry in _byId.Values.Where(e => e.Status == TransactionStatus.Ongoing && Deadline(e) <= now).ToList()) End(entry, commit: false, fence: true, now);
        foreach (var entry in _byId.Values.Where(e => e.Status != TransactionStatus.Ongoing && Deadline(e) <= now).ToList()) Forget(entry);
        NextDeadline = _byId.Count == 0 ? long.MaxValue : _byId.Values.Min(Deadline);
    }

    public void Replay(JournalEntry kind, byte version, ref ProtocolReader r)
    {
        switch (kind)
        {
            case JournalEntry.ProducerIds:
                NextProducerId = Math.Max(NextProducerId, r.Int64());
                break;
            case JournalEntry.TransactionForgotten:
                if (_byId.Remove(r.String(), out var forgotten)) _byProducer.Remove(forgotten.ProducerId);
                break;
            case JournalEntry.Transaction:
                var entry = TransactionEntry.Read(ref r, version);
                if (_byId.TryGetValue(entry.TransactionalId, out var before)) _byProducer.Remove(before.ProducerId);
                _byId[entry.TransactionalId] = entry;
                _byProducer[entry.ProducerId] = entry;
                NextProducerId = Math.Max(NextProducerId, entry.ProducerId + 1);
                if (entry.Status is TransactionStatus.CompleteCommit or TransactionStatus.CompleteAbort)
                    offsets.EndTransaction(entry.ProducerId, entry.Status == TransactionStatus.CompleteCommit, entry.UpdatedAt);
                break;
        }
    }

    /// <summary>
    /// After a restart: what was decided is carried out; what the log holds open but the coordinator does not (its end was lost with a tail) is ended as it
    /// was decided, or aborted, since nobody else would and the partition's readers would wait for ever.
    /// </summary>
    public void Recover(long now, Action<string> note)
    {
        foreach (var entry in _byId.Values.Where(e => e.Status is TransactionStatus.PrepareCommit or TransactionStatus.PrepareAbort).ToList())
        {
            note($"transaction of '{entry.TransactionalId}': {entry.Status} completed after the restart");
            Complete(entry, entry.Status == TransactionStatus.PrepareCommit, now);
        }
        foreach (var partition in topics.All.SelectMany(t => t.Partitions))
            foreach (var open in partition.Log.Producers.Open.ToList())
            {
                _byProducer.TryGetValue(open.ProducerId, out var entry);
                if (entry is { Status: TransactionStatus.Ongoing } && entry.Holds((partition.Topic.Id, partition.Index))) continue;
                var commit = entry is { Status: TransactionStatus.CompleteCommit } && entry.Epoch == open.Epoch;
                note($"topic '{partition.Topic.Name}' partition {partition.Index}: the transaction of producer {open.ProducerId} " +
                    $"that is open from offset {open.TransactionOffset} has no coordinator: {(commit ? "committed" : "aborted")}");
                partition.Log.AppendMarker(open.ProducerId, open.Epoch, commit, 0, now);
            }
        NextDeadline = 0;
    }

    public IEnumerable<(JournalEntry, byte, Action<ProtocolWriter>)> Snapshot()
    {
        yield return (JournalEntry.ProducerIds, 0, w => w.Int64(NextProducerId));
        foreach (var entry in _byId.Values) yield return (JournalEntry.Transaction, TransactionEntry.Version, entry.Write);
    }

    private ErrorCode Check(string transactionalId, long producerId, short epoch, out TransactionEntry? entry)
    {
        if (!_byId.TryGetValue(transactionalId, out entry) || entry.ProducerId != producerId) return ErrorCode.InvalidProducerIdMapping;
        return entry.Epoch == epoch ? ErrorCode.None : ErrorCode.ProducerFenced;
    }

    private void Begin(TransactionEntry entry, long now)
    {
        if (entry.Status == TransactionStatus.Ongoing) return;
        entry.Status = TransactionStatus.Ongoing;
        entry.StartedAt = now;
    }

    private void End(TransactionEntry entry, bool commit, bool fence, long now)
    {
        // The marker carries the new epoch, so that the partitions themselves refuse the producer that is fenced.
        if (fence && entry.Epoch < short.MaxValue - 1) entry.Epoch++;
        entry.Status = commit ? TransactionStatus.PrepareCommit : TransactionStatus.PrepareAbort;
        Save(entry, now);
        // Before the first marker: a power cut that keeps a marker and loses the decision would leave half of a transaction.
        decided();
        Complete(entry, commit, now);
    }

    private void Complete(TransactionEntry entry, bool commit, long now)
    {
        foreach (var (topicId, index) in entry.Partitions)
        {
            // A topic that was deleted meanwhile has no readers that wait.
            if (topics.Find(topicId)?.Find(index) is not { } partition) continue;
            partition.Log.AppendMarker(entry.ProducerId, entry.Epoch, commit, 0, now);
            grown(partition);
        }
        entry.Status = commit ? TransactionStatus.CompleteCommit : TransactionStatus.CompleteAbort;
        entry.Clear();
        Save(entry, now);
        offsets.EndTransaction(entry.ProducerId, commit, now);
    }

    private void Bump(TransactionEntry entry)
    {
        if (entry.ProducerId >= 0 && entry.Epoch < short.MaxValue - 1)
        {
            entry.Epoch++;
            return;
        }
        // New, or its epochs are used up: a new producer id begins at epoch 0.
        if (entry.ProducerId >= 0) _byProducer.Remove(entry.ProducerId);
        entry.ProducerId = AllocateProducerId();
        entry.Epoch = 0;
        _byProducer[entry.ProducerId] = entry;
    }

    private long AllocateProducerId()
    {
        var id = NextProducerId++;
        journal.Append(JournalEntry.ProducerIds, 0, w => w.Int64(NextProducerId));
        return id;
    }

    private void Save(TransactionEntry entry, long now)
    {
        entry.UpdatedAt = now;
        NextDeadline = Math.Min(NextDeadline, Deadline(entry));
        journal.Append(JournalEntry.Transaction, TransactionEntry.Version, entry.Write);
    }

    private void Forget(TransactionEntry entry)
    {
        journal.Append(JournalEntry.TransactionForgotten, 0, w => w.String(entry.TransactionalId));
        _byId.Remove(entry.TransactionalId);
        _byProducer.Remove(entry.ProducerId);
    }

    private long Deadline(TransactionEntry entry) =>
        entry.Status == TransactionStatus.Ongoing ? entry.StartedAt + entry.TimeoutMs : entry.UpdatedAt + limits.ExpireAfterMs;
}
