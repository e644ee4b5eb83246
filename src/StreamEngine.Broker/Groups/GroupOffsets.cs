using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker.Groups;

/// <summary>A committed position of a group in one partition.</summary>
internal readonly record struct CommittedOffset(long Offset, int LeaderEpoch, string Metadata, long CommittedAt);

/// <summary>One entry of an offset commit.</summary>
internal readonly record struct OffsetCommit(string Topic, int Partition, long Offset, int LeaderEpoch, string Metadata);

/// <summary>
/// The committed offsets of groups, and those that wait for the end of a transaction. Membership is the business of <see cref="GroupCoordinator"/>: whoever commits was
/// checked before.
/// </summary>
internal sealed class GroupOffsets(Journal journal, int maxGroups)
{
    /// <summary>offset.metadata.max.bytes of Kafka.</summary>
    public const int MaxMetadata = 4096;

    /// <summary>Ordinal, whatever the culture: a run must repeat.</summary>
    private static readonly Comparer<(string Group, string Topic, int Partition)> KeyOrder = Comparer<(string Group, string Topic, int Partition)>.Create(static (a, b) =>
    {
        var order = string.CompareOrdinal(a.Group, b.Group);
        if (order == 0) order = string.CompareOrdinal(a.Topic, b.Topic);
        return order != 0 ? order : a.Partition.CompareTo(b.Partition);
    });

    private static readonly Comparer<(string Topic, int Partition)> PartitionOrder =
        Comparer<(string Topic, int Partition)>.Create(static (a, b) => KeyOrder.Compare(("", a.Topic, a.Partition), ("", b.Topic, b.Partition)));

    private readonly SortedDictionary<string, SortedDictionary<(string Topic, int Partition), CommittedOffset>> _groups = new(StringComparer.Ordinal);
    private readonly Dictionary<long, SortedDictionary<(string Group, string Topic, int Partition), OffsetCommit>> _pending = [];

    /// <summary>How many open transactions hold an offset: asked for each partition of an OffsetFetch.</summary>
    private readonly Dictionary<(string Group, string Topic, int Partition), int> _holders = [];

    public IEnumerable<string> Groups => _groups.Keys;

    public bool Exists(string group) => _groups.ContainsKey(group);

    /// <summary>A group that is new must find room: the count of groups is bounded.</summary>
    public bool HasRoomFor(string group) => _groups.Count < maxGroups || _groups.ContainsKey(group);

    public CommittedOffset? Find(string group, string topic, int partition) =>
        _groups.TryGetValue(group, out var offsets) && offsets.TryGetValue((topic, partition), out var found) ? found : null;

    public IEnumerable<(string Topic, int Partition, CommittedOffset Offset)> Of(string group) =>
        _groups.TryGetValue(group, out var offsets) ? offsets.Select(o => (o.Key.Topic, o.Key.Partition, o.Value)) : [];

    /// <summary>Whether an open transaction holds an offset for this partition (KIP-447: a reader that wants stable offsets waits).</summary>
    public bool IsPending(string group, string topic, int partition) => _holders.ContainsKey((group, topic, partition));

    public void Commit(string group, IReadOnlyList<OffsetCommit> offsets, long now)
    {
        journal.Append(JournalEntry.GroupOffsets, 0, w => WriteOffsets(w, group, offsets, now));
        Apply(group, offsets, now);
    }

    /// <summary>Keeps offsets until the producer's transaction ends.</summary>
    public void CommitLater(long producerId, string group, IReadOnlyList<OffsetCommit> offsets)
    {
        journal.Append(JournalEntry.TransactionOffsets, 0, w => WritePending(w, producerId, group, offsets));
        Hold(producerId, group, offsets);
    }

    /// <summary>The transaction of a producer has ended: its offsets count, or never were. The journal's record of the end implies it.</summary>
    public void EndTransaction(long producerId, bool commit, long now)
    {
        if (!_pending.Remove(producerId, out var held)) return;
        foreach (var key in held.Keys) Released(key);
        if (!commit) return;
        foreach (var group in held.GroupBy(h => h.Key.Group)) Apply(group.Key, [.. group.Select(h => h.Value)], now);
    }

