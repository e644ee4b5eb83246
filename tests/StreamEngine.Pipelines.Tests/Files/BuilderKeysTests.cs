using StreamEngine.Config;
using StreamEngine.Plan.Definitions;

namespace StreamEngine.Pipelines.Files;

/// <summary>Whatever hocon/reference.conf lets a file say the C# builder can say too: each key has a counterpart that makes the same definition.</summary>
public class BuilderKeysTests
{
    private const string Schema = "a INT, at TIMESTAMP";

    private const string Text = """
        pipeline {
          name = p
          sources.s { topic = t, schema = "a INT, at TIMESTAMP", event-time.column = at }
          sinks.o { topic = o, key = a, create.partitions = 1 }
          sql = "INSERT INTO o SELECT a FROM s"
        }
        """;

    /// <summary>Keys that a program has no use for.</summary>
    private static readonly Dictionary<string, string> Exceptions = new()
    {
        ["source.csv.header"] = "it can only be false: a record's value has no header",
        ["sink.csv.header"] = "it can only be false: a record's value has no header",
        ["logging.level"] = "a program has loggers of its own: StreamEngineHost takes them",
        ["logging.folder"] = "a program has loggers of its own: StreamEngineHost takes them",
    };

    private sealed record Counterpart(string[] Settings, Func<Pipeline, Pipeline>? Whole = null, Func<SourceBuilder, SourceBuilder>? Source = null,
        Func<SinkBuilder, SinkBuilder>? Sink = null);

    private static readonly Dictionary<string, Counterpart> Counterparts = new()
    {
        ["kafka.bootstrap"] = new(["kafka.bootstrap=\"k:1\""], p => p.Kafka("k:1")),
        ["kafka.settings"] = new(["kafka.settings.linger.ms=7"], p => p.Kafka("127.0.0.1:9092", new Dictionary<string, string> { ["linger.ms"] = "7" })),
        ["kafka.transaction-timeout"] = new(["kafka.transaction-timeout=90s"], p => p.TransactionTimeout(TimeSpan.FromSeconds(90))),
        ["kafka.replication-factor"] = new(["kafka.replication-factor=3"], p => p.ReplicationFactor(3)),
        ["naming.prefix"] = new(["naming.prefix=team-"], p => p.NamingPrefix("team-")),
        ["pipeline.commit-interval"] = new(["commit-interval=20ms"], p => p.CommitInterval(TimeSpan.FromMilliseconds(20))),
        ["pipeline.parallelism"] = new(["parallelism=0"], p => p.Parallelism(0)),
        ["pipeline.state.limit"] = new(["state.limit=2MiB"], p => p.StateLimit(2 << 20)),
        ["pipeline.max-message-size"] = new(["max-message-size=2kB"], p => p.MaxMessageSize(2000)),
        ["pipeline.manifests.keep"] = new(["manifests.keep=2h"], p => p.ManifestsKeep(TimeSpan.FromHours(2))),
        ["pipeline.promote.max-bytes"] = new(["promote.max-bytes=1KiB"], p => p.PromoteMaxBytes(1024)),
        ["source.connector"] = new(["source.connector=kafka"], Source: s => s.Kafka("t")),
        ["source.format"] = new(["source.format=csv"], Source: s => s.Csv(Schema)),
        ["source.unknown-fields"] = new(["source.unknown-fields=reject"], Source: s => s.Json(Schema, rejectUnknownFields: true)),
        ["source.json.duplicate-keys"] = new(["source.json.duplicate-keys=error"], Source: s => s.Json(Schema, rejectDuplicateKeys: true)),
        ["source.csv.delimiter"] = new(["source.format=csv", "source.csv.delimiter=\";\""], Source: s => s.Csv(Schema, ";")),
        ["source.csv.quote"] = new(["source.format=csv", "source.csv.quote=\"\""], Source: s => s.Csv(Schema, quote: "")),
        ["source.start-from"] = new(["source.start-from=\"2026-01-31T00:00:00Z\""], Source: s => s.StartFrom("2026-01-31T00:00:00Z")),
        ["source.event-time.out-of-orderness"] = new(["source.event-time.out-of-orderness=5s"], Source: s => s.EventTime("at", TimeSpan.FromSeconds(5))),
        ["source.event-time.idle-timeout"] = new(["source.event-time.idle-timeout=infinite"], Source: s => s.EventTime("at", idleTimeout: TimeSpan.MaxValue)),
        ["source.event-time.close-by-clock-after"] = new(["source.event-time.close-by-clock-after=1m"],
            Source: s => s.EventTime("at", closeByClockAfter: TimeSpan.FromMinutes(1))),
        ["source.event-time.max-ahead"] = new(["source.event-time.max-ahead=0s"], Source: s => s.EventTime("at", maxAhead: TimeSpan.Zero)),
        ["source.event-time.max-drift"] = new(["source.event-time.max-drift=3h"], Source: s => s.EventTime("at", maxDrift: TimeSpan.FromHours(3))),
        ["sink.connector"] = new(["sink.connector=kafka"], Sink: s => s.Kafka("o")),
        ["sink.format"] = new(["sink.format=csv"], Sink: s => s.Csv()),
        ["sink.mode"] = new(["sink.mode=upsert"], Sink: s => s.Upsert()),
        ["sink.csv.delimiter"] = new(["sink.format=csv", "sink.csv.delimiter=\"|\""], Sink: s => s.Csv("|")),
        ["sink.csv.quote"] = new(["sink.format=csv", "sink.csv.quote=\"'\""], Sink: s => s.Csv(quote: "'")),
    };

