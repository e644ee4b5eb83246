using StreamEngine.Compute.Syntax;
using StreamEngine.Config;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;

namespace StreamEngine.Pipelines.Files;

/// <summary>
/// Binds a configuration to a pipeline's definition, recording every error with its place. It also knows where each text of the pipeline stands, for the errors that
/// planning finds.
/// </summary>
internal sealed class PipelineBinder(ConfigReader reader)
{
    private readonly Dictionary<(PlanText Text, string Owner, string Name), ConfigText> _texts = [];
    private ConfigSection _source = null!;
    private ConfigSection _sink = null!;

    /// <summary>The definition; null when an error makes planning pointless.</summary>
    public PipelineDefinition? Bind()
    {
        var root = reader.Root;
        root.Accept("akka");
        _source = root.GetSection("source");
        _sink = root.GetSection("sink");
        BindLogging(root.GetSection("logging"));
        var kafka = root.GetSection("kafka");
        var naming = root.GetSection("naming");
        var pipeline = root.GetRequiredSection("pipeline");
        var before = reader.Errors.Count;
        var name = pipeline.GetRequiredString("name");
        if (name is not null && !PipelineDefinition.IsName(name))
            pipeline.ErrorAt("name", $"'{name}' is no name of a pipeline", "it has ASCII letters, digits, dot, dash and underscore, since topics are named after it");
        var sources = pipeline.GetRequiredSection("sources").Sections().Select(BindSource).ToList();
        var sql = pipeline.GetRequiredText("sql");
        if (sql is not null) _texts[(PlanText.Sql, "", "")] = sql;
        var sinks = pipeline.GetRequiredSection("sinks").Sections().Select(BindSink).ToList();
        var given = kafka.GetSection("settings").Flatten();
        var settings = given.ToDictionary(s => s.Key, s => s.Value.Text);
        foreach (var (setting, span, _) in given.Where(s => !KafkaConnection.AllowedSettings.Contains(s.Key)))
            reader.Add(ConfigError.At(span, $"the Kafka client setting '{setting}' is not one that a pipeline may set",
                Nearest.Hint(setting, KafkaConnection.AllowedSettings) ?? "it may set transport, TLS, SASL, fetch and produce tuning"));
        var definition = new PipelineDefinition
        {
            Name = name ?? "",
            Sources = [.. sources.OfType<SourceDefinition>()],
            Sql = sql?.Text ?? "",
            Sinks = [.. sinks.OfType<SinkDefinition>()],
            DeadLetterTopic = pipeline.GetSection("dead-letters").GetString("topic", $"{name}.dlq")!,
            LateTopic = pipeline.GetSection("late").GetString("topic", $"{name}.late")!,
            CommitInterval = pipeline.GetDuration("commit-interval", TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(5), TimeSpan.FromHours(1)),
            Parallelism = pipeline.GetInt("parallelism", 1, 0, 64),
            StateLimit = pipeline.GetSection("state").GetSize("limit", 4L << 30, 1 << 20),
            MaxMessageBytes = (int)pipeline.GetSize("max-message-size", 1_000_000, 1024, 1 << 30),
            NamingPrefix = naming.GetString("prefix", "")!,
            Bootstrap = kafka.GetString("bootstrap", "127.0.0.1:9092")!,
            KafkaSettings = settings,
            TransactionTimeout = kafka.GetDuration("transaction-timeout", TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(15)),
            ReplicationFactor = (short)kafka.GetInt("replication-factor", -1, -1, short.MaxValue),
            PromoteMaxBytes = pipeline.GetSection("promote").GetSize("max-bytes", 64 << 20, 1 << 10),
            ManifestsKeep = pipeline.GetSection("manifests").GetDuration("keep", TimeSpan.FromDays(7), TimeSpan.FromMinutes(1)),
        };
        if (definition.CommitInterval > definition.TransactionTimeout / 2)
            pipeline.ErrorAt("commit-interval",
                $"the commit interval of {definition.CommitInterval} does not fit into the transaction timeout of {definition.TransactionTimeout}: an epoch and its commit have to fit twice", "shorten it, or raise kafka.transaction-timeout");
        return reader.Errors.Count == before ? definition : null;
    }

    private static void BindLogging(ConfigSection logging)
    {
        logging.Accept("level");
        logging.Accept("folder");
    }

    private SourceDefinition? BindSource(ConfigSection source)
    {
        source.GetChoice("connector", _source.GetString("connector", "kafka")!, ["kafka"]);
        var topic = source.GetRequiredString("topic");
        var schema = BindSchema(source);
        var rules = new List<RuleDefinition>();
        foreach (var (key, _, text) in source.GetSection("rules").Texts())
        {
            rules.Add(new RuleDefinition(key, text.Text));
            _texts[(PlanText.Rule, source.Name, key)] = text;
        }
        var time = BindEventTime(source);
        var create = source.GetSection("create");
        var definition = new SourceDefinition
        {
            Name = source.Name,
            Topic = topic ?? "",
            Schema = schema ?? Schema.Empty,
            Format = BindFormat(source, _source),
            EventTime = time,
            Rules = rules,
            StartFrom = source.GetString("start-from", _source.GetString("start-from", "earliest"))!,
            CreatePartitions = create.Exists ? create.GetInt("partitions", 1, 1, 10_000) : null,
        };
        if (definition.StartFrom is not ("earliest" or "latest") && !TimeText.TryParseTimestamp(System.Text.Encoding.UTF8.GetBytes(definition.StartFrom), out _, out _))
            source.ErrorAt("start-from", $"'{definition.StartFrom}' is no place to start from", "earliest, latest, or a time such as 2026-01-31T00:00:00Z");
        return topic is null || schema is null ? null : definition;
    }

