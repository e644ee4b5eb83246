using StreamEngine.Core;

namespace StreamEngine.Pipelines.Testing;

/// <summary>Reads a topic of the memory log, in batches of at most so many rows.</summary>
internal sealed class MemorySource(MemoryLog log, string name, string topic, int batchRows, MemoryScope scope) : IBoundedSource
{
    private readonly Lock _lock = new();
    private Dictionary<int, long> _positions = [];
    private readonly HashSet<int> _told = [];
    private ISourceListener? _listener;
    private IDisposable? _watching;

    public string Name => name;

    public Task<SourceLayout> OpenAsync(CancellationToken cancellation)
    {
        var partitions = log.Partitions(topic);
        return Task.FromResult(new SourceLayout(topic, topic, partitions, Enumerable.Range(0, partitions).ToDictionary(p => p, _ => 0L)));
    }

    public void Start(IReadOnlyDictionary<int, OffsetAndEpoch> positions, ISourceListener listener)
    {
        _positions = positions.ToDictionary(p => p.Key, p => p.Value.Offset);
        _listener = listener;
        _watching = log.Watch(Changed);
        Changed();
    }

    private void Changed()
    {
        lock (_lock)
        {
            foreach (var (partition, position) in _positions)
            {
                if (log.End(topic, partition) > position) _listener!.OnReady(partition);
                else TellEnd(partition, position);
            }
        }
    }

    private void TellEnd(int partition, long position)
    {
        // Told once per position, and once more when it has become the last one.
        if (_told.Add(partition) || log.IsFinished) _listener!.OnEndOfPartition(partition, position);
    }

    public unsafe bool TryTake(int partition, out Batch? batch)
    {
        batch = null;
        lock (_lock)
        {
            var position = _positions[partition];
            var records = log.Read(topic, partition, position, batchRows);
            if (records.Count == 0) return false;
            batch = ToBatch(partition, position, records);
            _positions[partition] = position + records.Count;
            _told.Remove(partition);
            if (log.End(topic, partition) == _positions[partition]) TellEnd(partition, _positions[partition]);
            return true;
        }
    }

    private unsafe Batch ToBatch(int partition, long first, IReadOnlyList<MemoryRecord> records)
    {
        var arena = scope.RentArena();
        var count = records.Count;
        var offsets = arena.Allocate<long>(count);
        var timestamps = arena.Allocate<long>(count);
        var keys = arena.Allocate<Bytes>(count);
        var values = arena.Allocate<Bytes>(count);
        var headers = arena.Allocate<Bytes>(count);
        for (var i = 0; i < count; i++)
        {
            offsets[i] = first + i;
            timestamps[i] = records[i].Timestamp;
            keys[i] = Copy(records[i].Key, arena);
            values[i] = Copy(records[i].Value, arena);
            headers[i] = Copy(records[i].Headers, arena);
        }
        return Batch.OfRecords(new LogRecords(count, topic) { Partition = partition, Name = name, Offsets = offsets, Timestamps = timestamps, Keys = keys,
            Values = values, Headers = headers, NextOffset = first + count }, arena, BatchRole.Raw);
    }

    private static unsafe Bytes Copy(byte[]? bytes, Arena arena) => bytes is null ? Bytes.Null : new Bytes(arena.Copy(bytes), bytes.Length);

    public void QueryEnds(int partition)
    {
        var end = log.End(topic, partition);
        // A higher high watermark is what a partition looks like behind an open transaction: not at its end.
        _listener!.OnEnds(partition, end, log.IdlePartitions?.Contains(partition) == false ? end + 1 : end);
    }

    public long EndOf(int partition) => log.IsFinished ? log.End(topic, partition) : long.MaxValue;

    public ValueTask DisposeAsync()
    {
        _watching?.Dispose();
        return ValueTask.CompletedTask;
    }
}
