using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Plan.Definitions;

namespace StreamEngine;

/// <summary>Says what a source reads. Immutable.</summary>
public sealed class SourceBuilder
{
    private readonly string _name;
    private readonly string? _topic;
    private readonly SourceDefinition _definition;

    internal SourceBuilder(string name)
        : this(name, null, new SourceDefinition { Name = name, Topic = "", Schema = Schema.Empty })
    {
    }

    private SourceBuilder(string name, string? topic, SourceDefinition definition) => (_name, _topic, _definition) = (name, topic, definition);

    private SourceBuilder With(SourceDefinition definition) => new(_name, _topic, definition);

    /// <summary>A Kafka topic.</summary>
    public SourceBuilder Kafka(string topic) => new(_name, topic, _definition with { Topic = topic });

    /// <summary>One JSON object per record, with the columns of a record type: its properties in lower camel case, see <see cref="ColumnAttribute"/>.</summary>
    /// <exception cref="ArgumentException">A property is of a type that no column has.</exception>
    public SourceBuilder Json<T>(bool rejectUnknownFields = false) =>
        With(_definition with { Schema = RecordMapping.Of(typeof(T)).Schema, Format = new JsonFormatDefinition(rejectUnknownFields) });

    /// <summary>One JSON object per record, with the columns of a schema text such as <c>date TIMESTAMP FORMAT 'yyyy/MM/dd HH:mm' NOT NULL, delay INT</c>.</summary>
    /// <exception cref="SqlException">The text is wrong.</exception>
    public SourceBuilder Json(string schema, bool rejectUnknownFields = false) =>
        With(_definition with { Schema = TypeParser.ParseSchema(schema), Format = new JsonFormatDefinition(rejectUnknownFields) });

    /// <summary>One CSV record per record, without a header, with the columns of a schema text.</summary>
    /// <param name="schema">The columns in order.</param>
    /// <param name="delimiter">One ASCII character.</param>
    /// <param name="quote">One ASCII character; empty for none.</param>
    /// <exception cref="SqlException">The text is wrong.</exception>
    public SourceBuilder Csv(string schema, string delimiter = ",", string quote = "\"") =>
        With(_definition with { Schema = TypeParser.ParseSchema(schema), Format = new CsvFormatDefinition(delimiter, quote) });

    /// <summary>The event time.</summary>
    /// <param name="column">The TIMESTAMP column; null: the record's timestamp.</param>
    /// <param name="outOfOrderness">How much older than the newest before it a row may be without being late.</param>
    /// <param name="idleTimeout">After which a partition without rows does not hold the watermark back; 30 s by default.</param>
    /// <param name="maxAhead">How far past its record's timestamp an event time may be; 24 h by default.</param>
    /// <param name="closeByClockAfter">After which a source without rows goes on by the wall clock, so that its last windows close; never by default.</param>
    public SourceBuilder EventTime(string? column, TimeSpan outOfOrderness = default, TimeSpan? idleTimeout = null, TimeSpan? maxAhead = null,
        TimeSpan? closeByClockAfter = null)
    {
        var time = _definition.EventTime with { Column = column, OutOfOrderness = outOfOrderness };
        return With(_definition with { EventTime = time with { IdleTimeout = idleTimeout ?? time.IdleTimeout, MaxAhead = maxAhead ?? time.MaxAhead,
            CloseByClockAfter = closeByClockAfter ?? time.CloseByClockAfter } });
    }

    /// <summary>Where a pipeline that never committed starts: earliest (the default), latest, or an ISO timestamp.</summary>
    public SourceBuilder StartFrom(string position) => With(_definition with { StartFrom = position });

    /// <summary>Creates the topic with so many partitions where it does not exist.</summary>
    public SourceBuilder CreateTopic(int partitions) => With(_definition with { CreatePartitions = partitions });

    internal SourceDefinition Build()
    {
        if (_topic is null) throw new ArgumentException($"source '{_name}' has no topic: call Kafka(topic)");
        return _definition.Schema.Count > 0 ? _definition : throw new ArgumentException($"source '{_name}' has no columns: call Json<T>(), Json(schema) or Csv(schema)");
    }
}

/// <summary>Says where a sink writes. Immutable.</summary>
public sealed class SinkBuilder
{
    private readonly SinkDefinition _definition;

    internal SinkBuilder(string name)
        : this(new SinkDefinition { Name = name, Topic = "" })
    {
    }

    private SinkBuilder(SinkDefinition definition) => _definition = definition;

    /// <summary>A Kafka topic; it is created where it does not exist.</summary>
    public SinkBuilder Kafka(string topic, int partitions = 1) => new(_definition with { Topic = topic, CreatePartitions = partitions });

    /// <summary>One JSON object per record: the default.</summary>
    public SinkBuilder Json() => new(_definition with { Format = new JsonFormatDefinition() });

    /// <summary>One CSV record per record.</summary>
    public SinkBuilder Csv(string delimiter = ",", string quote = "\"") => new(_definition with { Format = new CsvFormatDefinition(delimiter, quote) });

    /// <summary>The record's key: columns, or SQL expressions over them.</summary>
    public SinkBuilder Key(params string[] columns) => new(_definition with { Key = columns });

    /// <summary>A row of the same key replaces the earlier one; the key has to cover the grouping.</summary>
    public SinkBuilder Upsert() => new(_definition with { Upsert = true });

    internal SinkDefinition Build() => _definition.Topic.Length > 0 ? _definition
        : throw new ArgumentException($"sink '{_definition.Name}' has no topic: call Kafka(topic)");
}