    private Schema? BindSchema(ConfigSection source)
    {
        if (source.GetRequiredText("schema") is not { } text) return null;
        try
        {
            var schema = TypeParser.ParseSchema(text.Text);
            foreach (var field in schema) CheckFormat(field, text);
            return schema;
        }
        catch (SqlException e)
        {
            foreach (var error in e.Errors) reader.Add(text.ErrorAt(error.Offset, error.Length, error.Message, error.Hint));
            return null;
        }
    }

    private void CheckFormat(Field field, ConfigText text)
    {
        if (field.Format is null) return;
        var at = Math.Max(0, text.Text.IndexOf(field.Format, StringComparison.Ordinal));
        if (field.Type.Kind is not (TypeKind.Timestamp or TypeKind.Date))
            reader.Add(text.ErrorAt(at, field.Format.Length, $"column '{field.Name}' is {field.Type}: only TIMESTAMP and DATE have a FORMAT"));
        else if (TimestampPattern.TryCompile(field.Format, out var error) is null) reader.Add(text.ErrorAt(at, field.Format.Length, error!));
    }

    private EventTimeDefinition BindEventTime(ConfigSection source)
    {
        var time = source.GetSection("event-time");
        var defaults = _source.GetSection("event-time");
        var column = time.FindText("column");
        if (column is not null) _texts[(PlanText.EventTime, source.Name, "")] = column;
        return new EventTimeDefinition
        {
            Column = column?.Text,
            OutOfOrderness = time.GetDuration("out-of-orderness", defaults.GetDuration("out-of-orderness", TimeSpan.Zero)),
            IdleTimeout = time.GetDuration("idle-timeout", defaults.GetDuration("idle-timeout", TimeSpan.FromSeconds(30)), TimeSpan.FromMilliseconds(1),
                allowInfinite: true),
            MaxAhead = time.GetDuration("max-ahead", defaults.GetDuration("max-ahead", TimeSpan.FromHours(24)), allowInfinite: true),
            MaxDrift = time.GetDuration("max-drift", defaults.GetDuration("max-drift", TimeSpan.FromHours(1)), TimeSpan.FromMilliseconds(1), allowInfinite: true),
            CloseByClockAfter = time.GetDuration("close-by-clock-after",
                defaults.GetDuration("close-by-clock-after", TimeSpan.MaxValue, TimeSpan.FromMilliseconds(1), allowInfinite: true), TimeSpan.FromMilliseconds(1),
                allowInfinite: true),
        };
    }

    private static FormatDefinition BindFormat(ConfigSection section, ConfigSection defaults)
    {
        var format = section.GetChoice("format", defaults.GetString("format", "json")!, ["json", "csv"]);
        var reject = section.GetChoice("unknown-fields", defaults.GetString("unknown-fields", "ignore")!, ["ignore", "reject"]) == "reject";
        var duplicates = section.GetSection("json").GetChoice("duplicate-keys", defaults.GetSection("json").GetString("duplicate-keys", "last")!,
            ["last", "error"]) == "error";
        var (csv, csvDefaults) = (section.GetSection("csv"), defaults.GetSection("csv"));
        var delimiter = csv.GetString("delimiter", csvDefaults.GetString("delimiter", ","))!;
        var quote = csv.GetString("quote", csvDefaults.GetString("quote", "\""))!;
        csvDefaults.Accept("header");
        if (csv.GetBool("header", false)) csv.ErrorAt("header", "a CSV record is the value of one Kafka record and has no header",
            "leave the header out when the file is produced: produce --skip-header");
        if (delimiter.Length != 1 || delimiter[0] > 127) csv.ErrorAt("delimiter", "the delimiter is one ASCII character");
        if (quote.Length > 1 || (quote.Length == 1 && quote[0] > 127)) csv.ErrorAt("quote", "the quote is one ASCII character, or \"\" for none");
        return format == "csv" ? new CsvFormatDefinition(delimiter, quote) : new JsonFormatDefinition(reject, duplicates);
    }

    private SinkDefinition? BindSink(ConfigSection sink)
    {
        sink.GetChoice("connector", _sink.GetString("connector", "kafka")!, ["kafka"]);
        var topic = sink.GetRequiredString("topic");
        var keys = sink.FindTextList("key", allowSingle: true) ?? [];
        for (var i = 0; i < keys.Count; i++) _texts[(PlanText.SinkKey, sink.Name, $"{i}")] = keys[i];
        var create = sink.GetSection("create");
        return topic is null ? null : new SinkDefinition
        {
            Name = sink.Name,
            Topic = topic,
            Format = BindFormat(sink, _sink),
            Key = [.. keys.Select(k => k.Text)],
            Upsert = sink.GetChoice("mode", _sink.GetString("mode", "append")!, ["append", "upsert"]) == "upsert",
            CreatePartitions = create.Exists ? create.GetInt("partitions", 1, 1, 10_000) : null,
        };
    }

    /// <summary>An error that planning found, at its place in the file.</summary>
    public ConfigError Locate(PlanError error)
    {
        var message = error.Text == PlanText.Rule ? $"rule '{error.Name}' of {error.Owner}: {error.Error.Message}" : error.Text == PlanText.SinkKey
            ? $"key of sink '{error.Owner}': {error.Error.Message}" : error.Error.Message;
        return _texts.TryGetValue((error.Text, error.Owner, error.Name), out var text) ? text.ErrorAt(error.Error.Offset, error.Error.Length, message, error.Error.Hint)
            : ConfigError.Plain(message, error.Error.Hint);
    }
}
