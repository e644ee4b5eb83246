using System.Globalization;

namespace StreamEngine.Kafka;

/// <summary>How a cluster is reached: addresses, and the client settings that a user may give.</summary>
public sealed record KafkaConnection
{
    // Deny by default: connection and security settings only. Paths of plug-ins and of code, and what the engine's guarantees rest on, are not the user's to set.
    private static readonly HashSet<string> Allowed =
    [
        "security.protocol", "sasl.mechanism", "sasl.mechanisms", "sasl.username", "sasl.password", "ssl.ca.location", "ssl.ca.pem", "ssl.certificate.location",
            "ssl.certificate.pem", "ssl.key.location", "ssl.key.pem",
        "ssl.key.password", "ssl.endpoint.identification.algorithm", "ssl.cipher.suites", "client.rack", "broker.address.family", "socket.timeout.ms",
            "socket.keepalive.enable", "socket.connection.setup.timeout.ms",
        "metadata.max.age.ms", "reconnect.backoff.ms", "reconnect.backoff.max.ms", "fetch.wait.max.ms", "fetch.message.max.bytes", "fetch.max.bytes",
            "queued.max.messages.kbytes",
        "compression.type", "compression.codec", "linger.ms", "batch.size", "batch.num.messages", "debug",
    ];

    /// <summary>A connection to these brokers.</summary>
    /// <param name="bootstrap">HOST:PORT, several separated by commas.</param>
    /// <param name="settings">librdkafka's names and values: transport, TLS, SASL, fetch and produce tuning.</param>
    /// <exception cref="ArgumentException">A setting is not allowed; the message names it.</exception>
    public KafkaConnection(string bootstrap, IReadOnlyDictionary<string, string>? settings = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(bootstrap);
        Bootstrap = bootstrap;
        Settings = settings ?? new Dictionary<string, string>();
        foreach (var name in Settings.Keys)
            if (!Allowed.Contains(name)) throw new ArgumentException($"the Kafka client setting '{name}' is not one that a pipeline may set; it may set {string.Join(", ", Allowed.Order())}");
    }

    /// <summary>HOST:PORT, several separated by commas.</summary>
    public string Bootstrap { get; }

    /// <summary>What is wrong with a list of addresses; null where nothing is.</summary>
    internal static string? AddressError(string bootstrap)
    {
        foreach (var address in bootstrap.Split(','))
        {
            var colon = address.LastIndexOf(':');
            if (colon <= 0 || address.AsSpan().Trim().Contains(' ')) return $"'{address.Trim()}' is no broker's address: write HOST:PORT";
            if (!int.TryParse(address.AsSpan(colon + 1).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535)
                return $"'{address[(colon + 1)..].Trim()}' is no port: a number from 1 to 65535";
        }
        return null;
    }

    /// <summary>What a command that is suggested to a person needs beside it to reach this cluster; empty for the default address.</summary>
    internal string AsOption => Bootstrap == "127.0.0.1:9092" ? "" : $" --bootstrap {Bootstrap}";

    /// <summary>Settings in librdkafka's names.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; }

    /// <summary>The setting names that are allowed.</summary>
    public static IReadOnlyCollection<string> AllowedSettings => Allowed;

    /// <summary>The addresses only: settings may hold secrets.</summary>
    public override string ToString() => Bootstrap;
}
