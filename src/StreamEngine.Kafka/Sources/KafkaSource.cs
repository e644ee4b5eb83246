using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka.Native;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Sources;

/// <summary>Where a pipeline without a manifest starts.</summary>
internal enum StartPosition : byte
{
    Earliest,
    Latest,
    Time,
}

/// <summary>A topic to be read.</summary>
/// <param name="Name">The source's name in the pipeline.</param>
/// <param name="Topic">The topic.</param>
/// <param name="Start">Where to start without a manifest.</param>
/// <param name="StartTime">For <see cref="StartPosition.Time"/>: record timestamp in milliseconds.</param>
/// <param name="CreatePartitions">Partitions to create the topic with where it does not exist; null: it must exist.</param>
internal sealed record KafkaSourceOptions(string Name, string Topic, StartPosition Start = StartPosition.Earliest, long StartTime = 0, int? CreatePartitions = null)
{
    /// <summary>The most records of a batch.</summary>
    public int BatchRows { get; init; } = Batch.DefaultRows;

    /// <summary>A batch is cut when its keys, values and headers come to so many bytes.</summary>
    public int BatchBytes { get; init; } = 512 << 10;

    /// <summary>Batches that wait per partition before its queue is not read further.</summary>
    public int WaitingBatches { get; init; } = 2;

    /// <summary>What is read of each partition, for a replay; null: everything, without an end.</summary>
    public IReadOnlyDictionary<int, ReplayPartition>? Bounds { get; init; }
}

/// <summary>
/// Reads a topic with one client, one queue per partition and one thread, committed records only. A partition whose batches are not taken is not read from the client's
/// queue, and the client stops fetching it: no pause and no seek, which would throw away what was fetched (librdkafka #5343). Positions are given by the engine; no
/// consumer group is involved.
/// </summary>
internal sealed class KafkaSource : IBoundedSource
{
    private static readonly TimeSpan BehindAge = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan PartitionsAge = TimeSpan.FromSeconds(30);

    private readonly KafkaConnection _connection;
    private readonly KafkaSourceOptions _options;
    private readonly MemoryScope _scope;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly AutoResetEvent _work = new(false);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<int, PartitionQueue> _partitions = [];
    private readonly List<Task> _queries = [];
    private KafkaTopics? _topics;
    private NativeClient? _client;
    private ISourceListener? _listener;
    private Thread? _thread;
    private GCHandle _self;
    private int _known;
    private long _behind = -1;
    private ITimer? _watch;

    public KafkaSource(KafkaConnection connection, KafkaSourceOptions options, MemoryScope scope, TimeProvider time, ILogger logger)
    {
        _connection = connection;
        _options = options;
        _scope = scope;
        _time = time;
        _logger = logger;
    }

    public string Name => _options.Name;

    public async Task<SourceLayout> OpenAsync(CancellationToken cancellation)
    {
        _topics = new KafkaTopics(_connection, _logger);
        var topic = await _topics.FindAsync(_options.Topic, cancellation);
        if (topic is null)
        {
            if (_options.CreatePartitions is not { } partitions)
                throw new StartupException($"topic '{_options.Topic}' does not exist on {_connection.Bootstrap}\n  create it:                    ./engine topic create {_options.Topic} --partitions 4\n  or let the pipeline do it:    sources.{_options.Name}.create {{ partitions = 4 }}");
            topic = await _topics.EnsureAsync(_options.Topic, partitions, null, _time, cancellation);
        }
        var starts = await _topics.OffsetsAsync(topic, _options.Start, _options.StartTime, cancellation);
        _known = topic.Partitions;
        var begins = _options.Start == StartPosition.Earliest ? starts : await _topics.OffsetsAsync(topic, StartPosition.Earliest, 0, cancellation);
        return new SourceLayout(topic.Name, topic.Id, topic.Partitions, starts) { Begins = begins };
    }

