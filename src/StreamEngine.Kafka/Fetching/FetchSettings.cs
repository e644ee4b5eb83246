using System.Globalization;
using System.Net;
using System.Net.Sockets;
using StreamEngine.Core;

namespace StreamEngine.Kafka.Fetching;

/// <summary>What a pipeline's client settings mean for fetching: librdkafka's names, meanings and, but for the bound per partition, its defaults.</summary>
internal sealed record FetchSettings
{
    /// <summary>One batch may be larger than what was asked for (KIP-74): so much more than that is still a response.</summary>
    public const int LargestBatch = 128 << 20;

    public required IReadOnlyList<BrokerAddress> Bootstrap { get; init; }

    public required TlsSettings? Tls { get; init; }

    public required SaslSettings? Sasl { get; init; }

    public string Rack { get; init; } = "";

    public AddressFamily Family { get; init; } = AddressFamily.Unspecified;

    /// <summary>The addresses of a host's name.</summary>
    public Func<string, AddressFamily, CancellationToken, Task<IPAddress[]>> Resolve { get; init; } = Dns.GetHostAddressesAsync;

    public bool KeepAlive { get; init; }

    /// <summary>After which a request that is not answered is given up, with its connection.</summary>
    public TimeSpan SocketTimeout { get; init; } = TimeSpan.FromSeconds(60);

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How much longer than it may wait a broker takes before another one is asked who leads its partitions.</summary>
    public TimeSpan Overdue { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>After which a broker that does not say who leads is given up for another one.</summary>
    public TimeSpan LongestMetadata { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For so long brokers may not know a topic that was there: they tell each other with a delay.</summary>
    public TimeSpan UnknownTopic { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan MetadataAge { get; init; } = TimeSpan.FromMinutes(15);

    public TimeSpan ReconnectBackoff { get; init; } = TimeSpan.FromMilliseconds(100);

    public TimeSpan ReconnectBackoffMost { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a broker may keep a request for which it has nothing.</summary>
    public int MaxWaitMs { get; init; } = 500;

    /// <summary>The most bytes of one partition in a response.</summary>
    public int PartitionBytes { get; init; } = 1 << 20;

    /// <summary>The most bytes of a response.</summary>
    public int ResponseBytes { get; init; } = 50 << 20;

    /// <summary>Bytes that wait per partition, as they came from the broker, before no more is asked for.</summary>
    public int WaitingBytes { get; init; } = 2 << 20;

    public int LongestResponse => (int)Math.Min(int.MaxValue, (long)Math.Max(ResponseBytes, PartitionBytes) + LargestBatch);

    /// <summary>For a question that is put to one broker after the other: one that hangs is given up after <see cref="LongestMetadata"/>, or sooner.</summary>
    /// <param name="longest">For how long an answer is of use.</param>
    public FetchSettings ForQuestion(TimeSpan longest)
    {
        var most = Least(longest, LongestMetadata);
        return this with { SocketTimeout = Least(SocketTimeout, most), ConnectTimeout = Least(ConnectTimeout, most) };
    }

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;

    /// <summary>Reads the settings of a connection.</summary>
    /// <exception cref="StartupException">A value is wrong, or asks for what the source cannot do; the message names the setting and shows no secret.</exception>
    public static FetchSettings Of(KafkaConnection connection)
    {
        var given = new Given(connection.Settings);
        var protocol = given.OneOf("security.protocol", "plaintext", "plaintext", "ssl", "sasl_plaintext", "sasl_ssl");
        given.Refuse("ssl.cipher.suites", "the source leaves the choice to the system's TLS");
        return new FetchSettings
        {
            Bootstrap = BrokerAddress.Parse(connection.Bootstrap),
            Tls = protocol.EndsWith("ssl", StringComparison.Ordinal) ? TlsSettings.Of(given) : null,
            Sasl = protocol.StartsWith("sasl", StringComparison.Ordinal) ? SaslSettings.Of(given) : null,
            Rack = given.Text("client.rack") ?? "",
            Family = given.OneOf("broker.address.family", "any", "any", "v4", "v6") switch
            {
                "v4" => AddressFamily.InterNetwork,
                "v6" => AddressFamily.InterNetworkV6,
                _ => AddressFamily.Unspecified,
            },
            KeepAlive = given.OneOf("socket.keepalive.enable", "false", "false", "true") == "true",
            SocketTimeout = given.Milliseconds("socket.timeout.ms", 60_000, 10, 300_000),
            ConnectTimeout = given.Milliseconds("socket.connection.setup.timeout.ms", 30_000, 1000, int.MaxValue),
            MetadataAge = given.Milliseconds("metadata.max.age.ms", 900_000, 1, 86_400_000),
            ReconnectBackoff = given.Milliseconds("reconnect.backoff.ms", 100, 0, 3_600_000),
            ReconnectBackoffMost = given.Milliseconds("reconnect.backoff.max.ms", 10_000, 0, 3_600_000),
            MaxWaitMs = given.Number("fetch.wait.max.ms", 500, 0, 300_000),
            PartitionBytes = given.Number("fetch.message.max.bytes", 1 << 20, 1, 1_000_000_000),
            ResponseBytes = given.Number("fetch.max.bytes", 50 << 20, 0, int.MaxValue - 512),
            WaitingBytes = (int)Math.Min(int.MaxValue, given.Number("queued.max.messages.kbytes", 2048, 1, 2_097_151) * 1024L),
        };
    }

    /// <summary>The settings as they were given, which are read one by one.</summary>
    internal sealed class Given(IReadOnlyDictionary<string, string> settings)
    {
        /// <summary>A text; null where it is not given or empty.</summary>
        public string? Text(string name) => settings.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

        public string OneOf(string name, string otherwise, params ReadOnlySpan<string> values)
        {
            if (Text(name) is not { } text) return otherwise;
            foreach (var value in values)
                if (value.Equals(text, StringComparison.OrdinalIgnoreCase)) return value;
            throw new StartupException($"the Kafka client setting '{name}' is '{text}', it may be {string.Join(", ", values.ToArray())}");
        }

        public int Number(string name, int otherwise, int least, int most)
        {
            if (Text(name) is not { } text) return otherwise;
            if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most) return value;
            throw new StartupException($"the Kafka client setting '{name}' is '{text}', it may be a number from {least} to {most}");
        }

        public TimeSpan Milliseconds(string name, int otherwise, int least, int most) => TimeSpan.FromMilliseconds(Number(name, otherwise, least, most));

        /// <summary>A setting that changes nothing here would be worse than an error.</summary>
        public void Refuse(string name, string reason)
        {
            if (Text(name) is not null) throw new StartupException($"the Kafka client setting '{name}' cannot be honoured: {reason}; remove it");
        }
    }
}
