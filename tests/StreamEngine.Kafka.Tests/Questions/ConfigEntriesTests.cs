using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Questions;

/// <summary>Settings as brokers of every version tell them.</summary>
public sealed class ConfigEntriesTests : IDisposable
{
    private readonly ScriptedCluster _cluster = new();
    private readonly KafkaTopics _topics;

    public ConfigEntriesTests()
    {
        _cluster.Start(1);
        _cluster.Start(2);
        // Where it is from: the topic, the broker's file, the default; a secret has no value.
        (_cluster.Settings["retention.ms"], _cluster.Settings["cleanup.policy"]) = (("60000", 1), ("delete", 4));
        (_cluster.Settings["segment.bytes"], _cluster.Settings["secret"]) = (("1", 5), (null, 1));
        _topics = new KafkaTopics(Connection, NullLogger.Instance);
    }

    public void Dispose()
    {
        _topics.Dispose();
        _cluster.Dispose();
    }

    private KafkaConnection Connection => new(_cluster.Bootstrap);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Settings_are_read_in_every_version(short version)
    {
        _cluster.DescribeConfigsVersion = version;
        // Asked for twice, say.
        var settings = Assert.Single(await _topics.ConfigsAsync([ScriptedCluster.Topic, ScriptedCluster.Topic], CancellationToken.None)).Value;
        Assert.Equal(("60000", true), (settings.Of("retention.ms"), settings.IsOwn("retention.ms")));
        Assert.Equal(("delete", false), (settings.Of("cleanup.policy"), settings.IsOwn("cleanup.policy")));
        Assert.Equal(("1", false), (settings.Of("segment.bytes"), settings.IsOwn("segment.bytes")));
        Assert.Equal((null, true), (settings.Of("secret"), settings.IsOwn("secret")));
        Assert.Equal((null, false), (settings.Of("another"), settings.IsOwn("another")));
        Assert.Equal("delete", await _topics.BrokerConfigAsync("cleanup.policy", CancellationToken.None));
        Assert.Null(await _topics.BrokerConfigAsync("another", CancellationToken.None));
        Assert.All(_cluster.SettingQuestions, q => Assert.Equal(version, q.Version));
        Assert.Equal(3, _cluster.SettingQuestions.Count);
    }

    [Fact]
    public async Task A_topic_that_is_not_there_is_told_at_the_limit_since_it_may_be_new()
    {
        var refused = await Limits.RefusedAsync(Connection, topics => topics.ConfigsAsync([ScriptedCluster.Topic, "missing"], CancellationToken.None));
        Assert.True(refused.MayPass);
        Assert.Equal($"the brokers on {_cluster.Bootstrap} refuse the settings of topic 'missing': UnknownTopicOrPartition (3)", refused.Message);
    }

    [Fact]
    public async Task What_is_not_allowed_is_told_at_once()
    {
        _cluster.Change(c => c.SettingsError = 29);
        var refused = await Assert.ThrowsAsync<StartupException>(() => _topics.ConfigsAsync([ScriptedCluster.Topic], CancellationToken.None));
        Assert.False(refused.MayPass);
        Assert.Equal($"the brokers on {_cluster.Bootstrap} refuse the settings of topic '{ScriptedCluster.Topic}': TopicAuthorizationFailed (29)", refused.Message);
        _cluster.Change(c => c.SettingsError = 31);
        refused = await Assert.ThrowsAsync<StartupException>(() => _topics.BrokerConfigAsync("any", CancellationToken.None));
        Assert.False(refused.MayPass);
        Assert.Equal($"the brokers on {_cluster.Bootstrap} refuse the settings of broker '1': ClusterAuthorizationFailed (31)", refused.Message);
    }
}
