namespace StreamEngine.Broker;

/// <summary>When written bytes are forced to the disk.</summary>
public enum FsyncPolicy
{
    /// <summary>The operating system decides: a kill of the process loses nothing, a power cut may.</summary>
    None,

    /// <summary>Each <see cref="BrokerOptions.FsyncInterval"/>, beside the requests.</summary>
    Interval,

    /// <summary>Before each answer.</summary>
    Always,
}

/// <summary>The settings of an embedded broker. It is one node: replication factors other than 1 are refused.</summary>
public sealed record BrokerOptions
{
    /// <summary>The address to listen on; loopback unless you mean otherwise, since there is no authentication.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The port; 0 takes a free one, which <see cref="BrokerHost.Bootstrap"/> then names.</summary>
    public int Port { get; init; }

    /// <summary>The host name that clients are told to connect to; null: <see cref="Host"/>.</summary>
    public string? AdvertisedHost { get; init; }

    /// <summary>The port that clients are told to connect to; null: the one that is listened on. Behind a proxy, a tunnel or a port mapping it is another one.</summary>
    public int? AdvertisedPort { get; init; }

    /// <summary>Where segments and the journal are kept; null: in memory, gone with the process.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>When bytes are forced to the disk.</summary>
    public FsyncPolicy Fsync { get; init; } = FsyncPolicy.None;

    /// <summary>The time between two forced writes under <see cref="FsyncPolicy.Interval"/>.</summary>
    public TimeSpan FsyncInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Partitions of a topic that is created without a count.</summary>
    public int DefaultPartitions { get; init; } = 1;

    /// <summary>Whether a topic that a client asks for is made (only when the client allows it as well).</summary>
    public bool AutoCreateTopics { get; init; }

    /// <summary>The longest request, in bytes; a longer one closes its connection.</summary>
    public int MaxRequestBytes { get; init; } = 100 << 20;

    /// <summary>The most connections at a time; one more is closed at once.</summary>
    public int MaxConnections { get; init; } = 1000;

    /// <summary>How long a connection may be silent before it is closed (connections.max.idle.ms).</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The most partitions over all topics.</summary>
    public int MaxPartitions { get; init; } = 10_000;

    /// <summary>The most groups with committed offsets.</summary>
    public int MaxGroups { get; init; } = 10_000;

    /// <summary>The most transactional ids.</summary>
    public int MaxTransactionalIds { get; init; } = 10_000;

    /// <summary>The longest transaction timeout that a producer may ask for (transaction.max.timeout.ms).</summary>
    public TimeSpan MaxTransactionTimeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How long a silent transactional id is remembered (transactional.id.expiration.ms).</summary>
    public TimeSpan TransactionalIdExpiration { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How long a partition remembers the sequence numbers of a silent producer (producer.id.expiration.ms).</summary>
    public TimeSpan ProducerIdExpiration { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How often logs are held against the topics' retention.ms and retention.bytes (log.retention.check.interval.ms).</summary>
    public TimeSpan RetentionCheckInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>What cluster and topic ids are derived from; null: from the time of the first start. Kept with the data.</summary>
    public ulong? Seed { get; init; }
}
