using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Topics;

/// <summary>What is asked about a topic is answered, or given up within its time, whatever state the topic and its brokers are in.</summary>
public sealed class TopicQuestionTests
{
    private static KafkaTopics Topics(params ScriptedBroker[] brokers) =>
        new(new KafkaConnection(string.Join(",", brokers.Select(b => $"127.0.0.1:{b.Port}"))), NullLogger.Instance) { Timeout = TimeSpan.FromSeconds(20) };

    [Fact]
    public async Task A_topic_without_a_leader_and_a_replica_in_sync_is_found_and_its_client_can_be_disposed()
    {
        using var cluster = new ScriptedCluster(partitions: 2);
        var broker = cluster.Start(1);
        cluster.Change(c => c.Logs[1].Leader = -1);
        using var topics = Topics(broker);
        var topic = await topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal((2, cluster.TopicId), (topic!.Partitions, topic.Uuid));
        // As it stands in claims and manifests.
        Assert.Equal(Convert.ToBase64String(cluster.TopicId.ToByteArray(bigEndian: true)).TrimEnd('='), topic.Id);
    }

    [Fact]
    public async Task A_topic_that_is_not_there_is_none()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        cluster.Change(c => c.HasTopic = false);
        using var topics = Topics(broker);
        Assert.Null(await topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None));
    }

    [Fact]
    public async Task Another_broker_is_asked_where_one_is_down()
    {
        using var cluster = new ScriptedCluster();
        var (down, up) = (cluster.Start(1), cluster.Start(2));
        down.GoDown();
        using var topics = Topics(down, up);
        Assert.NotNull(await topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None));
    }

    [Fact]
    public async Task Brokers_that_stay_silent_are_given_up_and_named()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        broker.StandStill();
        using var topics = new KafkaTopics(new KafkaConnection($"127.0.0.1:{broker.Port}"), NullLogger.Instance) { Timeout = TimeSpan.FromMilliseconds(300) };
        var silent = await Assert.ThrowsAsync<StartupException>(() => topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None));
        Assert.True(silent.MayPass);
        Assert.Contains($"no broker answers on 127.0.0.1:{broker.Port}", silent.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_question_ends_when_nobody_waits_for_it_any_more()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        broker.StandStill();
        using var topics = Topics(broker);
        using var cancellation = new CancellationTokenSource();
        var asked = topics.FindAsync(ScriptedCluster.Topic, cancellation.Token);
        while (broker.Connections == 0) await Task.Delay(5);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked.WaitAsync(TimeSpan.FromSeconds(15)));
    }

    [Fact]
    public async Task An_admin_client_that_has_destroyed_itself_is_not_destroyed_again_and_counts_as_silent()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        using var topics = Topics(broker);
        topics.Admin.Dispose();
        var silent = await Assert.ThrowsAsync<StartupException>(() => topics.EndsAsync(ScriptedCluster.Topic, 0, CancellationToken.None));
        Assert.True(silent.MayPass);
    }
}
