using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Broker.Suite;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Commits;
using StreamEngine.Kafka.Sources;
using StreamEngine.Kafka.Suite;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Compliance.Tests.Connectors;

/// <summary>The connectors that users run, on a broker; whoever else writes and reads there does so by Confluent's clients.</summary>
internal sealed class KafkaWorld(string bootstrap) : IConnectorWorld
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static int _others;

    private readonly KafkaConnection _connection = new(bootstrap);
    private readonly KafkaTopics _topics = new(new KafkaConnection(bootstrap), NullLogger.Instance);

    public bool HasTransactions => true;

    public ICommitLog Log(string pipeline, int process, string output, int partitions) =>
        new KafkaCommitLog(_connection, new KafkaCommitLogOptions(pipeline)
        {
            Host = "here", Process = process, Outputs = [new OutputTopic(output, partitions)], IdleLook = TimeSpan.FromMilliseconds(500),
        }, TimeProvider.System, NullLogger.Instance);

    public ISource Source(string topic, MemoryScope scope) =>
        new KafkaSource(_connection, new KafkaSourceOptions("s", topic), scope, TimeProvider.System, NullLogger.Instance);

    public async Task CreateAsync(string topic, int partitions)
    {
        await _topics.EnsureAsync(topic, partitions, null, TimeProvider.System, CancellationToken.None);
    }

    public async Task WriteAsync(string topic, int partition, bool? commit, params Sample[] records)
    {
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig
        {
            BootstrapServers = bootstrap, EnableIdempotence = true, LingerMs = 5,
            TransactionalId = commit is null ? null : $"other-{Environment.ProcessId}-{Interlocked.Increment(ref _others)}",
        }).SetLogHandler((_, _) => { }).Build();
        if (commit is not null)
        {
            producer.InitTransactions(Patience);
            producer.BeginTransaction();
        }
        var failures = new List<string>();
        foreach (var record in records)
            producer.Produce(new TopicPartition(topic, partition), new Message<byte[]?, byte[]?>
            {
                Key = Bytes(record.Key), Value = Bytes(record.Value), Timestamp = new Timestamp(record.Timestamp, TimestampType.CreateTime),
            }, report =>
            {
                if (report.Error.IsError) failures.Add(report.Error.Reason);
            });
        producer.Flush(Patience);
        if (commit == true) producer.CommitTransaction(Patience);
        if (commit == false) producer.AbortTransaction(Patience);
        Assert.Empty(failures);
        if (commit is not null) await Cluster.ClosedAsync(_topics, topic, partition);
    }

    private static byte[]? Bytes(string? text) => text is null ? null : System.Text.Encoding.UTF8.GetBytes(text);

    public async Task<IReadOnlyList<string>> CommittedAsync(string topic, int partition)
    {
        await Cluster.ClosedAsync(_topics, topic, partition);
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig
        {
            BootstrapServers = bootstrap, GroupId = "reader", IsolationLevel = IsolationLevel.ReadCommitted, EnablePartitionEof = true, EnableAutoCommit = false,
            AutoOffsetReset = AutoOffsetReset.Earliest,
        }).SetLogHandler((_, _) => { }).Build();
        consumer.Assign(new TopicPartitionOffset(topic, partition, Offset.Beginning));
        var records = new List<string>();
        while (true)
        {
            var record = consumer.Consume(Patience) ?? throw new TimeoutException($"no answer of {topic}");
            if (record.IsPartitionEOF) return records;
            records.Add($"{Cluster.Text(record.Message.Key) ?? "null"}={Cluster.Text(record.Message.Value) ?? "null"}");
        }
    }

    public Task<T> CallAsync<T>(Func<Task<T>> call) => call();

    public async Task UntilAsync(Func<bool> condition, string what)
    {
        var begin = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            if (TimeProvider.System.GetElapsedTime(begin) > Patience) throw new TimeoutException($"waited {Patience.TotalSeconds:0} s for {what}");
            await Task.Delay(5);
        }
    }

    public ValueTask DisposeAsync()
    {
        _topics.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>The broker of a class of tests; skips where it cannot be had.</summary>
    public static Task<IConnectorWorld> OnAsync(BrokerFixture broker)
    {
        Skip.If(broker.Bootstrap is null, broker.WhyNot);
        return Task.FromResult<IConnectorWorld>(new KafkaWorld(broker.Bootstrap!));
    }
}

public sealed class EmbeddedCommitLogContract(MemoryBrokerFixture broker) : CommitLogContract, IClassFixture<MemoryBrokerFixture>
{
    internal override Task<IConnectorWorld> CreateAsync() => KafkaWorld.OnAsync(broker);
}

public sealed class EmbeddedSourceContract(MemoryBrokerFixture broker) : SourceContract, IClassFixture<MemoryBrokerFixture>
{
    internal override Task<IConnectorWorld> CreateAsync() => KafkaWorld.OnAsync(broker);
}

public sealed class KafkaCommitLogContract(KafkaFixture broker) : CommitLogContract, IClassFixture<KafkaFixture>
{
    internal override Task<IConnectorWorld> CreateAsync() => KafkaWorld.OnAsync(broker);
}

public sealed class KafkaSourceContract(KafkaFixture broker) : SourceContract, IClassFixture<KafkaFixture>
{
    internal override Task<IConnectorWorld> CreateAsync() => KafkaWorld.OnAsync(broker);
}
