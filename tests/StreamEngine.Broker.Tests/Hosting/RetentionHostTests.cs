using Confluent.Kafka;
using Confluent.Kafka.Admin;
using StreamEngine.Broker.Suite;

namespace StreamEngine.Broker.Hosting;

/// <summary>Retention as a client sees it: a setting changes, the log's start moves, and a reader below it is told.</summary>
public class RetentionHostTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TopicPartition Partition = new("t", 0);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_reader_of_records_that_are_kept_no_longer_is_told(bool onDisk)
    {
        var folder = onDisk ? Directory.CreateTempSubdirectory("broker-retention-").FullName : null;
        try
        {
            var options = new BrokerOptions { DataDirectory = folder, RetentionCheckInterval = TimeSpan.FromMilliseconds(100) };
            await using (var host = await BrokerHost.StartAsync(options, new LogLines(), TimeProvider.System))
            {
                await FillAsync(host.Bootstrap);
                await AlterAsync(host.Bootstrap, "retention.bytes", "30000");
                using var consumer = Consumer(host.Bootstrap);
                using var patience = new CancellationTokenSource(Patience);
                while (consumer.QueryWatermarkOffsets(Partition, Patience).Low.Value == 0) await Task.Delay(20, patience.Token);
                consumer.Assign(new TopicPartitionOffset(Partition, 0));
                var error = Assert.Throws<ConsumeException>(() => consumer.Consume(patience.Token));
                Assert.Equal(ErrorCode.Local_AutoOffsetReset, error.Error.Code);
                var low = consumer.QueryWatermarkOffsets(Partition, Patience).Low;
                consumer.Assign(new TopicPartitionOffset(Partition, low));
                Assert.Equal(low, consumer.Consume(patience.Token).Offset);
            }
            if (!onDisk) return;
            // The setting and the start are there again.
            await using var again = await BrokerHost.StartAsync(options, new LogLines(), TimeProvider.System);
            using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = again.Bootstrap }).Build();
            var configs = await admin.DescribeConfigsAsync([new ConfigResource { Type = ResourceType.Topic, Name = "t" }]);
            Assert.Equal(("30000", ConfigSource.DynamicTopicConfig), (configs[0].Entries["retention.bytes"].Value, configs[0].Entries["retention.bytes"].Source));
            using var late = Consumer(again.Bootstrap);
            Assert.InRange(late.QueryWatermarkOffsets(Partition, Patience).Low.Value, 1, 99);
        }
        finally
        {
            if (folder is not null) Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task FillAsync(string bootstrap)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = bootstrap }).Build();
        await admin.CreateTopicsAsync([new TopicSpecification { Name = "t", NumPartitions = 1, Configs = new() { ["segment.bytes"] = "10000" } }]);
        using var producer = new ProducerBuilder<Null, byte[]>(new ProducerConfig { BootstrapServers = bootstrap, LingerMs = 0 }).Build();
        for (var i = 0; i < 100; i++) await producer.ProduceAsync(Partition, new Message<Null, byte[]> { Value = new byte[1000] });
    }

    private static async Task AlterAsync(string bootstrap, string name, string value)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = bootstrap }).Build();
        var entry = new ConfigEntry { Name = name, Value = value, IncrementalOperation = AlterConfigOpType.Set };
        await admin.IncrementalAlterConfigsAsync(new() { [new ConfigResource { Type = ResourceType.Topic, Name = "t" }] = [entry] });
    }

    private static IConsumer<Ignore, Ignore> Consumer(string bootstrap) => new ConsumerBuilder<Ignore, Ignore>(new ConsumerConfig
    {
        BootstrapServers = bootstrap,
        GroupId = "g",
        EnableAutoCommit = false,
        AutoOffsetReset = AutoOffsetReset.Error,
    }).Build();
}
