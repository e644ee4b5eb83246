namespace StreamEngine.Kafka.Connections;

/// <summary>Settings are passed through from a list, and secrets do not come out again.</summary>
public unsafe class KafkaConnectionTests
{
    [Theory]
    // Code and files of this machine, and what the engine's guarantees rest on.
    [InlineData("plugin.library.paths")]
    [InlineData("sasl.kerberos.kinit.cmd")]
    [InlineData("sasl.oauthbearer.config")]
    [InlineData("ssl.providers")]
    [InlineData("ssl.engine.location")]
    [InlineData("ssl.keystore.location")]
    [InlineData("enable.ssl.certificate.verification")]
    [InlineData("bootstrap.servers")]
    [InlineData("client.id")]
    [InlineData("group.id")]
    [InlineData("transactional.id")]
    [InlineData("isolation.level")]
    [InlineData("enable.idempotence")]
    [InlineData("acks")]
    [InlineData("check.crcs")]
    [InlineData("auto.offset.reset")]
    [InlineData("Security.Protocol")]
    [InlineData("")]
    public void A_setting_that_is_not_on_the_list_is_refused_by_name(string setting)
    {
        var refused = Assert.Throws<ArgumentException>(() => new KafkaConnection("h:1", new Dictionary<string, string> { [setting] = "s3cret" }));
        Assert.Contains($"'{setting}' is not one that a pipeline may set", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", refused.Message, StringComparison.Ordinal);
        Assert.Contains("security.protocol", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Secrets_are_in_no_text_of_a_connection()
    {
        var connection = new KafkaConnection("h:1,h:2", new Dictionary<string,
            string> { ["sasl.username"] = "us3r", ["sasl.password"] = "s3cret", ["ssl.key.password"] = "s3cret" });
        Assert.Equal("h:1,h:2", $"{connection}");
        Assert.Equal("s3cret", connection.Settings["sasl.password"]);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public void Addresses_are_needed(string bootstrap) => Assert.Throws<ArgumentException>(() => new KafkaConnection(bootstrap));

    [Fact]
    public void What_the_library_refuses_is_named()
    {
        var connection = new KafkaConnection("127.0.0.1:1", new Dictionary<string, string> { ["security.protocol"] = "nonsense" });
        var refused = Assert.Throws<Core.StartupException>(() =>
            new Native.NativeClient(connection, [], Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance));
        Assert.Contains("'security.protocol'", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_setting_of_the_list_is_known_to_the_library()
    {
        // A misspelt entry would allow nothing, and refuse the pipeline that uses it.
        var values = new Dictionary<string, string>
        {
            ["security.protocol"] = "sasl_ssl", ["sasl.mechanism"] = "PLAIN", ["sasl.mechanisms"] = "PLAIN", ["broker.address.family"] = "v4",
                ["ssl.endpoint.identification.algorithm"] = "https", ["compression.type"] = "zstd",
            ["compression.codec"] = "zstd", ["socket.keepalive.enable"] = "true", ["debug"] = "broker", ["message.max.bytes"] = "1000000",
                ["fetch.max.bytes"] = "1000000", ["linger.ms"] = "5",
        };
        foreach (var setting in KafkaConnection.AllowedSettings)
        {
            var refusal = Refusal(setting, values.GetValueOrDefault(setting, "1000"));
            Assert.True(refusal is null, $"{setting}: {refusal}");
        }
    }

    private static string? Refusal(string setting, string value)
    {
        var conf = Native.LibRdKafka.ConfNew();
        var error = stackalloc byte[512];
        var refused = Native.LibRdKafka.ConfSet(conf, setting, value, error, 512) != 0;
        Native.LibRdKafka.ConfDestroy(conf);
        return refused ? System.Runtime.InteropServices.Marshal.PtrToStringUTF8((nint)error) : null;
    }
}
