namespace StreamEngine.Kafka.Commits;

/// <summary>Names and limits of a slot's commit log.</summary>
/// <param name="Pipeline">The pipeline's name with its prefix: the group, and the stem of the internal topics and the transactional id.</param>
/// <param name="Slot">The worker slot: its partition of the internal topics.</param>
/// <param name="Slots">Partitions of the internal topics.</param>
internal sealed record KafkaCommitLogOptions(string Pipeline, int Slot = 0, int Slots = 1)
{
    public string StateTopic => $"{Pipeline}.state";

    public string EpochsTopic => $"{Pipeline}.epochs";

    public string TransactionalId => $"{Pipeline}-{Slot}";

    public TimeSpan TransactionTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>After which a call of the client counts as of unknown outcome.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The same for the calls that end a transaction: shorter than the client's own patience for an answer, after which it would ask again.</summary>
    public TimeSpan EndTimeout => CallTimeout < TransactionTimeout / 2 ? CallTimeout : TransactionTimeout / 2;

    public short ReplicationFactor { get; init; } = -1;

    /// <summary>The most bytes of key, value and headers of a record.</summary>
    public int MaxMessageBytes { get; init; } = 1_000_000;

    /// <summary>Records that the client's queue takes before it refuses more.</summary>
    public int QueueRecords { get; init; } = TransactionalProducer.MostQueued;

    /// <summary>Somebody has decided where a pipeline without a manifest starts, so that offsets of its group do not matter.</summary>
    public bool IgnoreGroupOffsets { get; init; }

    /// <summary>A worker that has written nothing for so long looks whether another one has taken over: nothing else would tell it.</summary>
    public TimeSpan IdleLook { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Older manifests are deleted, but never the last one.</summary>
    public TimeSpan ManifestsKeep { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How often that is done.</summary>
    public TimeSpan ManifestTrims { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The topics that the pipeline writes: outputs, dead letters, late rows. Those that do not exist are created.</summary>
    public IReadOnlyList<OutputTopic> Outputs { get; init; } = [];

    /// <summary>The topic of one partition through which dead letters come again, kept for ever; created where it does not exist. Null: there is none.</summary>
    public string? RedriveTopic { get; init; }

    public string Host { get; init; } = "";

    public int Process { get; init; }
}

/// <summary>A topic that is written to.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Partitions">Partitions to create it with where it does not exist.</param>
internal sealed record OutputTopic(string Name, int Partitions);
