using System.Text;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Commits;
using StreamEngine.Kafka.Sources;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Topics;

/// <summary>What is asked of a cluster is what another client is told by it.</summary>
public abstract class KafkaTopicsSuite(Cluster cluster)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private IConsumer<byte[]?, byte[]?> Consumer(IsolationLevel isolation, string group = "other") => new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig
    {
        BootstrapServers = cluster.Bootstrap, GroupId = group, IsolationLevel = isolation, EnableAutoCommit = false,
    }).SetLogHandler((_, _) => { }).Build();

    private IAdminClient Admin() => new AdminClientBuilder(new AdminClientConfig { BootstrapServers = cluster.Bootstrap }).SetLogHandler((_, _) => { }).Build();

    private (long Low, long High) Watermarks(string topic, int partition, IsolationLevel isolation)
    {
        using var consumer = Consumer(isolation);
        var bounds = consumer.QueryWatermarkOffsets(new TopicPartition(topic, partition), Patience);
        return (bounds.Low.Value, bounds.High.Value);
    }

    private async Task WriteAtAsync(string topic, int partition, params long[] times)
    {
        using var producer = cluster.Producer();
        foreach (var time in times)
            await producer.ProduceAsync(new TopicPartition(topic, partition),
                new Message<byte[]?, byte[]?> { Value = [1], Timestamp = new Timestamp(time, TimestampType.CreateTime) });
    }

    private static async Task<List<long>> OffsetsAsync(KafkaTopics topics, KafkaTopic topic, StartPosition start, long time = 0) =>
        [.. (await topics.OffsetsAsync(topic, start, time, CancellationToken.None)).OrderBy(o => o.Key).Select(o => o.Value)];

    [SkippableFact]
    public async Task Ends_within_an_open_transaction_are_those_of_another_client()
    {
        var topic = await cluster.NewTopicAsync(2);
        using var topics = cluster.Topics();
        await cluster.WriteAsync(topic, 1, "a", "b");
        using (var producer = cluster.Producer(Cluster.Name("open")))
        {
            producer.BeginTransaction();
            await producer.ProduceAsync(new TopicPartition(topic, 1), new Message<byte[]?, byte[]?> { Value = [1] });
            await cluster.WriteAsync(topic, 1, "c");
            var ends = await topics.EndsAsync(topic, 1, CancellationToken.None);
            Assert.Equal((2L, 4L), ends);
            Assert.Equal((Watermarks(topic, 1, IsolationLevel.ReadCommitted).High, Watermarks(topic, 1, IsolationLevel.ReadUncommitted).High), ends);
            Assert.Equal((0L, 2L), await topics.BoundsAsync(topic, 1, CancellationToken.None));
            Assert.Equal([0, 2], await OffsetsAsync(topics, (await topics.FindAsync(topic, CancellationToken.None))!, StartPosition.Latest));
            producer.CommitTransaction(Patience);
        }
        await Cluster.ClosedAsync(topics, topic, 1);
        Assert.Equal((5L, 5L), await topics.EndsAsync(topic, 1, CancellationToken.None));
        Assert.Equal((0L, 0L), await topics.EndsAsync(topic, 0, CancellationToken.None));
    }

    [SkippableFact]
    public async Task Bounds_after_a_deletion_are_those_of_another_client()
    {
        var topic = await cluster.NewTopicAsync(2);
        using var topics = cluster.Topics();
        await cluster.WriteAsync(topic, 0, "a", "b", "c");
        await topics.DeleteRecordsAsync(topic, 0, 2, CancellationToken.None);
        var bounds = await topics.BoundsAsync(topic, 0, CancellationToken.None);
        Assert.Equal((2L, 3L), bounds);
        Assert.Equal(Watermarks(topic, 0, IsolationLevel.ReadCommitted), bounds);
        Assert.Equal([2, 0], await OffsetsAsync(topics, (await topics.FindAsync(topic, CancellationToken.None))!, StartPosition.Earliest));
        await topics.DeleteRecordsAsync(topic, 0, 3, CancellationToken.None);
        Assert.Equal((3L, 3L), await topics.BoundsAsync(topic, 0, CancellationToken.None));
    }

    [SkippableFact]
    public async Task Offsets_of_times_are_those_of_another_client()
    {
        var topic = await cluster.NewTopicAsync(2);
        using var topics = cluster.Topics();
        await WriteAtAsync(topic, 0, 1000, 2000, 2000, 3000);
        await WriteAtAsync(topic, 1, 2500);
        var found = (await topics.FindAsync(topic, CancellationToken.None))!;
        using var consumer = Consumer(IsolationLevel.ReadCommitted);
        foreach (var time in new long[] { 0, 1000, 1001, 2000, 2001, 2999, 3000, 3001 })
        {
            var at = new Timestamp(time, TimestampType.CreateTime);
            var theirs = consumer.OffsetsForTimes([new(topic, 0, at), new(topic, 1, at)], Patience).OrderBy(o => o.Partition.Value).Select(o => o.Offset).ToList();
            var ours = new List<long?> { await topics.OffsetOfTimeAsync(topic, 0, time, CancellationToken.None),
                await topics.OffsetOfTimeAsync(topic, 1, time, CancellationToken.None) };
            Assert.Equal(theirs.Select(o => o == Offset.End ? null : (long?)o.Value), ours);
            Assert.Equal([ours[0] ?? 4, ours[1] ?? 1], await OffsetsAsync(topics, found, StartPosition.Time, time));
        }
    }

    [SkippableFact]
    public async Task All_topics_are_those_of_another_client()
    {
        var (one, other) = (await cluster.NewTopicAsync(3), await cluster.NewTopicAsync());
        using var topics = cluster.Topics();
        using var admin = Admin();
        IReadOnlyList<(string Name, int Partitions)> ours;
        List<(string, int)> theirs;
        // Brokers tell each other of new topics with a delay.
        var attempts = 0;
        do
        {
            if (attempts > 0) await Task.Delay(100);
            ours = await topics.ListAsync(CancellationToken.None);
            theirs = [.. admin.GetMetadata(Patience).Topics.Select(t => (t.Topic, t.Partitions.Count)).OrderBy(t => t.Topic, StringComparer.Ordinal)];
        }
        while (++attempts < 50 && !ours.SequenceEqual(theirs));
        Assert.Equal(theirs, ours);
        Assert.Contains((one, 3), ours);
        Assert.Contains((other, 1), ours);
    }

    [SkippableFact]
    public async Task Offsets_of_a_group_are_those_of_another_client()
    {
        var (one, other, group) = (await cluster.NewTopicAsync(3), await cluster.NewTopicAsync(), Cluster.Name("group"));
        using var topics = cluster.Topics();
        Assert.Empty(await topics.GroupOffsetsAsync(group, CancellationToken.None));
        using (var consumer = Consumer(IsolationLevel.ReadCommitted, group))
            consumer.Commit([new TopicPartitionOffset(one, 0, 7), new TopicPartitionOffset(one, 2, 0), new TopicPartitionOffset(other, 0, 123_456_789_012)]);
        var ours = (await topics.GroupOffsetsAsync(group, CancellationToken.None)).Order().ToList();
        Assert.Equal(new[] { (one, 0, 7L), (one, 2, 0L), (other, 0, 123_456_789_012L) }.Order(), ours);
        using (var admin = Admin())
        {
            var theirs = Assert.Single(await admin.ListConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitions(group, null)]));
            Assert.Equal(theirs.Partitions.Select(p => (p.Topic, p.Partition.Value, p.Offset.Value)).Order(), ours);
        }
        await topics.DeleteGroupAsync(group, CancellationToken.None);
        Assert.Empty(await topics.GroupOffsetsAsync(group, CancellationToken.None));
        await topics.DeleteGroupAsync(group, CancellationToken.None);
    }

    [SkippableFact]
    public async Task Settings_are_those_of_another_client()
    {
        var (one, other) = (await cluster.NewTopicAsync(1, ("retention.ms", "60000"), ("cleanup.policy", "delete")), await cluster.NewTopicAsync());
        using var topics = cluster.Topics();
        using var admin = Admin();
        var ours = await topics.ConfigsAsync([one, other], CancellationToken.None);
        var theirs = await admin.DescribeConfigsAsync([.. new[] { one, other }.Select(t => new ConfigResource { Type = ResourceType.Topic, Name = t })],
            new DescribeConfigsOptions { RequestTimeout = Patience });
        Assert.Equal(2, ours.Count);
        foreach (var topic in theirs)
        {
            Assert.NotEmpty(topic.Entries);
            foreach (var entry in topic.Entries.Values)
                Assert.Equal((entry.Name, entry.Value, entry.Source == ConfigSource.DynamicTopicConfig),
                    (entry.Name, ours[topic.ConfigResource.Name].Of(entry.Name), ours[topic.ConfigResource.Name].IsOwn(entry.Name)));
        }
        Assert.Equal(("60000", true), (ours[one].Of("retention.ms"), ours[one].IsOwn("retention.ms")));
        Assert.False(ours[other].IsOwn("retention.ms"));
        var node = admin.GetMetadata(Patience).Brokers[0].BrokerId;
        var broker = Assert.Single(await admin.DescribeConfigsAsync([new ConfigResource { Type = ResourceType.Broker, Name = $"{node}" }],
            new DescribeConfigsOptions { RequestTimeout = Patience }));
        Assert.NotEmpty(broker.Entries);
        foreach (var entry in broker.Entries.Values.OrderBy(e => e.Name, StringComparer.Ordinal).Take(20))
            Assert.Equal((entry.Name, entry.Value), (entry.Name, await topics.BrokerConfigAsync(entry.Name, CancellationToken.None)));
        Assert.Null(await topics.BrokerConfigAsync("no.such.setting", CancellationToken.None));
    }

    [SkippableFact]
    public async Task Settings_of_a_topic_that_is_not_there_are_told_as_that()
    {
        var (missing, bootstrap) = (Cluster.Name("missing"), cluster.Bootstrap);
        var refused = await Limits.RefusedAsync(cluster.Connection, topics => topics.ConfigsAsync([missing], CancellationToken.None));
        Assert.True(refused.MayPass);
        Assert.Equal($"the brokers on {bootstrap} refuse the settings of topic '{missing}': UnknownTopicOrPartition (3)", refused.Message);
    }

    [SkippableFact]
    public async Task What_was_committed_is_read_back_from_where_it_is_kept()
    {
        var topic = await cluster.NewTopicAsync(2);
        await cluster.TransactAsync(topic, 1, commit: true, "a");
        await cluster.TransactAsync(topic, 1, commit: false, "lost");
        await cluster.TransactAsync(topic, 1, commit: true, "b", "c");
        await cluster.TransactAsync(topic, 1, commit: false, "lost");
        using var topics = cluster.Topics();
        var reader = new PartitionReader(topics, topic, 1, Patience, TimeProvider.System, NullLogger.Instance);
        using var producer = cluster.Producer(Cluster.Name("open"));
        producer.BeginTransaction();
        await producer.ProduceAsync(new TopicPartition(topic, 1), new Message<byte[]?, byte[]?> { Value = "open"u8.ToArray() });
        var read = new List<string>();
        void Keep(long offset, ReadOnlySpan<byte> value) => read.Add($"{offset}:{Encoding.UTF8.GetString(value)}");
        // a, commit, lost, abort, b, c, commit, lost, abort, open.
        Assert.Equal((0L, 9L), await Task.Run(() => reader.Bounds(CancellationToken.None)));
        await Task.Run(() => reader.Read(0, 9, Keep, CancellationToken.None));
        Assert.Equal(["0:a", "4:b", "5:c"], read);
        producer.AbortTransaction(Patience);
        await topics.DeleteRecordsAsync(topic, 1, 5, CancellationToken.None);
        read.Clear();
        await Task.Run(() => reader.ReadKept(0, 9, Keep, CancellationToken.None));
        Assert.Equal(["5:c"], read);
    }
}
