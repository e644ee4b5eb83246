using StreamEngine.Core;

namespace StreamEngine.Pipelines.Testing;

/// <summary>A record of the memory log.</summary>
internal sealed record MemoryRecord(byte[]? Key, byte[]? Value, byte[] Headers, long Timestamp);

/// <summary>
/// Topics in memory, with what commits need of a log: a transaction is appended whole or not at all. It outlives the incarnations of a worker, as a broker does. For
/// tests of pipelines without a broker.
/// </summary>
internal sealed class MemoryLog
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<MemoryRecord>[]> _topics = [];
    private readonly List<Action> _watchers = [];
    private bool _finished;

    /// <summary>The partitions whose end is admitted when it is asked for; null: all. So a test makes one partition idle and not the others.</summary>
    public HashSet<int>? IdlePartitions { get; set; }

    /// <summary>No more rows will come: sources are bounded by what is there.</summary>
    public bool IsFinished
    {
        get { lock (_lock) return _finished; }
    }

    public void Create(string topic, int partitions)
    {
        lock (_lock)
            if (!_topics.ContainsKey(topic)) _topics[topic] = [.. Enumerable.Range(0, partitions).Select(_ => new List<MemoryRecord>())];
    }

    public bool Exists(string topic)
    {
        lock (_lock) return _topics.ContainsKey(topic);
    }

    public int Partitions(string topic)
    {
        lock (_lock) return _topics[topic].Length;
    }

    public long End(string topic, int partition)
    {
        lock (_lock) return _topics[topic][partition].Count;
    }

    public void Append(string topic, int partition, MemoryRecord record)
    {
        lock (_lock) _topics[topic][partition].Add(record);
        Changed();
    }

    /// <summary>Appends the records of a transaction, all at once.</summary>
    public void Append(IReadOnlyList<(string Topic, int Partition, MemoryRecord Record)> records)
    {
        lock (_lock)
            foreach (var (topic, partition, record) in records) _topics[topic][partition].Add(record);
        Changed();
    }

    /// <summary>The records from an offset on, at most so many.</summary>
    public IReadOnlyList<MemoryRecord> Read(string topic, int partition, long from, int count)
    {
        lock (_lock)
        {
            var records = _topics[topic][partition];
            return records.GetRange((int)from, (int)Math.Clamp(records.Count - from, 0, count));
        }
    }

    public IReadOnlyList<MemoryRecord> ReadAll(string topic)
    {
        lock (_lock) return _topics.TryGetValue(topic, out var partitions) ? [.. partitions.SelectMany(p => p)] : [];
    }

    public void Finish()
    {
        lock (_lock) _finished = true;
        Changed();
    }

    /// <summary>Called after every change, on the thread that made it.</summary>
    public IDisposable Watch(Action watcher)
    {
        lock (_lock) _watchers.Add(watcher);
        return new Watching(this, watcher);
    }

    private void Changed()
    {
        Action[] watchers;
        lock (_lock) watchers = [.. _watchers];
        foreach (var watcher in watchers) watcher();
    }

    private sealed class Watching(MemoryLog log, Action watcher) : IDisposable
    {
        public void Dispose()
        {
            lock (log._lock) log._watchers.Remove(watcher);
        }
    }
}
