using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Sources;

/// <summary>The source on the embedded broker.</summary>
public sealed class KafkaSourceTests(Cluster cluster) : KafkaSourceSuite(cluster), IClassFixture<Cluster>;

/// <summary>The source on real Kafka, which alone has logins and encryption.</summary>
[Collection(nameof(RealKafka))]
public sealed class RealKafkaSourceTests(RealCluster cluster) : KafkaSourceSuite(cluster)
{
    [SkippableTheory]
    [InlineData("tls", "ssl", null)]
    [InlineData("sasl", "sasl_plaintext", "PLAIN")]
    [InlineData("sasl", "sasl_plaintext", "SCRAM-SHA-256")]
    [InlineData("sasl_tls", "sasl_ssl", "SCRAM-SHA-512")]
    public async Task A_secured_listener_is_read_from(string endpoint, string protocol, string? mechanism)
    {
        var topic = await cluster.NewTopicAsync();
        await cluster.WriteAsync(topic, 0, "a", "b");
        Assert.Equal("0:a 1:b end 2", await ReadAsync(topic, 0, 0, cluster.Secured(endpoint, protocol, mechanism)));
    }

    [SkippableTheory]
    [InlineData("none")]
    [InlineData("gzip")]
    [InlineData("snappy")]
    [InlineData("lz4")]
    [InlineData("zstd")]
    public async Task What_Kafkas_own_producer_writes_is_read(string compression)
    {
        var topic = await cluster.NewTopicAsync();
        var values = Enumerable.Range(0, 2000).Select(i => $"a value that repeats itself {i}").ToArray();
        await cluster.ProduceByJavaAsync(topic, compression, values);
        Assert.Equal(string.Concat(values.Select((v, i) => $"{i}:{v} ")) + "end 2000", await ReadAsync(topic, 0, 0));
    }
}
