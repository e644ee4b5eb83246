using StreamEngine.Broker.Protocol;
using StreamEngine.Simulation.Network;

namespace StreamEngine.Simulation.Clients;

/// <summary>How patient a client is: librdkafka's settings of the same meaning, and the engine's call timeout.</summary>
internal sealed record ClientPatience
{
    /// <summary>
    /// One request of a producer (socket.timeout.ms, 60 s by default). Not below <see cref="Call"/>, so that a request without an answer ends the call: see
    /// <see cref="SimulatedProducer"/>.
    /// </summary>
    public TimeSpan Request { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>One request of a reader, which may ask again without harm.</summary>
    public TimeSpan Read { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>One call with all its retries.</summary>
    public TimeSpan Call { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Before a request is sent again (retry.backoff.ms).</summary>
    public TimeSpan Backoff { get; init; } = TimeSpan.FromMilliseconds(100);
}

/// <summary>
/// A transactional producer as librdkafka is one, of the protocol before KIP-890: idempotent (what was lost with its connection is sent again with its sequence number),
/// one request at a time per partition, partitions are added to the transaction before they are written to. Every call either succeeds, or fails with the producer to be
/// dropped. A request that got no answer at all is sent again only where the patience for one request is below that for a call: then the first one may arrive when the
/// next transaction of the same epoch is open, and end it in the middle (the reason for KIP-890).
/// </summary>
internal sealed class SimulatedProducer(SimulatedNetwork network, string client, string transactionalId, TimeSpan transactionTimeout, ClientPatience patience,
    TimeProvider time, Action onDelivered)
{
    private const int BatchRecords = 64;
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(5);

    private readonly SimulatedNetwork.SimulatedConnection _coordinator = network.Connect(client);
    private readonly SortedDictionary<(string Topic, int Partition), Lane> _lanes = new(Comparer<(string Topic, int Partition)>.Create(static (a, b) =>
        string.CompareOrdinal(a.Topic, b.Topic) is not 0 and var order ? order : a.Partition.CompareTo(b.Partition)));
    private readonly List<TaskCompletionSource> _flushing = [];
    private long _producerId;
    private short _epoch;
    private bool _disposed;

    private sealed class Lane(SimulatedNetwork.SimulatedConnection leader)
    {
        public SimulatedNetwork.SimulatedConnection Leader => leader;

        public Queue<LogRecord> Records { get; } = new();

        public bool Sending { get; set; }

        public bool Added { get; set; }

        public int Sequence { get; set; }
    }

    /// <summary>Records handed over and neither delivered nor failed.</summary>
    public long Outstanding { get; private set; }

    /// <summary>The first delivery that failed; everything after it fails too.</summary>
    public SimulatedClientException? Error { get; private set; }

    public bool HasFatalError => Error is { IsFatal: true };

    /// <summary>Gets producer id and epoch; ends the transaction of the producer before, and fences it.</summary>
    public async Task InitTransactionsAsync()
    {
        var (_, id, epoch) = await CallAsync(_coordinator, Messages.InitProducerId(transactionalId, (int)transactionTimeout.TotalMilliseconds), a => a.Error,
            "the transactional producer cannot start");
        (_producerId, _epoch) = (id, epoch);
    }

    /// <summary>Hands a record over.</summary>
    public void Produce(string topic, int partition, LogRecord record)
    {
        if (Error is { } error) throw error;
        if (!_lanes.TryGetValue((topic, partition), out var lane)) _lanes[(topic, partition)] = lane = new Lane(network.Connect(client));
        lane.Records.Enqueue(record);
        Outstanding++;
        if (lane.Sending) return;
        lane.Sending = true;
        _ = SendAsync(topic, partition, lane);
    }

    private async Task SendAsync(string topic, int partition, Lane lane)
    {
        await Task.Delay(Linger, time);
        while (lane.Records.Count > 0 && !_disposed && Error is null)
        {
            var records = new List<LogRecord>();
            while (records.Count < BatchRecords && lane.Records.TryDequeue(out var record)) records.Add(record);
            try
            {
                if (!lane.Added) await CallAsync(_coordinator, Messages.AddPartition(transactionalId, _producerId, _epoch, topic, partition), e => e,
                    $"{topic}-{partition} cannot be added to the transaction");
                lane.Added = true;
                var batch = RecordBatches.Write(records, new BatchProducer(_producerId, _epoch, lane.Sequence, true));
                lane.Sequence += records.Count;
                await CallAsync(lane.Leader, Messages.Produce(transactionalId, topic, partition, batch), a => a.Error,
                    $"{records.Count} records of {topic}-{partition} were not delivered");
                Delivered(records.Count);
            }
            catch (SimulatedClientException e)
            {
                // What fails is reported too, as librdkafka's delivery reports do: whoever waits for room goes on and meets the error.
                Error ??= e;
                Delivered(records.Count);
            }
        }
        var dropped = lane.Records.Count;
        lane.Records.Clear();
        lane.Sending = false;
        Delivered(dropped);
    }

    private void Delivered(int records)
    {
        Outstanding -= records;
        if (!_disposed && records > 0) onDelivered();
        if (Outstanding > 0 && Error is null) return;
        foreach (var flushing in _flushing.ToList()) flushing.TrySetResult();
    }

    /// <summary>Waits until everything handed over is delivered.</summary>
    public async Task FlushAsync()
    {
        if (Outstanding > 0 && Error is null)
        {
            var done = new TaskCompletionSource();
            _flushing.Add(done);
            await done.Task;
            _flushing.Remove(done);
        }
        if (Error is { } error) throw error;
    }

    public async Task SendOffsetsAsync(string group, IReadOnlyList<(string Topic, int Partition, long Offset)> offsets)
    {
        await CallAsync(_coordinator, Messages.AddOffsets(transactionalId, _producerId, _epoch, group), e => e, "offsets cannot be added to the transaction");
        await CallAsync(_coordinator, Messages.CommitOffsets(transactionalId, group, _producerId, _epoch, offsets), e => e, "offsets cannot be added to the transaction");
    }

    public async Task CommitAsync()
    {
        await CallAsync(_coordinator, Messages.EndTransaction(transactionalId, _producerId, _epoch, commit: true), e => e, "the transaction cannot be committed");
        foreach (var lane in _lanes.Values) lane.Added = false;
    }

    /// <summary>What is still queued is dropped: it belongs to a transaction that nobody will commit.</summary>
    public void Dispose()
    {
        _disposed = true;
        Error ??= new SimulatedClientException(null, "the producer was closed");
        foreach (var flushing in _flushing.ToList()) flushing.TrySetResult();
    }

    /// <summary>Asks until there is an answer that is not "later", for as long as a call may take.</summary>
    private async Task<T> CallAsync<T>(SimulatedNetwork.SimulatedConnection connection, Message<T> message, Func<T, ErrorCode> errorOf, string what)
    {
        var begin = time.GetTimestamp();
        ErrorCode? last = null;
        while (!_disposed && time.GetElapsedTime(begin) < patience.Call)
        {
            var left = patience.Call - time.GetElapsedTime(begin);
            var reply = await connection.AskAsync(message, patience.Request < left ? patience.Request : left);
            last = reply.IsAnswered ? errorOf(reply.Value) : null;
            if (last == ErrorCode.None) return reply.Value;
            if (last is not (null or ErrorCode.ConcurrentTransactions or ErrorCode.CoordinatorNotAvailable)) break;
            await Task.Delay(patience.Backoff, time);
        }
        var failure = new SimulatedClientException(last, what);
        // After an unknown outcome nothing more is done by this producer.
        Error ??= failure;
        throw failure;
    }
}