    public void Delete(string group)
    {
        journal.Append(JournalEntry.GroupDeleted, 0, w => w.String(group));
        _groups.Remove(group);
    }

    /// <summary>Offsets of a deleted topic go with it, or a new topic of that name would inherit them. The journal's record of the deletion implies it.</summary>
    public void RemoveTopics(HashSet<string> topics)
    {
        foreach (var offsets in _groups.Values)
            foreach (var key in offsets.Keys.Where(k => topics.Contains(k.Topic)).ToList()) offsets.Remove(key);
        foreach (var held in _pending.Values)
            foreach (var key in held.Keys.Where(k => topics.Contains(k.Topic)).ToList())
            {
                held.Remove(key);
                Released(key);
            }
    }

    public void Replay(JournalEntry entry, ref ProtocolReader r)
    {
        switch (entry)
        {
            case JournalEntry.GroupOffsets:
                var group = r.String();
                var at = r.Int64();
                Apply(group, r.Array(static (ref ProtocolReader x) => ReadOffset(ref x)), at);
                break;
            case JournalEntry.TransactionOffsets:
                var producer = r.Int64();
                Hold(producer, r.String(), r.Array(static (ref ProtocolReader x) => ReadOffset(ref x)));
                break;
            case JournalEntry.GroupDeleted:
                _groups.Remove(r.String());
                break;
        }
    }

    public IEnumerable<(JournalEntry, byte, Action<ProtocolWriter>)> Snapshot()
    {
        // Each offset with its own time: groups commit their partitions at different moments.
        foreach (var (group, offsets) in _groups)
            foreach (var byTime in offsets.GroupBy(o => o.Value.CommittedAt))
            {
                var list = byTime.Select(o => new OffsetCommit(o.Key.Topic, o.Key.Partition, o.Value.Offset, o.Value.LeaderEpoch, o.Value.Metadata)).ToList();
                yield return (JournalEntry.GroupOffsets, 0, w => WriteOffsets(w, group, list, byTime.Key));
            }
        foreach (var (producer, held) in _pending)
            foreach (var group in held.GroupBy(h => h.Key.Group))
            {
                var list = group.Select(h => h.Value).ToList();
                yield return (JournalEntry.TransactionOffsets, 0, w => WritePending(w, producer, group.Key, list));
            }
    }

    private void Hold(long producerId, string group, IReadOnlyList<OffsetCommit> offsets)
    {
        // Sent again in the same transaction, an offset replaces the one before.
        if (!_pending.TryGetValue(producerId, out var held)) _pending[producerId] = held = new(KeyOrder);
        foreach (var o in offsets)
        {
            var key = (group, o.Topic, o.Partition);
            if (!held.ContainsKey(key)) _holders[key] = _holders.GetValueOrDefault(key) + 1;
            held[key] = o;
        }
    }

    private void Released((string Group, string Topic, int Partition) key)
    {
        if (--_holders[key] == 0) _holders.Remove(key);
    }

    private void Apply(string group, IReadOnlyList<OffsetCommit> offsets, long now)
    {
        if (!_groups.TryGetValue(group, out var known)) _groups[group] = known = new(PartitionOrder);
        foreach (var o in offsets) known[(o.Topic, o.Partition)] = new CommittedOffset(o.Offset, o.LeaderEpoch, o.Metadata, now);
    }

    private static void WriteOffsets(ProtocolWriter w, string group, IReadOnlyList<OffsetCommit> offsets, long now)
    {
        w.String(group);
        w.Int64(now);
        WriteList(w, offsets);
    }

    private static void WritePending(ProtocolWriter w, long producerId, string group, IReadOnlyList<OffsetCommit> offsets)
    {
        w.Int64(producerId);
        w.String(group);
        WriteList(w, offsets);
    }

    private static void WriteList(ProtocolWriter w, IReadOnlyList<OffsetCommit> offsets)
    {
        w.Count(offsets.Count);
        foreach (var o in offsets)
        {
            w.String(o.Topic);
            w.Int32(o.Partition);
            w.Int64(o.Offset);
            w.Int32(o.LeaderEpoch);
            w.String(o.Metadata);
        }
    }

    private static OffsetCommit ReadOffset(ref ProtocolReader r) => new(r.String(), r.Int32(), r.Int64(), r.Int32(), r.String());
}
