using StreamEngine.Core;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Suite;

namespace StreamEngine.Plan.Builder;

/// <summary>The C# builder: immutable, with the defaults of the file, and strict about names.</summary>
public class PipelineTests
{
    public sealed record Flight([property: Column(Format = "yyyy/MM/dd HH:mm")] DateTime Date, int? Delay, string Origin);

    [Fact]
    public void Each_call_gives_a_new_pipeline()
    {
        var start = Pipeline.Create("p");
        var changed = start.Source("s", s => s.Kafka("t").Json("a INT")).Sink("o", s => s.Kafka("o")).Sql("INSERT INTO o SELECT a FROM s").DeadLetters("d").Late("l")
            .Parallelism(3).CommitInterval(TimeSpan.FromSeconds(9));
        Assert.Empty(start.Definition.Sources);
        Assert.Empty(start.Definition.Sinks);
        Assert.Equal(("", "p.dlq", "p.late", TimeSpan.FromSeconds(1)),
            (start.Definition.Sql, start.Definition.DeadLetterTopic, start.Definition.LateTopic, start.Definition.CommitInterval));
        Assert.Equal(("d", "l", 3, TimeSpan.FromSeconds(9)),
            (changed.Definition.DeadLetterTopic, changed.Definition.LateTopic, changed.Definition.Parallelism, changed.Definition.CommitInterval));
    }

    [Fact]
    public void SQL_of_several_calls_is_one_text()
    {
        var pipeline = Flights.Base.Sql("CREATE VIEW late AS SELECT * FROM flights WHERE delay > 15;").Sql("INSERT INTO raw SELECT * FROM late").Sql(Flights.Hourly);
        Assert.Equal(["raw", "hourly"], Flights.Plan(pipeline).Inserts.Select(i => i.Sink));
    }

    [Fact]
    public void A_record_type_gives_the_columns()
    {
        var source = Pipeline.Create("p").Source("flights", s =>
            s.Kafka("t").Json<Flight>(rejectUnknownFields: true).EventTime("date").StartFrom("latest").CreateTopic(4)).Definition.Sources[0];
        Assert.Equal(["date", "delay", "origin"], source.Schema.Select(f => f.Name));
        Assert.Equal([TypeKind.Timestamp, TypeKind.Int32, TypeKind.Utf8], source.Schema.Select(f => f.Type.Kind));
        Assert.Equal("yyyy/MM/dd HH:mm", source.Schema[0].Format);
        Assert.True(((JsonFormatDefinition)source.Format).RejectUnknownFields);
        Assert.Equal(("date", "latest", 4), (source.EventTime.Column, source.StartFrom, source.CreatePartitions));
    }

    [Fact]
    public void Defaults_of_an_event_time_stay_where_nothing_is_said()
    {
        var time = Pipeline.Create("p").Source("s", s => s.Kafka("t").Json("a TIMESTAMP").EventTime("a")).Definition.Sources[0].EventTime;
        Assert.Equal((TimeSpan.Zero, TimeSpan.FromSeconds(30), TimeSpan.FromHours(24), TimeSpan.FromHours(1)),
            (time.OutOfOrderness, time.IdleTimeout, time.MaxAhead, time.MaxDrift));
    }

    [Fact]
    public void Names_are_used_once()
    {
        Assert.Contains("has a source or stream 'flights' already",
            Assert.Throws<ArgumentException>(() => Flights.Base.Source("flights", s => s.Kafka("t").Json("a INT"))).Message, StringComparison.Ordinal);
        Assert.Contains("has a source or stream 'flights' already",
            Assert.Throws<ArgumentException>(() => Flights.Base.WithVia("flights", "quakes", Schema.Empty, "")).Message, StringComparison.Ordinal);
        Assert.Contains("has a sink 'raw' already", Assert.Throws<ArgumentException>(() => Flights.Base.Sink("raw", s => s.Kafka("t"))).Message,
            StringComparison.Ordinal);
        Assert.Contains("has a rule 'r' already", Assert.Throws<ArgumentException>(() => Flights.Base.Rule("flights", "r", "true").Rule("flights", "r", "true")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_missing_is_said()
    {
        Assert.Contains("no source 'none'", Assert.Throws<ArgumentException>(() => Flights.Base.Rule("none", "r", "true")).Message, StringComparison.Ordinal);
        Assert.Contains("no source or stream 'none'", Assert.Throws<ArgumentException>(() => Flights.Base.WithVia("v", "none", Schema.Empty, "")).Message,
            StringComparison.Ordinal);
        Assert.Contains("has no topic", Assert.Throws<ArgumentException>(() => Flights.Base.Source("s", s => s.Json("a INT"))).Message, StringComparison.Ordinal);
        Assert.Contains("has no columns", Assert.Throws<ArgumentException>(() => Flights.Base.Source("s", s => s.Kafka("t"))).Message, StringComparison.Ordinal);
        Assert.Contains("has no topic", Assert.Throws<ArgumentException>(() => Flights.Base.Sink("s", s => s)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("flights-2.v_1", true)]
    [InlineData("", false)]
    [InlineData(" ", false)]
    [InlineData("my flights", false)]
    [InlineData("flights/1", false)]
    [InlineData("flüge", false)]
    [InlineData("..", false)]
    public void A_pipelines_name_is_a_stem_of_topic_names(string name, bool good)
    {
        if (good) Assert.Equal(name, Pipeline.Create(name).Name);
        else Assert.ThrowsAny<ArgumentException>(() => Pipeline.Create(name));
    }
}
