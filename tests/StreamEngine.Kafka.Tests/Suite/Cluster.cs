using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Broker;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Suite;

/// <summary>An embedded broker in memory on a free port, for a class of tests, and clients of it that are not the engine's.</summary>
public class Cluster : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static int _names;

    private BrokerHost? _host;

    public virtual string Bootstrap => _host!.Bootstrap;

    public KafkaConnection Connection => new(Bootstrap);

    public virtual async Task InitializeAsync() => _host = await BrokerHost.StartAsync(new BrokerOptions { Port = 0 }, NullLoggerFactory.Instance, TimeProvider.System);

    public virtual async Task DisposeAsync() => await _host!.DisposeAsync();

    /// <summary>A name that no other test uses.</summary>
    public static string Name(string stem) => $"{stem}-{Interlocked.Increment(ref _names)}";

    internal KafkaTopics Topics() => new(Connection, NullLogger.Instance);

    internal async Task<string> NewTopicAsync(int partitions = 1, params (string Key, string Value)[] configs)
    {
        using var topics = Topics();
        var name = Name("topic");
        await topics.CreateAsync(name, partitions, configs.ToDictionary(c => c.Key, c => c.Value), CancellationToken.None);
        return name;
    }

    /// <summary>A producer; transactional where it has an id.</summary>
    internal IProducer<byte[]?, byte[]?> Producer(string? transactionalId = null)
    {
        var producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig { BootstrapServers = Bootstrap, TransactionalId = transactionalId, LingerMs = 0 })
            .SetLogHandler((_, _) => { }).Build();
        if (transactionalId is not null) producer.InitTransactions(Patience);
        return producer;
    }

    internal async Task WriteAsync(string topic, int partition, params string[] values)
    {
        using var producer = Producer();
        foreach (var value in values) await producer.ProduceAsync(new TopicPartition(topic, partition), new Message<byte[]?,
            byte[]?> { Value = System.Text.Encoding.UTF8.GetBytes(value) });
    }

    /// <summary>Writes in a transaction, and ends it as told.</summary>
    internal async Task TransactAsync(string topic, int partition, bool commit, params string[] values)
    {
        using var producer = Producer(Name("other"));
        producer.BeginTransaction();
        foreach (var value in values) await producer.ProduceAsync(new TopicPartition(topic, partition), new Message<byte[]?,
            byte[]?> { Value = System.Text.Encoding.UTF8.GetBytes(value) });
        if (commit) producer.CommitTransaction(Patience);
        else producer.AbortTransaction(Patience);
        using var topics = Topics();
        await ClosedAsync(topics, topic, partition);
    }

    /// <summary>Apache Kafka answers the end of a transaction before its markers are written: waits until nothing is open in a partition any more.</summary>
    internal static async Task ClosedAsync(KafkaTopics topics, string topic, int partition)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (await topics.EndsAsync(topic, partition, CancellationToken.None) is var (stable, high) && stable < high)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Patience, $"a transaction stays open in {topic}-{partition}");
            await Task.Delay(20);
        }
    }

    /// <summary>Everything that is committed in a topic, by partition and offset.</summary>
    internal List<ConsumeResult<byte[]?, byte[]?>> ReadCommitted(string topic, int partitions = 1)
    {
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig
        {
            BootstrapServers = Bootstrap, GroupId = "reader", IsolationLevel = IsolationLevel.ReadCommitted, EnablePartitionEof = true, EnableAutoCommit = false,
                AutoOffsetReset = AutoOffsetReset.Earliest,
        }).SetLogHandler((_, _) => { }).Build();
        consumer.Assign(Enumerable.Range(0, partitions).Select(p => new TopicPartitionOffset(topic, p, Offset.Beginning)));
        var records = new List<ConsumeResult<byte[]?, byte[]?>>();
        for (var ends = 0; ends < partitions;)
        {
            var record = consumer.Consume(Patience) ?? throw new TimeoutException($"no answer of {topic}");
            if (record.IsPartitionEOF) ends++;
            else records.Add(record);
        }
        return [.. records.OrderBy(r => r.Partition.Value).ThenBy(r => r.Offset.Value)];
    }

    internal static string? Text(byte[]? bytes) => bytes is null ? null : System.Text.Encoding.UTF8.GetString(bytes);

    /// <summary>The first offset of a topic's only partition, and its last stable offset.</summary>
    internal (long Low, long High) Bounds(string topic)
    {
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig
        {
            BootstrapServers = Bootstrap, GroupId = "bounds", IsolationLevel = IsolationLevel.ReadCommitted,
        }).SetLogHandler((_, _) => { }).Build();
        var bounds = consumer.QueryWatermarkOffsets(new TopicPartition(topic, 0), Patience);
        return (bounds.Low.Value, bounds.High.Value);
    }

    /// <summary>Commits an offset of a group as any consumer would.</summary>
    internal void CommitOffset(string group, string topic, long offset)
    {
        using var consumer = new ConsumerBuilder<byte[]?,
            byte[]?>(new ConsumerConfig { BootstrapServers = Bootstrap, GroupId = group, EnableAutoCommit = false }).SetLogHandler((_, _) => { }).Build();
        consumer.Commit([new TopicPartitionOffset(topic, 0, offset)]);
    }

    internal async Task AddPartitionsAsync(string topic, int to)
    {
        using var topics = Topics();
        await topics.Admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = topic, IncreaseTo = to }]);
    }
}
