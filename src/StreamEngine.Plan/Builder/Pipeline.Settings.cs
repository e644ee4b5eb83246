namespace StreamEngine;

/// <content>Limits, names and clients: each setting is the key of hocon/reference.conf that its summary ends with, and has its default.</content>
public sealed partial class Pipeline
{
    /// <summary>
    /// Bytes of state that one operator may hold before it fails the pipeline by its name; 4 GiB by default, at least 1 MiB. <c>pipeline.state.limit</c>
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less.</exception>
    public Pipeline StateLimit(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1 << 20);
        return new(Definition with { StateLimit = bytes });
    }

    /// <summary>
    /// The largest record in bytes that is written; what is larger becomes a dead letter. 1,000,000 by default, 1 KiB to 1 GiB, and not above the broker's
    /// message.max.bytes. <c>pipeline.max-message-size</c>
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less or more.</exception>
    public Pipeline MaxMessageSize(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1 << 10);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, 1 << 30);
        return new(Definition with { MaxMessageBytes = bytes });
    }

    /// <summary>
    /// How long manifests of committed epochs are kept: as far back as a replay can start exactly. 7 days by default, at least a minute.
    /// <c>pipeline.manifests.keep</c>
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less.</exception>
    public Pipeline ManifestsKeep(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.FromMinutes(1));
        return new(Definition with { ManifestsKeep = time });
    }

    /// <summary>The most bytes that a replay's promotion writes in its one transaction; 64 MiB by default, at least 1 KiB. <c>pipeline.promote.max-bytes</c></summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less.</exception>
    public Pipeline PromoteMaxBytes(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1 << 10);
        return new(Definition with { PromoteMaxBytes = bytes });
    }

    /// <summary>Put before the consumer group, the transactional ids and the internal topics; nothing by default. <c>naming.prefix</c></summary>
    /// <exception cref="ArgumentException">With it the name is none that a topic can have.</exception>
    public Pipeline NamingPrefix(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        if (!Plan.Definitions.PipelineDefinition.IsName(prefix + Name))
            throw new ArgumentException($"'{prefix}{Name}' is no name: it has ASCII letters, digits, dot, dash and underscore, since topics are named after it", nameof(prefix));
        return new(Definition with { NamingPrefix = prefix });
    }

    /// <summary>
    /// A transaction that is open for longer is aborted by the broker; 60 s by default, 1 s to 15 minutes, and twice the <see cref="CommitInterval"/> at least.
    /// <c>kafka.transaction-timeout</c>
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is shorter or longer.</exception>
    public Pipeline TransactionTimeout(TimeSpan timeout)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.FromSeconds(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(timeout, Definition.CommitInterval * 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(timeout, TimeSpan.FromMinutes(15));
        return new(Definition with { TransactionTimeout = timeout });
    }

    /// <summary>Replicas of the topics that the engine creates; -1, the default, takes the broker's. <c>kafka.replication-factor</c></summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less.</exception>
    public Pipeline ReplicationFactor(short replicas)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(replicas, (short)-1);
        return new(Definition with { ReplicationFactor = replicas });
    }
}
