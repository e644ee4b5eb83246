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
    /// <param name="rejectUnknownFields">A field that is no column makes a dead letter; otherwise it is ignored.</param>
    /// <param name="rejectDuplicateKeys">A key that comes twice makes a dead letter; otherwise the last one counts.</param>
    /// <exception cref="ArgumentException">A property is of a type that no column has.</exception>
    public SourceBuilder Json<T>(bool rejectUnknownFields = false, bool rejectDuplicateKeys = false) =>
        With(_definition with { Schema = RecordMapping.Of(typeof(T)).Schema, Format = new JsonFormatDefinition(rejectUnknownFields, rejectDuplicateKeys) });

    /// <summary>One JSON object per record, with the columns of a schema text such as <c>date TIMESTAMP FORMAT 'yyyy/MM/dd HH:mm' NOT NULL, delay INT</c>.</summary>
    /// <param name="schema">The columns.</param>
    /// <param name="rejectUnknownFields">A field that is no column makes a dead letter; otherwise it is ignored.</param>
    /// <param name="rejectDuplicateKeys">A key that comes twice makes a dead letter; otherwise the last one counts.</param>
    /// <exception cref="SqlException">The text is wrong: all of its errors.</exception>
    public SourceBuilder Json(string schema, bool rejectUnknownFields = false, bool rejectDuplicateKeys = false) =>
        With(_definition with { Schema = TypeParser.ParseSchema(schema), Format = new JsonFormatDefinition(rejectUnknownFields, rejectDuplicateKeys) });

    /// <summary>One CSV record per record, without a header, with the columns of a schema text.</summary>
    /// <param name="schema">The columns in order.</param>
    /// <param name="delimiter">One ASCII character.</param>
    /// <param name="quote">One ASCII character; empty for none.</param>
    /// <exception cref="SqlException">The text is wrong: all of its errors.</exception>
    /// <exception cref="ArgumentException">Delimiter or quote are no single ASCII character.</exception>
    public SourceBuilder Csv(string schema, string delimiter = ",", string quote = "\"") =>
        With(_definition with { Schema = TypeParser.ParseSchema(schema), Format = CsvOf(delimiter, quote) });

    internal static CsvFormatDefinition CsvOf(string delimiter, string quote)
    {
        if (!CsvFormatDefinition.IsDelimiter(delimiter)) throw new ArgumentException("the delimiter is one ASCII character", nameof(delimiter));
        if (!CsvFormatDefinition.IsQuote(quote)) throw new ArgumentException("the quote is one ASCII character, or empty for none", nameof(quote));
        return new CsvFormatDefinition(delimiter, quote);
    }

    /// <summary>The event time. <see cref="TimeSpan.MaxValue"/> is infinite.</summary>
    /// <param name="column">The TIMESTAMP column; null: the record's timestamp.</param>
    /// <param name="outOfOrderness">How much older than the newest before it a row may be without being late.</param>
    /// <param name="idleTimeout">After which a partition without rows does not hold the watermark back; 30 s by default.</param>
    /// <param name="maxAhead">How far past its record's timestamp an event time may be; 24 h by default.</param>
    /// <param name="closeByClockAfter">After which a source without rows goes on by the wall clock, so that its last windows close; never by default.</param>
    /// <param name="maxDrift">How much event time a partition is read ahead of the slowest one at most; 1 h by default.</param>
    /// <exception cref="ArgumentOutOfRangeException">A time is negative; or zero, where a time is waited for: idle timeout, drift, closing by the clock.</exception>
    public SourceBuilder EventTime(string? column, TimeSpan outOfOrderness = default, TimeSpan? idleTimeout = null, TimeSpan? maxAhead = null,
        TimeSpan? closeByClockAfter = null, TimeSpan? maxDrift = null)
    {
        var (ahead, least) = (maxAhead ?? _definition.EventTime.MaxAhead, TimeSpan.FromMilliseconds(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(outOfOrderness, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(ahead, TimeSpan.Zero, nameof(maxAhead));
        var time = _definition.EventTime with { Column = column, OutOfOrderness = outOfOrderness, MaxAhead = ahead };
        time = time with { IdleTimeout = idleTimeout ?? time.IdleTimeout, MaxDrift = maxDrift ?? time.MaxDrift,
            CloseByClockAfter = closeByClockAfter ?? time.CloseByClockAfter };
        ArgumentOutOfRangeException.ThrowIfLessThan(time.IdleTimeout, least, nameof(idleTimeout));
        ArgumentOutOfRangeException.ThrowIfLessThan(time.CloseByClockAfter, least, nameof(closeByClockAfter));
        ArgumentOutOfRangeException.ThrowIfLessThan(time.MaxDrift, least, nameof(maxDrift));
        return With(_definition with { EventTime = time });
    }

    /// <summary>Where a pipeline that never committed starts: earliest (the default), latest, or an ISO timestamp.</summary>
    /// <exception cref="ArgumentException">It is none of these.</exception>
    public SourceBuilder StartFrom(string position) => SourceDefinition.IsStart(position) ? With(_definition with { StartFrom = position })
        : throw new ArgumentException($"'{position}' is no place to start from: earliest, latest, or a time such as 2026-01-31T00:00:00Z", nameof(position));

    /// <summary>Creates the topic with so many partitions, 1 to 10,000, where it does not exist.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are fewer or more.</exception>
    public SourceBuilder CreateTopic(int partitions)
    {
        CheckPartitions(partitions);
        return With(_definition with { CreatePartitions = partitions });
    }

    internal static void CheckPartitions(int partitions)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(partitions, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(partitions, 10_000);
    }

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

    /// <summary>A Kafka topic; it is created, with 1 to 10,000 partitions, where it does not exist.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are fewer or more.</exception>
    public SinkBuilder Kafka(string topic, int partitions = 1)
    {
        SourceBuilder.CheckPartitions(partitions);
        return new(_definition with { Topic = topic, CreatePartitions = partitions });
    }

    /// <summary>One JSON object per record: the default.</summary>
    public SinkBuilder Json() => new(_definition with { Format = new JsonFormatDefinition() });

    /// <summary>One CSV record per record.</summary>
    /// <exception cref="ArgumentException">Delimiter or quote are no single ASCII character.</exception>
    public SinkBuilder Csv(string delimiter = ",", string quote = "\"") => new(_definition with { Format = SourceBuilder.CsvOf(delimiter, quote) });

    /// <summary>The record's key: columns, or SQL expressions over them.</summary>
    public SinkBuilder Key(params string[] columns) => new(_definition with { Key = columns });

    /// <summary>A row of the same key replaces the earlier one; the key has to cover the grouping.</summary>
    public SinkBuilder Upsert() => new(_definition with { Upsert = true });

    internal SinkDefinition Build() => _definition.Topic.Length > 0 ? _definition
        : throw new ArgumentException($"sink '{_definition.Name}' has no topic: call Kafka(topic)");
}
