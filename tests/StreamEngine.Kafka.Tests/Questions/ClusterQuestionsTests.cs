using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Fetching;
using StreamEngine.Kafka.Suite;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Questions;

/// <summary>What is asked about a topic is answered, or given up within its time, whatever state the topic and its brokers are in.</summary>
public sealed class ClusterQuestionsTests
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
    public async Task A_broker_that_knows_of_no_broker_is_not_believed_to_know_of_topics()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        cluster.Change(c => (c.KnowsBrokers, c.HasTopic) = (false, false));
        using var topics = Topics(broker);
        var asked = topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None);
        Assert.NotSame(asked, await Task.WhenAny(asked, Task.Delay(300)));
        var setting = topics.BrokerConfigAsync("any", CancellationToken.None);
        cluster.Change(c => (c.KnowsBrokers, c.HasTopic) = (true, true));
        Assert.NotNull(await asked);
        Assert.Null(await setting);
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
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked.WaitAsync(TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public async Task A_broker_that_answers_drop_by_drop_is_given_up_in_time()
    {
        // The first answer there is, of a thousand APIs.
        using var dripping = new Dripping([0, 0, 0x17, 0x7A, 0, 0, 0, 1, 0, 0, 0, 0, 3, 0xE8], TimeSpan.FromMilliseconds(50));
        using var topics = new KafkaTopics(new KafkaConnection(dripping.Address), NullLogger.Instance) { Timeout = TimeSpan.FromSeconds(1) };
        var asked = topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None);
        var silent = await Assert.ThrowsAsync<StartupException>(() => asked.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.True(silent.MayPass);
        Assert.Contains($"no broker answers on {dripping.Address}", silent.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_listener_that_speaks_TLS_is_told_as_that()
    {
        // A fatal alert of TLS 1.2, "protocol version".
        using var tls = new Dripping([0x15, 3, 3, 0, 2, 2, 70], TimeSpan.Zero);
        using var topics = new KafkaTopics(new KafkaConnection(tls.Address), NullLogger.Instance);
        var refused = await Assert.ThrowsAsync<StartupException>(() => topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None));
        Assert.Contains("a TLS alert: its listener speaks TLS, and security.protocol is neither SSL nor SASL_SSL", refused.Message, StringComparison.Ordinal);
    }

    private static KafkaConnection WithLogin(string password, params ScriptedBroker[] brokers) =>
        new(string.Join(",", brokers.Select(b => $"127.0.0.1:{b.Port}")), new Dictionary<string, string>
        {
            ["security.protocol"] = "sasl_plaintext", ["sasl.mechanism"] = "PLAIN", ["sasl.username"] = "user", ["sasl.password"] = password,
        });

    [Fact]
    public async Task Another_broker_is_asked_where_one_lets_nobody_in_and_is_asked_first_from_then_on()
    {
        using var cluster = new ScriptedCluster();
        var (closed, open) = (cluster.Start(1, b => b.Login = new ScriptedLogin("PLAIN", "user", "another")),
            cluster.Start(2, b => b.Login = new ScriptedLogin("PLAIN", "user", "s3cret")));
        using var questions = new ClusterQuestions(WithLogin("s3cret", closed, open));
        Task<ClusterMetadata> AskAsync() =>
            questions.AskAsync(ScriptedCluster.Topic, round => round.AskMetadata(ScriptedCluster.Topic), TimeSpan.FromSeconds(20), CancellationToken.None);
        Assert.Single((await AskAsync()).Leaders);
        Assert.Single((await AskAsync()).Leaders);
        // The second time the connection of the first is there.
        Assert.Equal((1, 1), (closed.Connections, open.Connections));
        // What the others say is told where that one is away.
        open.GoDown();
        await Assert.ThrowsAsync<LoginException>(AskAsync);
    }

    [Fact]
    public async Task A_wrong_password_is_told_as_that()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1, b => b.Login = new ScriptedLogin("PLAIN", "user", "s3cret"));
        using var topics = new KafkaTopics(WithLogin("wr0ng", broker), NullLogger.Instance);
        var refused = await Assert.ThrowsAsync<StartupException>(() => topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None));
        Assert.True(refused.MayPass);
        Assert.Contains($"the brokers on {cluster.Bootstrap} refuse the login: ", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wr0ng", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_moment_without_its_certificates_changes_nothing_and_one_that_is_not_trusted_is_told_as_that()
    {
        var made = new Certificates();
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1, b => b.ServerCertificate = made.Server);
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, made.AuthorityPem);
        using var topics = new KafkaTopics(new KafkaConnection(cluster.Bootstrap, new Dictionary<string, string>
        {
            ["security.protocol"] = "ssl", ["ssl.ca.location"] = file,
        }), NullLogger.Instance);
        Assert.NotNull(await topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None));
        // As where it is exchanged: for a moment it is not there.
        File.Delete(file);
        // It is looked at with each connection: those that were made live on.
        Reconnect(broker);
        Assert.NotNull(await topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None));
        broker.ServerCertificate = made.WrongHost;
        Assert.NotNull(await topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None));
        Reconnect(broker);
        var refused = await Assert.ThrowsAsync<StartupException>(() => topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None));
        Assert.True(refused.MayPass);
        Assert.Contains($"the brokers on {cluster.Bootstrap} cannot be talked to by TLS: ", refused.Message, StringComparison.Ordinal);
    }

    private static void Reconnect(ScriptedBroker broker)
    {
        broker.GoDown();
        broker.ComeBack();
    }

    [Theory]
    [InlineData(5, true)]
    [InlineData(29, false)]
    public async Task A_topic_that_is_not_to_be_described_is_told_with_the_brokers_reason(short error, bool mayPass)
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        cluster.Change(c => c.TopicError = error);
        using var topics = Topics(broker);
        var refused = await Assert.ThrowsAsync<StartupException>(() => topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None));
        Assert.Equal(mayPass, refused.MayPass);
        Assert.Contains($"refuse to describe topic '{ScriptedCluster.Topic}': ", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"({error})", refused.Message, StringComparison.Ordinal);
    }
}
