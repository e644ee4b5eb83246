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

    /// <summary>What is wrong already, so that planning has no second error of it.</summary>
    public DefinitionGaps Gaps { get; } = new();

    /// <summary>The definition, as far as it could be read.</summary>
    public PipelineDefinition Bind()
    {
        var root = reader.Root;
        root.Accept("akka");
        _source = root.GetSection("source");
        _sink = root.GetSection("sink");
        BindLogging(root.GetSection("logging"));
        var kafka = root.GetSection("kafka");
        var naming = root.GetSection("naming");
        var pipeline = root.GetRequiredSection("pipeline");
        var name = pipeline.GetRequiredString("name");
        if (name.Length > 0 && !PipelineDefinition.IsName(name))
            pipeline.ErrorAt("name", $"'{name}' is no name of a pipeline", "it has ASCII letters, digits, dot, dash and underscore, since topics are named after it");
        var (sourceSection, sinkSection) = (pipeline.GetRequiredSection("sources"), pipeline.GetRequiredSection("sinks"));
        var sources = sourceSection.Keys.ToList().Select(key => BindSource(sourceSection.GetSection(key))).ToList();
        var sql = pipeline.GetRequiredText("sql");
        if (sql is not null) _texts[(PlanText.Sql, "", "")] = sql;
        var sinks = sinkSection.Keys.ToList().Select(key => BindSink(sinkSection.GetSection(key))).ToList();
        // What no source or sink asked for is a default all the same.
        if (!sourceSection.Sections().Any()) _source.AcceptAll();
        if (!sinkSection.Sections().Any()) _sink.AcceptAll();
        (Gaps.Sources, Gaps.Sinks, Gaps.Sql) = (!sourceSection.Exists, !sinkSection.Exists, sql is null);
        var given = kafka.GetSection("settings").Flatten();
        var settings = given.ToDictionary(s => s.Key, s => s.Value.Text);
        foreach (var (setting, span, _) in given.Where(s => !KafkaConnection.AllowedSettings.Contains(s.Key)))
            reader.Add(ConfigError.At(span, $"the Kafka client setting '{setting}' is not one that a pipeline may set",
                Nearest.Hint(setting, KafkaConnection.AllowedSettings) ?? "it may set transport, TLS, SASL, fetch and produce tuning"));
        // Secrets are free texts, which nobody refuses and no message should hold.
        foreach (var (setting, _, value) in given.Where(s => KafkaConnection.AllowedSettings.Contains(s.Key)
            && !s.Key.Contains("password", StringComparison.Ordinal) && !s.Key.EndsWith(".pem", StringComparison.Ordinal)))
            if (Kafka.Native.NativeClient.SettingError(setting, value.Text) is { } refused)
                reader.Add(value.ErrorAt(0, value.Text.Length, $"the Kafka client refuses '{setting}'", refused));
        var interval = pipeline.FindDuration("commit-interval", TimeSpan.FromMilliseconds(5), TimeSpan.FromHours(1));
        var timeout = kafka.FindDuration("transaction-timeout", TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(15));
        if (interval is { } epoch && timeout is { } open && epoch > open / 2)
            pipeline.ErrorAt("commit-interval", $"the commit interval of {Units.Format(epoch)} does not fit into the transaction timeout of " +
                $"{Units.Format(open)}: an epoch and its commit have to fit twice", "shorten it, or raise kafka.transaction-timeout");
        return new PipelineDefinition
        {
            Name = name,
            Sources = sources,
            Sql = sql?.Text ?? "",
            Sinks = sinks,
            DeadLetterTopic = SideTopic(pipeline.GetSection("dead-letters"), $"{name}.dlq"),
            LateTopic = SideTopic(pipeline.GetSection("late"), $"{name}.late"),
            CommitInterval = interval ?? TimeSpan.FromSeconds(1),
            Parallelism = pipeline.GetInt("parallelism", 1, 0, 64),
            StateLimit = pipeline.GetSection("state").GetSize("limit", 4L << 30, 1 << 20),
            MaxMessageBytes = (int)pipeline.GetSize("max-message-size", 1_000_000, 1024, 1 << 30),
            NamingPrefix = naming.GetString("prefix", "")!,
            Bootstrap = AddressOf(kafka),
            KafkaSettings = settings,
            TransactionTimeout = timeout ?? TimeSpan.FromSeconds(60),
            ReplicationFactor = (short)kafka.GetInt("replication-factor", -1, -1, short.MaxValue),
            PromoteMaxBytes = pipeline.GetSection("promote").GetSize("max-bytes", 64 << 20, 1 << 10),
            ManifestsKeep = pipeline.GetSection("manifests").GetDuration("keep", TimeSpan.FromDays(7), TimeSpan.FromMinutes(1)),
        };
    }

    private static string AddressOf(ConfigSection kafka)
    {
        var bootstrap = kafka.GetString("bootstrap", "127.0.0.1:9092")!;
        if (KafkaConnection.AddressError(bootstrap) is { } error) kafka.ErrorAt("bootstrap", error);
        return bootstrap;
    }

    private string SideTopic(ConfigSection section, string or)
    {
        if (section.FindText("topic") is not { } text) return or;
        _texts[(PlanText.Topic, section.Name, "")] = text;
        return text.Text;
    }

    private string TopicOf(ConfigSection section, string place)
    {
        var topic = section.GetRequiredString("topic");
        if (section.FindText("topic") is { } text) _texts[(PlanText.Topic, place, "")] = text;
        return topic;
    }

    private static void BindLogging(ConfigSection logging)
    {
        logging.Accept("level");
        logging.Accept("folder");
    }

    private SourceDefinition BindSource(ConfigSection source)
    {
        if (!source.Exists)
        {
            Gaps.Columns[source.Name] = _ => true;
            Gaps.EventTimes.Add(source.Name);
            return new SourceDefinition { Name = source.Name, Topic = "", Schema = Schema.Empty };
        }
        source.GetChoice("connector", _source.GetString("connector", "kafka")!, ["kafka"]);
        var topic = TopicOf(source, $"sources.{source.Name}");
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
            Topic = topic,
            Schema = schema,
            Format = BindFormat(source, _source),
            EventTime = time,
            Rules = rules,
            StartFrom = source.GetString("start-from", _source.GetString("start-from", "earliest"))!,
            CreatePartitions = create.Exists ? create.GetInt("partitions", 1, 1, 10_000) : null,
        };
        if (!SourceDefinition.IsStart(definition.StartFrom))
            source.ErrorAt("start-from", $"'{definition.StartFrom}' is no place to start from", "earliest, latest, or a time such as 2026-01-31T00:00:00Z");
        // A key that is not known here may be a misspelt event-time.
        if (source.HasUnknown) Gaps.EventTimes.Add(source.Name);
        return definition;
    }

    private Schema BindSchema(ConfigSection source)
    {
        if (source.GetRequiredText("schema") is not { } text)
        {
            Gaps.Columns[source.Name] = _ => true;
            return Schema.Empty;
        }
        var schema = SchemaText.Parse(text.Text);
        foreach (var error in schema.Errors) reader.Add(text.ErrorAt(error.Offset, error.Length, error.Message, error.Hint));
        if (schema.Errors.Count > 0) Gaps.Columns[source.Name] = schema.IsDeclaredWrongly;
        if (schema.HasWatermark) Gaps.EventTimes.Add(source.Name);
        return schema.Schema;
    }

    private EventTimeDefinition BindEventTime(ConfigSection source)
    {
        var time = source.GetSection("event-time");
        var defaults = _source.GetSection("event-time");
        var column = time.FindText("column");
        if (column is not null) _texts[(PlanText.EventTime, source.Name, "")] = column;
        else if (time.Has("column")) Gaps.EventTimes.Add(source.Name);
        var least = TimeSpan.FromMilliseconds(1);
        return new EventTimeDefinition
        {
            Column = column?.Text,
            OutOfOrderness = Duration("out-of-orderness", TimeSpan.Zero, TimeSpan.Zero, allowInfinite: false),
            IdleTimeout = Duration("idle-timeout", TimeSpan.FromSeconds(30), least),
            MaxAhead = Duration("max-ahead", TimeSpan.FromHours(24), TimeSpan.Zero),
            MaxDrift = Duration("max-drift", TimeSpan.FromHours(1), least),
            CloseByClockAfter = Duration("close-by-clock-after", TimeSpan.MaxValue, least),
        };

        TimeSpan Duration(string key, TimeSpan or, TimeSpan min, bool allowInfinite = true) =>
            time.GetDuration(key, defaults.GetDuration(key, or, min, allowInfinite: allowInfinite), min, allowInfinite: allowInfinite);
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
        if (!CsvFormatDefinition.IsDelimiter(delimiter)) csv.ErrorAt("delimiter", "the delimiter is one ASCII character");
        if (!CsvFormatDefinition.IsQuote(quote)) csv.ErrorAt("quote", "the quote is one ASCII character, or \"\" for none");
        return format == "csv" ? new CsvFormatDefinition(delimiter, quote) : new JsonFormatDefinition(reject, duplicates);
    }

    private SinkDefinition BindSink(ConfigSection sink)
    {
        if (!sink.Exists) return new SinkDefinition { Name = sink.Name, Topic = "" };
        sink.GetChoice("connector", _sink.GetString("connector", "kafka")!, ["kafka"]);
        var topic = TopicOf(sink, $"sinks.{sink.Name}");
        var keys = sink.FindTextList("key", allowSingle: true) ?? [];
        for (var i = 0; i < keys.Count; i++) _texts[(PlanText.SinkKey, sink.Name, $"{i}")] = keys[i];
        if (sink.FindText("mode") is { } mode) _texts[(PlanText.SinkKey, sink.Name, "")] = mode;
        var create = sink.GetSection("create");
        var definition = new SinkDefinition
        {
            Name = sink.Name,
            Topic = topic,
            Format = BindFormat(sink, _sink),
            Key = [.. keys.Select(k => k.Text)],
            Upsert = sink.GetChoice("mode", _sink.GetString("mode", "append")!, ["append", "upsert"]) == "upsert",
            CreatePartitions = create.Exists ? create.GetInt("partitions", 1, 1, 10_000) : null,
        };
        if (sink.HasUnknown || (keys.Count == 0 && sink.Has("key"))) Gaps.Keys.Add(sink.Name);
        return definition;
    }

    /// <summary>An error that planning found, at its place in the file.</summary>
    public ConfigError Locate(PlanError error)
    {
        var message = error.Text == PlanText.Rule ? $"rule '{error.Name}' of {error.Owner}: {error.Error.Message}" : error is { Text: PlanText.SinkKey, Name.Length: > 0 }
            ? $"key of sink '{error.Owner}': {error.Error.Message}" : error.Error.Message;
        return _texts.TryGetValue((error.Text, error.Owner, error.Name), out var text) ? text.ErrorAt(error.Error.Offset, error.Error.Length, message, error.Error.Hint)
            : ConfigError.Plain(message, error.Error.Hint);
    }
}
