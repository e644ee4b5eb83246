using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Plan.Definitions;

/// <summary>A pipeline as its file or the C# builder describes it, before anything is resolved: SQL is text, connectors are names and settings.</summary>
internal sealed record PipelineDefinition
{
    public required string Name { get; init; }

    public required IReadOnlyList<SourceDefinition> Sources { get; init; }

    /// <summary>Streams that a user's own Flow makes of another one, in order.</summary>
    public IReadOnlyList<ViaDefinition> Vias { get; init; } = [];

    public required string Sql { get; init; }

    public required IReadOnlyList<SinkDefinition> Sinks { get; init; }

    public required string DeadLetterTopic { get; init; }

    public required string LateTopic { get; init; }

    public TimeSpan CommitInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Put before group, transactional ids and internal topics.</summary>
    public string NamingPrefix { get; init; } = "";

    /// <summary>Lanes; 0: as many as cores.</summary>
    public int Parallelism { get; init; } = 1;

    /// <summary>Bytes of state that one operator may hold.</summary>
    public long StateLimit { get; init; } = 4L << 30;

    public int MaxMessageBytes { get; init; } = 1_000_000;

    /// <summary>The brokers, HOST:PORT.</summary>
    public string Bootstrap { get; init; } = "127.0.0.1:9092";

    /// <summary>Settings of the Kafka clients, in librdkafka's names.</summary>
    public IReadOnlyDictionary<string, string> KafkaSettings { get; init; } = new Dictionary<string, string>();

    public TimeSpan TransactionTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Replicas of topics that are created; -1: the broker's default.</summary>
    public short ReplicationFactor { get; init; } = -1;

    /// <summary>Where to start was decided for this run, so that offsets of the group without a manifest do not matter.</summary>
    public bool StartDecided { get; init; }

    /// <summary>The most bytes that a replay's promotion writes in its one transaction.</summary>
    public long PromoteMaxBytes { get; init; } = 64 << 20;

    /// <summary>How long manifests are kept.</summary>
    public TimeSpan ManifestsKeep { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Whether a pipeline may be called so: with the suffixes of its topics it is a name that Kafka takes.</summary>
    public static bool IsName(string name) => name.Length is > 0 and <= 200 && name is not ("." or "..")
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');

    /// <summary>Name and prefix: the group, the stem of internal topics and transactional ids.</summary>
    public string QualifiedName => NamingPrefix + Name;

    /// <summary>Dead letters that are sent again come through this topic.</summary>
    public string RedriveTopic => RedriveTopicOf(QualifiedName);

    /// <summary>The redrive topic of a pipeline by its qualified name.</summary>
    public static string RedriveTopicOf(string pipeline) => $"{pipeline}.redrive";
}

/// <summary>A source of rows.</summary>
internal sealed record SourceDefinition
{
    public required string Name { get; init; }

    public required string Topic { get; init; }

    public required Schema Schema { get; init; }

    public FormatDefinition Format { get; init; } = new JsonFormatDefinition();

    /// <summary>Null: the record's timestamp, by the defaults.</summary>
    public EventTimeDefinition EventTime { get; init; } = new();

    public IReadOnlyList<RuleDefinition> Rules { get; init; } = [];

    /// <summary>earliest, latest, or an ISO timestamp.</summary>
    public string StartFrom { get; init; } = "earliest";

    /// <summary>Create the topic with so many partitions where it does not exist.</summary>
    public int? CreatePartitions { get; init; }

    /// <summary>Whether a pipeline may start there.</summary>
    public static bool IsStart(string position) => position is "earliest" or "latest" || TimeText.TryParseTimestamp(Encoding.UTF8.GetBytes(position), out _, out _);
}

/// <summary>How bytes become rows and rows bytes.</summary>
internal abstract record FormatDefinition;

/// <summary>One JSON object per record.</summary>
/// <param name="RejectUnknownFields">An undeclared field makes a dead letter.</param>
/// <param name="RejectDuplicateKeys">A key that comes twice makes a dead letter; otherwise the last one counts.</param>
internal sealed record JsonFormatDefinition(bool RejectUnknownFields = false, bool RejectDuplicateKeys = false) : FormatDefinition;

/// <summary>One CSV record per record, without a header.</summary>
/// <param name="Delimiter">One character.</param>
/// <param name="Quote">One character, or empty for none.</param>
internal sealed record CsvFormatDefinition(string Delimiter = ",", string Quote = "\"") : FormatDefinition
{
    public static bool IsDelimiter(string text) => text.Length == 1 && text[0] <= 127;

    public static bool IsQuote(string text) => text.Length == 0 || IsDelimiter(text);
}

/// <summary>How a source's event time is taken.</summary>
internal sealed record EventTimeDefinition
{
    /// <summary>A column, or a path to a nested field; null: the record's timestamp.</summary>
    public string? Column { get; init; }

    public TimeSpan OutOfOrderness { get; init; } = TimeSpan.Zero;

    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan MaxAhead { get; init; } = TimeSpan.FromHours(24);

    public TimeSpan MaxDrift { get; init; } = TimeSpan.FromHours(1);

    /// <summary>After which a source without rows goes on by the clock; <see cref="TimeSpan.MaxValue"/>: never.</summary>
    public TimeSpan CloseByClockAfter { get; init; } = TimeSpan.MaxValue;
}

/// <summary>A named rule, SQL text.</summary>
internal sealed record RuleDefinition(string Name, string Expression);

/// <summary>A user's own stage between a stream and what reads the new one.</summary>
/// <param name="Name">The new stream's name.</param>
/// <param name="Input">The stream that it takes.</param>
/// <param name="Schema">The rows that it gives.</param>
/// <param name="Flow">An Akka.Streams flow of elements; opaque here, since plans know nothing of Akka.</param>
internal sealed record ViaDefinition(string Name, string Input, Schema Schema, object Flow);

/// <summary>Where an INSERT writes.</summary>
internal sealed record SinkDefinition
{
    public required string Name { get; init; }

    public required string Topic { get; init; }

    public FormatDefinition Format { get; init; } = new JsonFormatDefinition();

    /// <summary>Columns or SQL expressions over the written columns; empty: records have no key.</summary>
    public IReadOnlyList<string> Key { get; init; } = [];

    /// <summary>A row of the same key replaces the earlier one.</summary>
    public bool Upsert { get; init; }

    /// <summary>Create the topic with so many partitions where it does not exist.</summary>
    public int? CreatePartitions { get; init; }
}
