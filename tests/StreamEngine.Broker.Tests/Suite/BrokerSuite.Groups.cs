using Confluent.Kafka;

namespace StreamEngine.Broker.Suite;

public abstract partial class BrokerSuite
{
    [SkippableFact]
    public async Task Offsets_of_a_consumer_that_assigns_are_kept()
    {
        var (topic, group) = (await NewTopicAsync(2), NewName("group"));
        await Producing(topic, 20);
        using (var consumer = Consumer(group: group))
        {
            consumer.Assign(new TopicPartition(topic, 0));
            consumer.Commit([new TopicPartitionOffset(topic, 0, 4)]);
            consumer.Close();
        }
        Assert.Equal([4, Offset.Unset.Value], CommittedOffsets(topic, group));
        using (var again = Consumer(group: group))
        {
            again.Assign(new TopicPartition(topic, 0));
            using var patience = new CancellationTokenSource(Patience);
            Assert.Equal(4, again.Consume(patience.Token).Offset.Value);
        }
        using var admin = Admin();
        Assert.Contains((await admin.ListConsumerGroupsAsync()).Valid, g => g.GroupId == group);
        Assert.Equal(ConsumerGroupState.Empty, (await admin.DescribeConsumerGroupsAsync([group])).ConsumerGroupDescriptions[0].State);
        await admin.DeleteGroupsAsync([group]);
        Assert.Equal([Offset.Unset.Value, Offset.Unset.Value], CommittedOffsets(topic, group));
    }

    [SkippableFact]
    public async Task The_cluster_describes_itself()
    {
        using var admin = Admin();
        var cluster = await admin.DescribeClusterAsync();
        Assert.NotEmpty(cluster.ClusterId);
        Assert.Equal(cluster.Controller.Id, Assert.Single(cluster.Nodes).Id);
    }
}