    public unsafe void Start(IReadOnlyDictionary<int, long> offsets, ISourceListener listener)
    {
        _listener = listener;
        _client = new NativeClient(LibRdKafka.Consumer, _connection,
        [
            new("isolation.level", "read_committed"), new("enable.partition.eof", "true"), new("auto.offset.reset", "error"), new("allow.auto.create.topics", "false"),
                new("check.crcs", "true"),
            new("queued.min.messages", "50000"), new("queued.max.messages.kbytes", _connection.Settings.GetValueOrDefault("queued.max.messages.kbytes", "8192")),
                new("fetch.queue.backoff.ms", "5"), new("fetch.error.backoff.ms", "100"),
        ], _logger);
        _self = GCHandle.Alloc(this);
        foreach (var (partition, offset) in offsets)
            _partitions[partition] = new PartitionQueue(partition, offset) { End = EndOf(partition),
            Cuts = [.. (_options.Bounds?.GetValueOrDefault(partition)?.Moves ?? []).Select(m => m.Offset)] };
        _thread = new Thread(Run) { IsBackground = true, Name = $"kafka source {Name}" };
        _thread.Start();
        // A replay is bounded: what is added to the topic meanwhile is not its business.
        if (_options.Bounds is null) _watch = _time.CreateTimer(_ => Ask(WatchPartitionsAsync), null, PartitionsAge, PartitionsAge);
    }

    public long? Behind => Interlocked.Read(ref _behind) is var behind and >= 0 ? behind : null;

    public long EndOf(int partition) => _options.Bounds?.GetValueOrDefault(partition)?.End ?? long.MaxValue;

    public bool TryTake(int partition, out Batch? batch)
    {
        if (!_partitions[partition].TryTake(out batch, out var end)) return false;
        if (end >= 0) _listener!.OnEndOfPartition(partition, end);
        _work.Set();
        return true;
    }

    public void QueryEnds(int partition) => Ask(() => QueryEndsAsync(partition));

    private void Ask(Func<Task> question)
    {
        lock (_queries)
        {
            if (_stopping.IsCancellationRequested) return;
            _queries.RemoveAll(q => q.IsCompleted);
            _queries.Add(question());
        }
    }

