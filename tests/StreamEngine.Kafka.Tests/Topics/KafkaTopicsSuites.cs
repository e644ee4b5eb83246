using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Topics;

/// <summary>Questions to the embedded broker.</summary>
public sealed class KafkaTopicsTests(Cluster cluster) : KafkaTopicsSuite(cluster), IClassFixture<Cluster>;

/// <summary>Questions to real Kafka, which alone has logins and encryption.</summary>
[Collection(nameof(RealKafka))]
public sealed class RealKafkaTopicsTests(RealCluster cluster) : KafkaTopicsSuite(cluster)
{
    [SkippableTheory]
    [InlineData("tls", "ssl", null)]
    [InlineData("sasl", "sasl_plaintext", "SCRAM-SHA-512")]
    [InlineData("sasl_tls", "sasl_ssl", "PLAIN")]
    public async Task A_secured_listener_is_asked(string endpoint, string protocol, string? mechanism)
    {
        var topic = await cluster.NewTopicAsync(1, ("retention.ms", "60000"));
        await cluster.WriteAsync(topic, 0, "a", "b");
        using var topics = new KafkaTopics(cluster.Secured(endpoint, protocol, mechanism), NullLogger.Instance);
        Assert.Equal((0L, 2L), await topics.BoundsAsync(topic, 0, CancellationToken.None));
        Assert.Equal("60000", (await topics.ConfigsAsync([topic], CancellationToken.None))[topic].Of("retention.ms"));
        Assert.Empty(await topics.GroupOffsetsAsync(Cluster.Name("unknown"), CancellationToken.None));
    }
}
