using StreamEngine.Broker.Protocol;
using StreamEngine.Core;
using StreamEngine.Kafka.Sources;
using StreamEngine.Simulation.Network;

namespace StreamEngine.Simulation.Clients;

/// <summary>
/// Reads a topic as KafkaSource does: committed records only, one connection per partition, at most so many batches waiting, the partition's end told behind the last of
/// them. It comes to an end where the world says that nothing more will be written.
/// </summary>
internal class SimulatedSource(SimulatedClient client, string name, string topic, int batchRows, MemoryScope scope, Func<int, long?> endOf) : IBoundedSource
{
    private const int WaitingBatches = 2;
    private const int FetchWait = 500;

    private readonly Dictionary<int, PartitionQueue> _queues = [];
    private readonly Dictionary<int, TaskCompletionSource> _full = [];
    private readonly List<Task> _tasks = [];
    private readonly CancellationTokenSource _stopping = new();
    private ISourceListener? _listener;

    public string Name => name;

    public async Task<SourceLayout> OpenAsync(CancellationToken cancellation)
    {
        var found = await client.DescribeAsync(topic, cancellation) ?? throw new StartupException($"topic '{topic}' does not exist");
        var starts = new Dictionary<int, long>();
        var reader = client.CreateReader();
        for (var partition = 0; partition < found.Partitions; partition++) starts[partition] = (await reader.BoundsAsync(topic, partition, cancellation)).Low;
        return new SourceLayout(topic, found.Id.ToString(), found.Partitions, starts);
    }

    public void Start(IReadOnlyDictionary<int, OffsetAndEpoch> positions, ISourceListener listener)
    {
        _listener = listener;
        foreach (var (partition, position) in positions.OrderBy(p => p.Key)) _queues[partition] = new PartitionQueue(partition, position.Offset);
        foreach (var queue in _queues.Values) _tasks.Add(ReadAsync(queue));
    }

    private async Task ReadAsync(PartitionQueue queue)
    {
        var leader = client.Connect();
        var position = queue.Offset;
        var (told, finished) = (-1L, false);
        try
        {
            while (!_stopping.IsCancellationRequested)
            {
                while (queue.Waiting >= WaitingBatches && !_stopping.IsCancellationRequested) await (_full[queue.Partition] = new TaskCompletionSource()).Task;
                if (_stopping.IsCancellationRequested) return;
                var reply = await leader.AskAsync(Messages.Fetch(topic, queue.Partition, position, FetchWait, 4096), client.Patience.Read);
                if (!reply.IsAnswered)
                {
                    await Task.Delay(client.Patience.Backoff, client.Time);
                    continue;
                }
                if (_stopping.IsCancellationRequested) return;
                var answer = reply.Value;
                if (answer.Error != ErrorCode.None) throw new StartupException($"{topic}-{queue.Partition}: offset {position} cannot be read: {answer.Error}");
                var read = RecordBatches.Read(answer.Batches, position, answer.Aborted);
                for (var i = 0; i < read.Records.Count; i += batchRows)
                    if (queue.Add(ToBatch(queue.Partition, [.. read.Records.Skip(i).Take(batchRows)]))) _listener!.OnReady(queue.Partition);
                position = read.NextOffset;
                if (position < answer.StableOffset || (position == told && (finished || endOf(queue.Partition) is null))) continue;
                (told, finished) = (position, endOf(queue.Partition) is not null);
                // It must not overtake the batches before it.
                if (queue.ReachedEnd(position)) _listener!.OnEndOfPartition(queue.Partition, position);
            }
        }
        catch (Exception e) when (e is StartupException or InvalidDataException)
        {
            _listener!.OnFailed(e);
        }
    }

    public virtual bool TryTake(int partition, out Batch? batch)
    {
        if (!_queues[partition].TryTake(out batch, out var end)) return false;
        if (end >= 0) _listener!.OnEndOfPartition(partition, end);
        if (_full.TryGetValue(partition, out var full)) full.TrySetResult();
        return true;
    }

    private unsafe Batch ToBatch(int partition, IReadOnlyList<LogRecord> records)
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
            offsets[i] = records[i].Offset;
            timestamps[i] = records[i].Timestamp;
            keys[i] = Copy(records[i].Key, arena);
            values[i] = Copy(records[i].Value, arena);
            headers[i] = Copy(records[i].Headers, arena);
        }
        return Batch.OfRecords(new LogRecords(count, topic) { Partition = partition, Name = name, Offsets = offsets, Timestamps = timestamps, Keys = keys,
            Values = values, Headers = headers, NextOffset = offsets[count - 1] + 1 }, arena, BatchRole.Raw);
    }

    private static unsafe Bytes Copy(byte[]? bytes, Arena arena) => bytes is null ? Bytes.Null : new Bytes(arena.Copy(bytes), bytes.Length);

    public void QueryEnds(int partition) => _tasks.Add(QueryEndsAsync(partition));

    private async Task QueryEndsAsync(int partition)
    {
        try
        {
            var reader = client.CreateReader();
            var stable = (await reader.BoundsAsync(topic, partition, _stopping.Token)).High;
            _listener!.OnEnds(partition, stable, await reader.EndAsync(topic, partition, _stopping.Token));
        }
        catch (OperationCanceledException)
        {
            // Stopping: nobody waits for the answer.
        }
        catch (SimulatedClientException)
        {
            // The broker may be away for a while; the question is asked again after the next timeout.
            _listener!.OnEnds(partition, long.MaxValue, long.MinValue);
        }
    }

    public long EndOf(int partition) => endOf(partition) ?? long.MaxValue;

    public async ValueTask DisposeAsync()
    {
        // Not CancelAsync: it calls back from a thread of the pool.
        _stopping.Cancel();
        foreach (var full in _full.Values) full.TrySetResult();
        await Task.WhenAll(_tasks);
        foreach (var queue in _queues.Values) queue.Dispose();
    }
}
