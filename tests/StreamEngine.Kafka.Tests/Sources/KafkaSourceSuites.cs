using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Sources;

/// <summary>The source on the embedded broker.</summary>
public sealed class KafkaSourceTests(Cluster cluster) : KafkaSourceSuite(cluster), IClassFixture<Cluster>;

/// <summary>The source on real Kafka, which alone has logins and encryption.</summary>
public sealed class RealKafkaSourceTests(RealCluster cluster) : KafkaSourceSuite(cluster), IClassFixture<RealCluster>
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
        var settings = new Dictionary<string, string> { ["security.protocol"] = protocol };
        if (protocol.EndsWith("ssl", StringComparison.Ordinal)) settings["ssl.ca.location"] = cluster.Endpoint("tls_ca");
        if (mechanism is not null)
        {
            var user = cluster.Endpoint("sasl_users").Split(',')[0].Split(':');
            (settings["sasl.mechanism"], settings["sasl.username"], settings["sasl.password"]) = (mechanism, user[0], user[1]);
        }
        Assert.Equal("0:a 1:b end 2", await ReadAsync(topic, 0, 0, new KafkaConnection(cluster.Endpoint(endpoint), settings)));
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
