using System.Text;
using Confluent.Kafka;

namespace StreamEngine.EndToEnd.Tests.Suite;

/// <summary>A record as a reader saw it.</summary>
internal sealed record SeenRecord(string Topic, long Timestamp, byte[]? Value, IReadOnlyList<(string Name, string Value)> Headers)
{
    /// <summary>Where it lies.</summary>
    public required TopicPartitionOffset At { get; init; }

    /// <summary>The last header of that name, as Kafka's own readers take it; null where there is none.</summary>
    public string? Header(string name) => Headers.LastOrDefault(h => h.Name == name).Value;

    public string Text => Value is null ? "" : Encoding.UTF8.GetString(Value);
}

/// <summary>A consumer beside the engine that reads topics from their beginning all the time, committed records only (or all of them).</summary>
internal sealed class CommittedReader : IDisposable
{
    private readonly IConsumer<byte[], byte[]> _consumer;
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<SeenRecord>> _seen = [];
    private readonly Dictionary<TopicPartition, long> _ends = [];
    private readonly List<string> _trouble = [];
    private readonly Action<SeenRecord>? _onRecord;
    private volatile bool _stop;

    /// <param name="bootstrap">The brokers.</param>
    /// <param name="partitions">What is read, from its beginning.</param>
    /// <param name="uncommitted">All records, also those of open and aborted transactions.</param>
    /// <param name="onRecord">Is called with each record as it comes, on the reader's thread.</param>
    public CommittedReader(string bootstrap, IReadOnlyList<TopicPartition> partitions, bool uncommitted = false, Action<SeenRecord>? onRecord = null)
    {
        _onRecord = onRecord;
        foreach (var partition in partitions) _seen.TryAdd(partition.Topic, []);
        _consumer = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig
        {
            BootstrapServers = bootstrap,
            GroupId = "tests",
            EnableAutoCommit = false,
            EnableAutoOffsetStore = false,
            EnablePartitionEof = true,
            FetchWaitMaxMs = 20,
            IsolationLevel = uncommitted ? IsolationLevel.ReadUncommitted : IsolationLevel.ReadCommitted,
            // An offset that is gone would mean lost records: it must not be healed silently.
            AutoOffsetReset = AutoOffsetReset.Error,
        }).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        _consumer.Assign(partitions.Select(p => new TopicPartitionOffset(p, 0)));
        _thread = new Thread(Run) { IsBackground = true, Name = "reader" };
        _thread.Start();
    }

    private void Run()
    {
        while (!_stop)
        {
            try
            {
                if (_consumer.Consume(50) is { } result) Keep(result);
            }
            catch (ConsumeException e) when (!e.Error.IsFatal)
            {
                // While a broker is away this is how it looks; what is left at the end is compared with what should be there.
                lock (_lock) _trouble.Add($"{e.Error.Code}: {e.Error.Reason}");
                if (e.Error.Code == ErrorCode.Local_AutoOffsetReset) return;
            }
        }
    }

    private void Keep(ConsumeResult<byte[], byte[]> result)
    {
        lock (_lock)
        {
            if (result.IsPartitionEOF)
            {
                _ends[result.TopicPartition] = result.Offset.Value;
                return;
            }
            var headers = result.Message.Headers.Select(h => (h.Key, h.GetValueBytes() is { } bytes ? Encoding.UTF8.GetString(bytes) : ""));
            var record = new SeenRecord(result.Topic, result.Message.Timestamp.UnixTimestampMs, result.Message.Value, [.. headers]) { At = result.TopicPartitionOffset };
            _seen[result.Topic].Add(record);
            _onRecord?.Invoke(record);
        }
    }

    public int Count(string topic)
    {
        lock (_lock) return _seen[topic].Count;
    }

    /// <summary>Records seen of all topics.</summary>
    public int Total
    {
        get
        {
            lock (_lock) return _seen.Values.Sum(s => s.Count);
        }
    }

    public IReadOnlyList<SeenRecord> Of(string topic)
    {
        lock (_lock) return [.. _seen[topic]];
    }

    /// <summary>How far it is, for messages.</summary>
    public string State
    {
        get
        {
            lock (_lock)
            {
                var counts = string.Join(", ", _seen.Select(s => $"{s.Key} {s.Value.Count}"));
                return $"--- reader: {counts}{string.Concat(_trouble.TakeLast(5).Select(t => $"\n{t}"))}";
            }
        }
    }

    /// <summary>Waits until it has passed these offsets, control records and all.</summary>
    public Task PassAsync(IReadOnlyDictionary<TopicPartition, (long Stable, long High)> ends) => Patience.UntilAsync(() =>
    {
        lock (_lock) return ends.All(e => _ends.GetValueOrDefault(e.Key, 0) >= e.Value.High);
    }, "the reader to come to the end of all topics", () => $"{State}\n{string.Join('\n', ends)}");

    /// <summary>Reads topics from beginning to end and returns their records.</summary>
    public static async Task<IReadOnlyList<SeenRecord>> ReadAllAsync(string bootstrap, Cluster cluster, params string[] topics)
    {
        var partitions = cluster.Partitions(topics);
        using var reader = new CommittedReader(bootstrap, partitions);
        await reader.PassAsync(await cluster.EndsAsync(partitions));
        return [.. topics.SelectMany(reader.Of)];
    }

    public void Dispose()
    {
        _stop = true;
        if (!_thread.Join(TimeSpan.FromSeconds(30))) throw new TimeoutException("the reader's thread did not end in 30 s");
        _consumer.Dispose();
    }
}
