using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace StreamEngine.Broker.Suite;

public abstract partial class BrokerSuite
{
    private IConsumer<byte[]?, byte[]?> Subscriber(string group, string topic, string? instance = null)
    {
        var consumer = new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig
        {
            BootstrapServers = Bootstrap,
            GroupId = group,
            EnableAutoCommit = false,
            AutoOffsetReset = AutoOffsetReset.Earliest,
            // A static member that is gone would hold its partitions for as long.
            SessionTimeoutMs = instance is null ? 6000 : 120_000,
            GroupInstanceId = instance,
            HeartbeatIntervalMs = 300,
        }).Build();
        consumer.Subscribe(topic);
        return consumer;
    }

    [SkippableFact]
    public async Task Consumers_of_a_group_share_the_partitions_and_take_over_from_who_leaves()
    {
        var (topic, group) = (await NewTopicAsync(2), NewName("group"));
        await Producing(topic, 20);
        using var one = Subscriber(group, topic);
        Assert.True(await BecomesAsync(() => Poll(one) && one.Assignment.Count == 2));
        using var two = Subscriber(group, topic);
        Assert.True(await BecomesAsync(() => Poll(one) & Poll(two) && one.Assignment.Count == 1 && two.Assignment.Count == 1));
        Assert.NotEqual(one.Assignment[0], two.Assignment[0]);

        using var admin = Admin();
        var described = (await admin.DescribeConsumerGroupsAsync([group])).ConsumerGroupDescriptions[0];
        Assert.Equal(ConsumerGroupState.Stable, described.State);
        Assert.Equal([1, 1], described.Members.Select(m => m.Assignment.TopicPartitions.Count));
        var notEmpty = await Assert.ThrowsAsync<DeleteGroupsException>(() => admin.DeleteGroupsAsync([group]));
        Assert.Equal(ErrorCode.NonEmptyGroup, notEmpty.Results[0].Error.Code);

        two.Close();
        Assert.True(await BecomesAsync(() => Poll(one) && one.Assignment.Count == 2));
        one.Commit([new TopicPartitionOffset(topic, 0, 3), new TopicPartitionOffset(topic, 1, 4)]);
        one.Close();
        Assert.Equal([3, 4], CommittedOffsets(topic, group));
    }

    [SkippableFact]
    public async Task A_static_member_that_starts_again_takes_its_place_and_the_old_one_is_fenced()
    {
        var (topic, group) = (await NewTopicAsync(2), NewName("group"));
        await Producing(topic, 20);
        using var old = Subscriber(group, topic, "one");
        Assert.True(await BecomesAsync(() => Poll(old) && old.Assignment.Count == 2));
        using var again = Subscriber(group, topic, "one");
        Assert.True(await BecomesAsync(() => Poll(again) && again.Assignment.Count == 2));
        var fenced = Assert.Throws<ConsumeException>(() =>
        {
            for (var i = 0; i < 400; i++) Poll(old);
        });
        Assert.Equal(ErrorCode.FencedInstanceId, fenced.Error.Code);
        using var admin = Admin();
        Assert.Single((await admin.DescribeConsumerGroupsAsync([group])).ConsumerGroupDescriptions[0].Members);
    }

    [SkippableFact]
    public async Task Offsets_of_a_member_that_has_left_are_refused_in_a_transaction()
    {
        var (topic, group) = (await NewTopicAsync(2), NewName("group"));
        await Producing(topic, 20);
        using var producer = Transactional(NewName("tx"));
        producer.InitTransactions(Patience);
        var member = Subscriber(group, topic);
        Assert.True(await BecomesAsync(() => Poll(member) && member.Assignment.Count == 2));
        var metadata = member.ConsumerGroupMetadata;
        producer.BeginTransaction();
        producer.SendOffsetsToTransaction([new TopicPartitionOffset(topic, 0, 5)], metadata, Patience);
        producer.CommitTransaction(Patience);
        Assert.Equal([5, Offset.Unset.Value], CommittedOffsets(topic, group));
        member.Close();
        member.Dispose();
        producer.BeginTransaction();
        var error = Assert.ThrowsAny<KafkaException>(() => producer.SendOffsetsToTransaction([new TopicPartitionOffset(topic, 0, 6)], metadata, Patience));
        Assert.Equal(ErrorCode.UnknownMemberId, error.Error.Code);
        producer.AbortTransaction(Patience);
    }

    private static bool Poll(IConsumer<byte[]?, byte[]?> consumer)
    {
        consumer.Consume(TimeSpan.FromMilliseconds(50));
        return true;
    }
}