    /// <summary>Partitions that were added are read by a new incarnation: which partition belongs to which lane is decided at its start.</summary>
    private async Task WatchPartitionsAsync()
    {
        try
        {
            var topic = await _topics!.FindAsync(_options.Topic, _stopping.Token);
            if (topic is not null && topic.Partitions > _known)
                _listener!.OnFailed(new InvalidOperationException($"topic '{_options.Topic}' has {topic.Partitions} partitions now, it had {_known}: a new incarnation reads them all"));
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
        catch (StartupException e)
        {
            _logger.LogWarning(e, "the partitions of {Topic} could not be asked", _options.Topic);
        }
    }

    private async Task QueryEndsAsync(int partition)
    {
        try
        {
            var (stable, high) = await _topics!.EndsAsync(_options.Topic, partition, _stopping.Token);
            _listener!.OnEnds(partition, stable, high);
        }
        catch (OperationCanceledException)
        {
            // Stopping: nobody waits for the answer.
        }
        catch (Exception e)
        {
            // The brokers may be away for a while; the question is asked again after the next timeout.
            _logger.LogWarning(e, "the ends of {Topic}-{Partition} could not be asked", _options.Topic, partition);
            _listener!.OnEnds(partition, long.MaxValue, long.MinValue);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static void OnQueueFilled(nint client, nint opaque) => ((KafkaSource)GCHandle.FromIntPtr(opaque).Target!)._work.Set();

    private unsafe void Run()
    {
        var topic = LibRdKafka.TopicNew(_client!.Handle, _options.Topic, 0);
        var started = new List<int>();
        var queues = new List<nint>();
        var buffer = (LibRdKafka.Message**)NativeMemory.Alloc((nuint)_options.BatchRows, (nuint)sizeof(nint));
        try
        {
            foreach (var queue in _partitions.Values)
            {
                if (LibRdKafka.ConsumeStart(topic, queue.Partition, queue.Offset) != 0)
                    throw new KafkaClientException(LibRdKafka.LastError(), $"{_options.Topic}-{queue.Partition} cannot be read from offset {queue.Offset}");
                started.Add(queue.Partition);
                var handle = LibRdKafka.QueueOfPartition(_client.Handle, _options.Topic, queue.Partition);
                LibRdKafka.QueueEnableCallback(handle, &OnQueueFilled, GCHandle.ToIntPtr(_self));
                queues.Add(handle);
            }
            var measured = _time.GetTimestamp();
            while (!_stopping.IsCancellationRequested)
            {
                var any = false;
                foreach (var queue in _partitions.Values)
                    if (!queue.IsFinished && queue.Waiting < _options.WaitingBatches) any |= Read(topic, queue, buffer);
                LibRdKafka.Poll(_client.Handle, 0);
                if (_time.GetElapsedTime(measured) > BehindAge)
                {
                    measured = _time.GetTimestamp();
                    Interlocked.Exchange(ref _behind, MeasureBehind());
                }
                // The callback comes only when an empty queue fills: after a full round without a record nothing can have been missed.
                if (!any) _work.WaitOne(100);
            }
        }
        catch (Exception e)
        {
            _listener!.OnFailed(e);
        }
        finally
        {
            foreach (var partition in started) LibRdKafka.ConsumeStop(topic, partition);
            foreach (var queue in queues) LibRdKafka.QueueDestroy(queue);
            LibRdKafka.TopicDestroy(topic);
            NativeMemory.Free(buffer);
        }
    }

    // The ends that came with the last fetches: no question to the brokers.
    private unsafe long MeasureBehind()
    {
        long behind = 0;
        foreach (var queue in _partitions.Values)
        {
            long low, high;
            if (LibRdKafka.CachedWatermarks(_client!.Handle, _options.Topic, queue.Partition, &low, &high) == LibRdKafka.NoError && high > 0)
                behind += Math.Max(0, Math.Min(high, queue.End) - queue.Offset);
        }
        return behind;
    }

    private unsafe bool Read(nint topic, PartitionQueue queue, LibRdKafka.Message** buffer)
    {
        var read = (int)LibRdKafka.ConsumeBatch(topic, queue.Partition, 0, buffer, (nuint)_options.BatchRows);
        if (read < 0) throw new KafkaClientException(LibRdKafka.LastError(), $"{_options.Topic}-{queue.Partition} cannot be read");
        if (read == 0) return false;
        var from = 0;
        try
        {
            while (from < read)
            {
                if (buffer[from]->Error != LibRdKafka.NoError)
                {
                    OnError(queue, buffer[from]);
                    LibRdKafka.MessageDestroy(buffer[from++]);
                    continue;
                }
                if (buffer[from]->Offset >= queue.End)
                {
                    // Behind the bound: what was read reaches up to it.
                    Finish(queue);
                    break;
                }
                var to = RecordBatcher.EndOfBatch(buffer, from, read, _options.BatchBytes, queue.NextCut(buffer[from]->Offset));
                var batch = RecordBatcher.Copy(_scope, _options.Topic, Name, queue.Partition, buffer, from, to);
                from = to;
                if (queue.Add(batch)) _listener!.OnReady(queue.Partition);
            }
        }
        finally
        {
            for (; from < read; from++) LibRdKafka.MessageDestroy(buffer[from]);
        }
        return true;
    }

    /// <summary>The partition's bound was reached. Its queue is not read any more, which stops the client's fetching too.</summary>
    private void Finish(PartitionQueue queue)
    {
        queue.IsFinished = true;
        if (queue.ReachedEnd(queue.End)) _listener!.OnEndOfPartition(queue.Partition, queue.End);
    }

    private unsafe void OnError(PartitionQueue queue, LibRdKafka.Message* message)
    {
        if (message->Error == LibRdKafka.PartitionEof)
        {
            queue.IsFinished = message->Offset >= queue.End;
            // It must not overtake the batches before it: the stage is told when the last of them is taken, or now when there is none.
            if (queue.ReachedEnd(message->Offset)) _listener!.OnEndOfPartition(queue.Partition, message->Offset);
            return;
        }
        var text = Marshal.PtrToStringUTF8((nint)message->Payload, (int)message->Length);
        if (message->Error == LibRdKafka.AutoOffsetReset)
            throw new StartupException($"{_options.Topic}-{queue.Partition}: offset {queue.Offset} does not exist any more ({text}): retention has deleted records that the pipeline has not read\n  to start anew with what is left:    ./engine run FILE --reset    (state is forgotten, and what is still there is written again)");
        throw new KafkaClientException(message->Error, $"{_options.Topic}-{queue.Partition}: {text}");
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _work.Set();
        if (_watch is not null) await _watch.DisposeAsync();
        // It may be copying into memory that the worker frees next: the process ends before that happens.
        if (_thread is not null && !_thread.Join(TimeSpan.FromSeconds(60))) Environment.FailFast($"the thread of source {Name} did not end in 60 s");
        Task[] queries;
        lock (_queries) queries = [.. _queries];
        await Task.WhenAll(queries);
        foreach (var queue in _partitions.Values) queue.Dispose();
        _client?.Dispose();
        _topics?.Dispose();
        if (_self.IsAllocated) _self.Free();
        _work.Dispose();
        _stopping.Dispose();
    }
}
