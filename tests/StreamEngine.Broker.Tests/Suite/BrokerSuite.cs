using System.Text;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace StreamEngine.Broker.Suite;

/// <summary>What a client may expect of any Kafka: run against the embedded broker, in memory and on disk, and against the real one.</summary>
public abstract partial class BrokerSuite(BrokerFixture fixture)
{
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static int _names;

    protected string Bootstrap
    {
        get
        {
            Skip.If(fixture.Bootstrap is null, fixture.WhyNot);
            return fixture.Bootstrap;
        }
    }

    protected static string NewName(string prefix) => $"{prefix}-{Interlocked.Increment(ref _names)}";

    protected IAdminClient Admin() => new AdminClientBuilder(new AdminClientConfig { BootstrapServers = Bootstrap }).Build();

    protected async Task<string> NewTopicAsync(int partitions = 1, Dictionary<string, string>? configs = null)
    {
        using var admin = Admin();
        var name = NewName("topic");
        await admin.CreateTopicsAsync([new TopicSpecification { Name = name, NumPartitions = partitions, ReplicationFactor = 1, Configs = configs }]);
        await SeenAsync(admin, name);
        return name;
    }

    /// <summary>Kafka answers a creation before every broker has the topic in its metadata.</summary>
    protected static async Task SeenAsync(IAdminClient admin, string topic) =>
        Assert.True(await BecomesAsync(() => admin.GetMetadata(topic, Patience).Topics is [{ Error.Code: ErrorCode.NoError }]),
        $"{topic} was created and does not come into the metadata");

    protected IProducer<byte[]?, byte[]?> Producer(Action<ProducerConfig>? configure = null)
    {
        var config = new ProducerConfig { BootstrapServers = Bootstrap, LingerMs = 1, EnableIdempotence = true, MessageTimeoutMs = 20000 };
        configure?.Invoke(config);
        return new ProducerBuilder<byte[]?, byte[]?>(config).Build();
    }

    protected IProducer<byte[]?, byte[]?> Transactional(string id, int timeoutMs = 30000) => Producer(c =>
    {
        c.TransactionalId = id;
        c.TransactionTimeoutMs = timeoutMs;
        if (timeoutMs < 20000) c.MessageTimeoutMs = timeoutMs;
    });

    protected IConsumer<byte[]?, byte[]?> Consumer(bool committed = true, string? group = null) => new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig
    {
        BootstrapServers = Bootstrap,
        GroupId = group ?? NewName("group"),
        EnableAutoCommit = false,
        EnablePartitionEof = true,
        AutoOffsetReset = AutoOffsetReset.Earliest,
        IsolationLevel = committed ? IsolationLevel.ReadCommitted : IsolationLevel.ReadUncommitted,
        CheckCrcs = true,
        FetchWaitMaxMs = 100,
    }).Build();

    /// <summary>Everything from an offset to the end of a partition.</summary>
    protected List<ConsumeResult<byte[]?, byte[]?>> ReadToEnd(string topic, bool committed = true, int partition = 0, long from = 0)
    {
        using var consumer = Consumer(committed);
        consumer.Assign(new TopicPartitionOffset(topic, partition, from));
        var found = new List<ConsumeResult<byte[]?, byte[]?>>();
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            var result = consumer.Consume(patience.Token);
            if (result.IsPartitionEOF) break;
            found.Add(result);
        }
        consumer.Close();
        return found;
    }

    protected List<string> Values(string topic, bool committed = true, int partition = 0) =>
        [.. ReadToEnd(topic, committed, partition).Select(r => Text(r.Message.Value))];

    protected static Message<byte[]?, byte[]?> Record(string value, string? key = null) =>
        new() { Key = key is null ? null : Encoding.UTF8.GetBytes(key), Value = Encoding.UTF8.GetBytes(value) };

    protected static string Text(byte[]? bytes) => bytes is null ? "<null>" : Encoding.UTF8.GetString(bytes);
}
