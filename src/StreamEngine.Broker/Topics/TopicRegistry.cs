using System.Buffers.Binary;
using System.IO.Hashing;
using StreamEngine.Broker.Log;
using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker.Topics;

/// <summary>The topics by name and by id. Ids come from the broker's seed and a counter, both in the journal: two runs of one seed give the same ids.</summary>
internal sealed class TopicRegistry(ILogStorage storage, Journal journal, int maxPartitions, Action<HashSet<string>> deletedTopics)
{
    private readonly SortedDictionary<string, Topic> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<Guid, Topic> _byId = [];
    private readonly Dictionary<(Guid, int), long> _starts = [];
    private readonly List<(string Name, Guid Id, int Partitions, Dictionary<string, string> Configs)> _replayed = [];
    private int _partitions;

    public ulong Seed { get; set; }

    /// <summary>How many topics were ever created: the counter that ids come from.</summary>
    public long Created { get; set; }

    public IEnumerable<Topic> All => _byName.Values;

    public int Count => _byName.Count;

    public Topic? Find(string name) => _byName.GetValueOrDefault(name);

    public Topic? Find(Guid id) => _byId.GetValueOrDefault(id);

    public Partition? Find(string name, int partition) => Find(name)?.Find(partition);

    public bool HasRoomFor(long partitions) => _partitions + partitions <= maxPartitions;

    /// <summary>Kafka's rule for names: 1 to 249 of letters, digits, dot, underscore and dash, and not "." or "..".</summary>
    public static bool IsLegalName(string name) =>
        name.Length is > 0 and <= 249 && name is not "." and not ".." && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    public Topic Create(string name, int partitions, IReadOnlyDictionary<string, string> configs, long now)
    {
        var id = DeriveId(Seed, ++Created);
        journal.Append(JournalEntry.TopicCreated, 0, w => WriteCreated(w, Created, name, id, partitions, configs));
        return Add(name, id, partitions, configs, now, static _ => { });
    }

    /// <summary>Deletes a topic; who calls it calls <see cref="Forget"/> before the request is through.</summary>
    public void Delete(Topic topic)
    {
        journal.Append(JournalEntry.TopicDeleted, 0, w =>
        {
            w.Uuid(topic.Id);
            w.String(topic.Name);
        });
        _byName.Remove(topic.Name);
        _byId.Remove(topic.Id);
        _partitions -= topic.Partitions.Count;
        for (var i = 0; i < topic.Partitions.Count; i++) _starts.Remove((topic.Id, i));
        storage.DeleteTopic(topic.Id);
    }

    /// <summary>Lets offsets of deleted topics go: once for all of a request, since it looks through every group.</summary>
    public void Forget(IReadOnlyCollection<Topic> deleted)
    {
        if (deleted.Count > 0) deletedTopics(deleted.Select(t => t.Name).ToHashSet(StringComparer.Ordinal));
    }

    public void AddPartitions(Topic topic, int count, long now)
    {
        journal.Append(JournalEntry.PartitionsAdded, 0, w =>
        {
            w.Uuid(topic.Id);
            w.Int32(count);
        });
        OpenPartitions(topic, count, now, static _ => { });
    }

    /// <summary>Gives a topic the settings that it has from now on.</summary>
    public void Configure(Topic topic, IReadOnlyDictionary<string, string> configs)
    {
        journal.Append(JournalEntry.TopicConfig, 0, w =>
        {
            w.Uuid(topic.Id);
            WriteConfigs(w, configs);
        });
        topic.Configure(configs);
    }

    /// <summary>Lets go of what the topics' settings no longer keep.</summary>
    public void Retain(long now)
    {
        foreach (var topic in _byName.Values.Where(t => !t.Retention.IsEndless))
            foreach (var partition in topic.Partitions)
                if (partition.Log.StartWithin(topic.Retention, now) is var start && start > partition.Log.StartOffset) MoveStart(partition, start);
    }

    public void MoveStart(Partition partition, long offset)
    {
        var id = partition.Topic.Id;
        journal.Append(JournalEntry.LogStart, 0, w => WriteStart(w, id, partition.Index, offset));
        _starts[(id, partition.Index)] = offset;
        partition.Log.MoveStart(offset);
    }

