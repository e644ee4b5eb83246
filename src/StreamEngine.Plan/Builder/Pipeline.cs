using StreamEngine.Core;
using StreamEngine.Plan.Definitions;

namespace StreamEngine;

/// <summary>
/// A pipeline in C#: all that a pipeline file can say. Expressions stay SQL text; records are typed only at the edges. Immutable: each call gives a new one, so that a
/// base can be shared.
/// </summary>
public sealed partial class Pipeline
{
    private Pipeline(PipelineDefinition definition) => Definition = definition;

    internal PipelineDefinition Definition { get; }

    /// <summary>The name: of the consumer group, and the stem of internal topics and transactional ids.</summary>
    public string Name => Definition.Name;

    /// <summary>An empty pipeline.</summary>
    /// <param name="name">Letters, digits, dot, dash and underscore: topics are named after it.</param>
    /// <exception cref="ArgumentException">The name has other characters, or none.</exception>
    public static Pipeline Create(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (!PipelineDefinition.IsName(name))
            throw new ArgumentException($"'{name}' is no name of a pipeline: it has ASCII letters, digits, dot, dash and underscore, since topics are named after it",
            nameof(name));
        return new Pipeline(new PipelineDefinition { Name = name, Sources = [], Sql = "", Sinks = [], DeadLetterTopic = $"{name}.dlq", LateTopic = $"{name}.late" });
    }

    /// <summary>Adds a source.</summary>
    /// <param name="name">How SQL names it.</param>
    /// <param name="configure">Says topic, format and event time, for example <c>s => s.Kafka("flights").Json&lt;Flight&gt;().EventTime("date")</c>.</param>
    public Pipeline Source(string name, Func<SourceBuilder, SourceBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        CheckFree(name);
        var source = configure(new SourceBuilder(name)).Build();
        return new Pipeline(Definition with { Sources = [.. Definition.Sources, source] });
    }

    /// <summary>Adds a rule that every row of a source has to meet: a row for which it is not TRUE becomes a dead letter that names it.</summary>
    /// <param name="source">The source.</param>
    /// <param name="name">The rule's name.</param>
    /// <param name="expression">A SQL condition over the source's columns.</param>
    public Pipeline Rule(string source, string name, string expression)
    {
        if (Definition.Sources.All(s => s.Name != source)) throw new ArgumentException($"the pipeline has no source '{source}'", nameof(source));
        if (Definition.Sources.Any(s => s.Name == source && s.Rules.Any(r => r.Name == name)))
            throw new ArgumentException($"source '{source}' has a rule '{name}' already", nameof(name));
        return new Pipeline(Definition with { Sources =
            [.. Definition.Sources.Select(s => s.Name == source ? s with { Rules = [.. s.Rules, new RuleDefinition(name, expression)] } : s)] });
    }

    /// <summary>Adds SQL: CREATE VIEW and INSERT INTO statements, several separated by semicolons. May be called several times.</summary>
    public Pipeline Sql(string sql)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(sql);
        return new Pipeline(Definition with { Sql = Definition.Sql.Length == 0 ? sql : $"{Definition.Sql.TrimEnd().TrimEnd(';')};\n{sql}" });
    }

    /// <summary>Adds a sink that INSERT INTO can name.</summary>
    /// <param name="name">How SQL names it.</param>
    /// <param name="configure">Says topic, format and key, for example <c>s => s.Kafka("flights.hourly").Json().Key("origin")</c>.</param>
    public Pipeline Sink(string name, Func<SinkBuilder, SinkBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (Definition.Sinks.Any(s => s.Name == name)) throw new ArgumentException($"the pipeline has a sink '{name}' already", nameof(name));
        var sink = configure(new SinkBuilder(name)).Build();
        return new Pipeline(Definition with { Sinks = [.. Definition.Sinks, sink] });
    }

    /// <summary>The topic of the dead letters; NAME.dlq by default.</summary>
    public Pipeline DeadLetters(string topic) => new(Definition with { DeadLetterTopic = topic });

    /// <summary>The topic of the late rows; NAME.late by default.</summary>
    public Pipeline Late(string topic) => new(Definition with { LateTopic = topic });

    /// <summary>Time between two commits; 1 s by default, 5 ms to half the <see cref="TransactionTimeout"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is shorter or longer: an epoch and its commit have to fit into a transaction twice.</exception>
    public Pipeline CommitInterval(TimeSpan interval)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(interval, TimeSpan.FromMilliseconds(5));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(interval, Definition.TransactionTimeout / 2);
        return new(Definition with { CommitInterval = interval });
    }

    /// <summary>Lanes that rows are spread over; 1 by default, 0 for as many as cores, at most 64. The result is the same for every number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no such number.</exception>
    public Pipeline Parallelism(int lanes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(lanes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lanes, 64);
        return new(Definition with { Parallelism = lanes });
    }

    /// <summary>The Kafka brokers, HOST:PORT[,HOST:PORT..], and client settings in librdkafka's names.</summary>
    public Pipeline Kafka(string bootstrap, IReadOnlyDictionary<string, string>? settings = null) =>
        new(Definition with { Bootstrap = bootstrap, KafkaSettings = settings ?? Definition.KafkaSettings });

    internal Pipeline WithVia(string name, string input, Schema schema, object flow)
    {
        CheckFree(name);
        if (Definition.Sources.All(s => s.Name != input) && Definition.Vias.All(v => v.Name != input))
            throw new ArgumentException($"the pipeline has no source or stream '{input}'", nameof(input));
        return new Pipeline(Definition with { Vias = [.. Definition.Vias, new ViaDefinition(name, input, schema, flow)] });
    }

    /// <summary>The columns of a source or of a user's own stream.</summary>
    internal Schema SchemaOf(string stream) => Definition.Sources.FirstOrDefault(s => s.Name == stream)?.Schema
        ?? Definition.Vias.FirstOrDefault(v => v.Name == stream)?.Schema
        ?? throw new ArgumentException($"the pipeline has no source or stream '{stream}'", nameof(stream));

    private void CheckFree(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (Definition.Sources.Any(s => s.Name == name) || Definition.Vias.Any(v => v.Name == name))
            throw new ArgumentException($"the pipeline has a source or stream '{name}' already", nameof(name));
    }
}
