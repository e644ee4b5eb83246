using StreamEngine.Plan.Suite;

namespace StreamEngine.Plan.Physical;

/// <summary>Only what something reads is stored: by SQL, by rules, and as a named event time, which is checked whether or not a window needs it.</summary>
public class ColumnPruningTests
{
    private static string Read(Pipeline pipeline, string source = "flights") =>
        string.Join(", ", Flights.Plan(pipeline).Sources.Single(s => s.Name == source).Columns.Select(c => c.Name));

    [Theory]
    [InlineData("INSERT INTO raw SELECT destination FROM flights", "date, destination")]
    [InlineData("INSERT INTO raw SELECT destination FROM flights WHERE delay > 1", "date, delay, destination")]
    [InlineData("INSERT INTO raw SELECT * FROM flights", "date, delay, distance, origin, destination")]
    [InlineData("INSERT INTO raw SELECT 1 AS one FROM flights", "date")]
    [InlineData("CREATE VIEW v AS SELECT origin, delay, distance FROM flights; INSERT INTO raw SELECT origin FROM v", "date, delay, distance, origin")]
    [InlineData("CREATE VIEW unread AS SELECT delay FROM flights; INSERT INTO raw SELECT origin FROM flights", "date, origin")]
    [InlineData("CREATE VIEW a AS SELECT delay FROM flights; CREATE VIEW b AS SELECT delay FROM a; CREATE VIEW c AS SELECT id FROM quakes; INSERT INTO raw SELECT origin FROM flights",
        "date, origin")]
    [InlineData(Flights.Hourly, "date, delay, origin")]
    [InlineData("INSERT INTO raw SELECT window_start, count(*) AS n FROM TUMBLE(flights, date, INTERVAL '1' HOUR) GROUP BY window_start HAVING max(distance) > 1",
        "date, distance")]
    [InlineData("INSERT INTO raw SELECT origin FROM flights; " + Flights.Hourly, "date, delay, origin")]
    public void Columns_that_SQL_reads(string sql, string read) => Assert.Equal(read, Read(Flights.Base.Sql(sql)));

    [Fact]
    public void Columns_that_rules_read()
    {
        var pipeline = Flights.Base.Rule("flights", "positive", "distance > 0 OR origin = destination").Sql("INSERT INTO raw SELECT delay FROM flights");
        Assert.Equal("date, delay, distance, origin, destination", Read(pipeline));
        var source = Flights.Plan(pipeline).Sources[0];
        Assert.Equal([true, true, true, true, true], source.Read);
        Assert.Equal([2, 3, 4], source.Rules[0].Condition.ColumnsRead());
        // Bound to the columns that are left.
        var pruned = Flights.Plan(Flights.Base.Rule("flights", "short", "distance < 9").Sql("INSERT INTO raw SELECT origin FROM flights")).Sources[0];
        Assert.Equal([1], pruned.Rules[0].Condition.ColumnsRead());
    }

    [Fact]
    public void A_named_event_time_is_always_read()
    {
        Assert.Equal(0, Flights.Plan("INSERT INTO raw SELECT origin FROM flights").Sources[0].EventTime);
        var windowed = Flights.Plan(Flights.Hourly).Sources[0];
        Assert.Equal("date", windowed.Columns[windowed.EventTime!.Value].Name);
    }

    [Fact]
    public void The_records_timestamp_is_added_where_it_is_read()
    {
        var source = Flights.Plan("INSERT INTO raw SELECT _timestamp, origin FROM flights").Sources[0];
        Assert.True(source.WithTimestamp);
        Assert.Equal(["date", "origin"], source.Columns.Select(c => c.Name));
        Assert.False(Flights.Plan("INSERT INTO raw SELECT origin FROM flights").Sources[0].WithTimestamp);
    }

    [Fact]
    public void The_records_timestamp_is_an_event_time()
    {
        var pipeline = Flights.Base.Source("lines", s => s.Kafka("lines").Json("text STRING, other STRING").EventTime(null))
            .Sql("INSERT INTO raw SELECT window_start, text, count(*) AS n FROM TUMBLE(lines, _timestamp, INTERVAL '1' HOUR) GROUP BY window_start, text");
        var source = Assert.Single(Flights.Plan(pipeline).Sources);
        Assert.Equal((-1, "text"), (source.EventTime, string.Join(", ", source.Columns.Select(c => c.Name))));
        Assert.True(source.WithTimestamp);
    }

    [Fact]
    public void A_declared_column_may_be_named_as_the_records_timestamp()
    {
        var pipeline = Flights.Base.Source("lines", s => s.Kafka("lines").Json("_timestamp TIMESTAMP, text STRING").EventTime("_timestamp"))
            .Sql("INSERT INTO raw SELECT window_start, count(*) AS n FROM TUMBLE(lines, _timestamp, INTERVAL '1' HOUR) GROUP BY window_start");
        var source = Assert.Single(Flights.Plan(pipeline).Sources);
        Assert.Equal((false, 0), (source.WithTimestamp, source.EventTime!.Value));
    }

    [Fact]
    public void An_event_time_inside_of_a_struct_is_copied_behind_the_columns()
    {
        var plan = Flights.Plan("INSERT INTO raw SELECT window_start, max(id) AS last FROM TUMBLE(quakes, properties.time, INTERVAL '1' HOUR) GROUP BY window_start");
        var source = Assert.Single(plan.Sources);
        Assert.Equal(["id", "properties"], source.Columns.Select(c => c.Name));
        Assert.Equal("properties.time", source.EventTimeField!.ToString());
        Assert.Equal(2, source.EventTime);
        Assert.NotNull(Flights.Plan("INSERT INTO raw SELECT id FROM quakes").Sources[0].EventTimeField);
    }
}