    /// <summary>Takes one record of the journal into account, before <see cref="OpenAll"/>.</summary>
    public void Replay(JournalEntry entry, ref ProtocolReader r)
    {
        switch (entry)
        {
            case JournalEntry.TopicCreated:
                Created = Math.Max(Created, r.Int64());
                var name = r.String();
                var id = r.Uuid();
                var partitions = r.Int32();
                _replayed.Add((name, id, partitions, ReadConfigs(ref r)));
                break;
            case JournalEntry.TopicDeleted:
                var deleted = r.Uuid();
                _replayed.RemoveAll(t => t.Id == deleted);
                deletedTopics([r.String()]);
                break;
            case JournalEntry.PartitionsAdded:
                var grown = r.Uuid();
                var count = r.Int32();
                for (var i = 0; i < _replayed.Count; i++)
                    if (_replayed[i].Id == grown) _replayed[i] = _replayed[i] with { Partitions = count };
                break;
            case JournalEntry.TopicConfig:
                var configured = r.Uuid();
                var configs = ReadConfigs(ref r);
                for (var i = 0; i < _replayed.Count; i++)
                    if (_replayed[i].Id == configured) _replayed[i] = _replayed[i] with { Configs = configs };
                break;
            case JournalEntry.LogStart:
                var moved = r.Uuid();
                var partition = r.Int32();
                _starts[(moved, partition)] = r.Int64();
                break;
        }
    }

    /// <summary>Opens the logs of all topics that the journal told of, and removes files of topics it does not know (a deletion that a crash cut short).</summary>
    public void OpenAll(long now, Action<string> note)
    {
        foreach (var (name, id, partitions, configs) in _replayed) Add(name, id, partitions, configs, now, text => note($"topic '{name}': {text}"));
        _replayed.Clear();
        foreach (var key in _starts.Keys.Where(k => !_byId.ContainsKey(k.Item1)).ToList()) _starts.Remove(key);
        foreach (var id in storage.StoredTopics().Where(i => !_byId.ContainsKey(i)).ToList()) storage.DeleteTopic(id);
    }

    public IEnumerable<(JournalEntry, byte, Action<ProtocolWriter>)> Snapshot()
    {
        foreach (var topic in _byName.Values)
            yield return (JournalEntry.TopicCreated, 0, w => WriteCreated(w, Created, topic.Name, topic.Id, topic.Partitions.Count, topic.Configs));
        foreach (var ((id, partition), offset) in _starts) yield return (JournalEntry.LogStart, 0, w => WriteStart(w, id, partition, offset));
    }

    private Topic Add(string name, Guid id, int partitions, IReadOnlyDictionary<string, string> configs, long now, Action<string> note)
    {
        var topic = new Topic(name, id, configs);
        _byName[name] = topic;
        _byId[id] = topic;
        OpenPartitions(topic, partitions, now, note);
        return topic;
    }

    private void OpenPartitions(Topic topic, int count, long now, Action<string> note)
    {
        for (var i = topic.Partitions.Count; i < count; i++)
        {
            var start = _starts.GetValueOrDefault((topic.Id, i));
            topic.Partitions.Add(new Partition(topic, i, PartitionLog.Open(storage, topic.Id, i, topic.SegmentBytes, start, now, note)));
            _partitions++;
        }
    }

    private static void WriteCreated(ProtocolWriter w, long created, string name, Guid id, int partitions, IReadOnlyDictionary<string, string> configs)
    {
        w.Int64(created);
        w.String(name);
        w.Uuid(id);
        w.Int32(partitions);
        WriteConfigs(w, configs);
    }

    private static void WriteConfigs(ProtocolWriter w, IReadOnlyDictionary<string, string> configs)
    {
        w.Count(configs.Count);
        foreach (var (key, value) in configs)
        {
            w.String(key);
            w.String(value);
        }
    }

    private static Dictionary<string, string> ReadConfigs(ref ProtocolReader r) =>
        new(r.Array(static (ref ProtocolReader x) => KeyValuePair.Create(x.String(), x.String())));

    private static void WriteStart(ProtocolWriter w, Guid id, int partition, long offset)
    {
        w.Uuid(id);
        w.Int32(partition);
        w.Int64(offset);
    }

    public static Guid DeriveId(ulong seed, long number)
    {
        Span<byte> input = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(input, seed);
        BinaryPrimitives.WriteInt64BigEndian(input[8..], number);
        Span<byte> hash = stackalloc byte[16];
        XxHash128.Hash(input, hash);
        // The bits of a random UUID (RFC 9562, version 4), so that clients that check them are content.
        hash[6] = (byte)((hash[6] & 0x0F) | 0x40);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash, bigEndian: true);
    }
}