    private static IEnumerable<string> KeysOf(ConfigObject block, string prefix) => block.Entries.SelectMany(e =>
        e.Value is ConfigObject { Entries.Count: > 0 } inner ? KeysOf(inner, $"{prefix}{e.Key}.") : [prefix + e.Key]);

    private static List<string> All() => [.. KeysOf(PipelineFile.Defaults().Root, "").Where(k => !k.StartsWith("akka.", StringComparison.Ordinal))];

    public static TheoryData<string> Keys() => [.. All()];

    private static Pipeline Built(Counterpart? counterpart)
    {
        var pipeline = Pipeline.Create("p")
            .Source("s", s => (counterpart?.Source ?? (x => x))(s.Kafka("t").Json(Schema).EventTime("at")))
            .Sink("o", s => (counterpart?.Sink ?? (x => x))(s.Kafka("o").Key("a"))).Sql("INSERT INTO o SELECT a FROM s");
        return (counterpart?.Whole ?? (x => x))(pipeline);
    }

    /// <summary>All of a definition as text: records with lists in them are not equal by value.</summary>
    private static string Shown(PipelineDefinition definition) => string.Join('\n', [
        $"{definition with { Sources = [], Sinks = [], KafkaSettings = new Dictionary<string, string>() }}",
        .. definition.KafkaSettings.Select(s => $"{s.Key}={s.Value}"),
        .. definition.Sources.Select(s => $"{s with { Rules = [], Schema = Core.Schema.Empty }} {string.Join(", ", s.Schema)}"),
        .. definition.Sinks.Select(s => $"{s with { Key = [] }} {string.Join(", ", s.Key)}")]);

    [Theory]
    [MemberData(nameof(Keys))]
    public void Every_key_has_a_counterpart(string key)
    {
        if (Exceptions.ContainsKey(key)) return;
        Assert.True(Counterparts.TryGetValue(key, out var counterpart),
            $"the builder lacks '{key}' of hocon/reference.conf: add it, or say in Exceptions why a program needs none");
        var file = Shown(PipelineFile.Parse(Text, "p.conf", counterpart!.Settings).Definition);
        Assert.Equal(file, Shown(Built(counterpart).Definition));
        // The one connector that there is cannot be told from the default.
        if (!key.EndsWith(".connector", StringComparison.Ordinal)) Assert.NotEqual(Shown(Built(null).Definition), file);
    }

    [Fact]
    public void No_counterpart_is_of_a_key_that_is_gone() => Assert.Empty(Counterparts.Keys.Concat(Exceptions.Keys).Except(All()));

    [Fact]
    public void What_a_file_may_not_say_a_program_may_not_either()
    {
        var pipeline = Pipeline.Create("p");
        Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.StateLimit(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.MaxMessageSize(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.ManifestsKeep(TimeSpan.Zero));
        Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.PromoteMaxBytes(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.ReplicationFactor(-2));
        Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.TransactionTimeout(TimeSpan.FromHours(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.CommitInterval(TimeSpan.FromSeconds(10)).TransactionTimeout(TimeSpan.FromSeconds(19)));
        Assert.Throws<ArgumentException>(() => pipeline.NamingPrefix("a b"));
        void Refused(Func<SourceBuilder, SourceBuilder> source) =>
            Assert.ThrowsAny<ArgumentException>(() => pipeline.Source("s", s => source(s.Kafka("t").Json(Schema))));
        Refused(s => s.Csv(Schema, "--"));
        Refused(s => s.Csv(Schema, ",", "''"));
        Refused(s => s.StartFrom("yesterday"));
        Refused(s => s.CreateTopic(0));
        Refused(s => s.EventTime("at", TimeSpan.FromSeconds(-1)));
        Refused(s => s.EventTime("at", idleTimeout: TimeSpan.Zero));
        Refused(s => s.EventTime("at", maxAhead: TimeSpan.FromSeconds(-1)));
        Refused(s => s.EventTime("at", maxDrift: TimeSpan.Zero));
        Refused(s => s.EventTime("at", closeByClockAfter: TimeSpan.Zero));
        Assert.ThrowsAny<ArgumentException>(() => pipeline.Sink("o", s => s.Kafka("o", partitions: 0)));
        Assert.ThrowsAny<ArgumentException>(() => pipeline.Sink("o", s => s.Kafka("o").Csv("€")));
    }
}
