using StreamEngine.Core;
using StreamEngine.Plan.Physical;
using StreamEngine.Plan.Suite;

namespace StreamEngine.Plan.Physical;

/// <summary>Which operators stand where: before the exchange and behind it, with which columns and keys.</summary>
public class ShapeTests
{
    private static IEnumerable<string> Shown(IEnumerable<OperatorFactory> operators) => operators.Select(o => o.Description);

    [Fact]
    public void A_window_is_assigned_before_the_exchange_and_aggregated_behind_it()
    {
        var insert = Flights.Insert(Flights.Plan(Flights.Hourly), "hourly");
        Assert.Equal(["project date, origin, delay", "assign windows on date"], Shown(insert.Before));
        Assert.Equal([1], insert.ExchangeKeys!);
        Assert.Equal(["tumble 1h on date by origin compute count(*), avg(delay)", "project window_start, origin, count(*) AS flights, avg(delay) AS average_delay"],
            Shown(insert.After));
        Assert.Equal("window_start TIMESTAMP NOT NULL, origin STRING NOT NULL, flights BIGINT NOT NULL, average_delay DOUBLE", insert.Output.ToString());
        Assert.Equal(("flights", 4), (insert.Source, insert.Written));
        Assert.Equal([1], insert.KeyColumns);
        // What each operator says that it gives is what the next one was planned on.
        Assert.Equal(["date", "origin", "delay", "$pane", "$first"], insert.Before[^1].Create().Output.Select(f => f.Name));
        Assert.Equal(insert.Output, insert.After[^1].Create().Output);
        Assert.Equal([true], insert.After.Where(o => o.IsStateful).Select(o => o.Id.StartsWith("hourly.window.", StringComparison.Ordinal)));
        Assert.DoesNotContain(insert.Before, o => o.IsStateful);
    }

    [Fact]
    public void Conditions_on_rows_stand_before_the_exchange_and_on_groups_behind_it()
    {
        var insert = Flights.Insert(Flights.Plan("""
            INSERT INTO hourly SELECT window_end, origin, max(delay) AS worst FROM HOP(flights, date, INTERVAL '1' HOUR, INTERVAL '1' DAY)
            WHERE delay > 0 GROUP BY window_end, origin HAVING count(*) > 2
            """), "hourly");
        Assert.Equal(["filter delay > 0", "project date, origin, delay", "assign panes on date"], Shown(insert.Before));
        Assert.Equal(["hop 1h of 1d on date by origin compute max(delay), count(*)", "filter count(*) > 2",
            "project window_end, origin, max(delay) AS worst"], Shown(insert.After));
    }

    [Fact]
    public void Without_a_window_there_is_no_exchange()
    {
        var insert = Flights.Insert(Flights.Plan("INSERT INTO raw SELECT origin, delay FROM flights WHERE delay > 15"), "raw");
        Assert.Equal(["filter delay > 15", "project origin, delay"], Shown(insert.Before));
        Assert.Null(insert.ExchangeKeys);
        Assert.Empty(insert.After);
        Assert.Empty(insert.KeyColumns);
    }

    [Fact]
    public void A_window_without_keys_has_an_exchange_to_one_lane()
    {
        var insert = Flights.Insert(Flights.Plan("INSERT INTO raw SELECT window_start, count(*) AS n FROM TUMBLE(flights, date, INTERVAL '1' HOUR) GROUP BY window_start"), "raw");
        Assert.Equal([], insert.ExchangeKeys!);
    }

    [Fact]
    public void Key_expressions_become_columns_behind_the_written_ones()
    {
        var plan = Flights.Plan(Flights.Base.Sink("keyed", s => s.Kafka("keyed").Key("destination", "upper(origin)", "origin", "delay + 1"))
            .Sql("INSERT INTO keyed SELECT origin, destination, delay FROM flights"));
        var insert = Flights.Insert(plan, "keyed");
        Assert.Equal(["project origin, destination, delay", "key destination, upper(origin), origin, delay + 1"], Shown(insert.Before));
        Assert.Equal("origin STRING NOT NULL, destination STRING NOT NULL, delay INT, \"$key1\" STRING NOT NULL, \"$key3\" INT", insert.Output.ToString());
        Assert.Equal([1, 3, 0, 4], insert.KeyColumns);
        Assert.Equal(3, insert.Written);
    }

    [Fact]
    public void Each_insert_of_a_view_runs_it_for_itself()
    {
        var plan = Flights.Plan($"CREATE VIEW late AS SELECT * FROM flights WHERE delay > 15; INSERT INTO raw SELECT origin FROM late; {Flights.Hourly.Replace("flights,", "late,")}");
        Assert.Single(plan.Sources);
        Assert.Equal("filter delay > 15", Flights.Insert(plan, "raw").Before[0].Description);
        Assert.Equal("filter delay > 15", Flights.Insert(plan, "hourly").Before[0].Description);
    }

    [Fact]
    public void What_nothing_reads_is_not_in_the_plan()
    {
        Assert.Equal(["flights"], Flights.Plan(Flights.Hourly).Sources.Select(s => s.Name));
        Assert.Equal(["quakes"], Flights.Plan("INSERT INTO raw SELECT id FROM quakes").Sources.Select(s => s.Name));
    }

    [Fact]
    public void A_users_own_stream_comes_from_its_source()
    {
        var schema = new Schema(new Field("date", DataType.Timestamp), new Field("country", DataType.Utf8));
        var pipeline = Flights.Base.WithVia("enriched", "flights", schema, "a flow").WithVia("unread", "quakes", schema, "a flow")
            .Sql("INSERT INTO raw SELECT window_start, country, count(*) AS n FROM TUMBLE(enriched, date, INTERVAL '1' HOUR) GROUP BY window_start, country");
        var plan = Flights.Plan(pipeline);
        Assert.Equal([("enriched", "flights")], plan.Vias.Select(v => (v.Name, v.Input)));
        Assert.Equal("enriched", plan.Inserts[0].Source);
        // It may read anything, so that it gets every declared column; and the event time that its window needs is the source's.
        var source = Assert.Single(plan.Sources);
        Assert.Equal(source.Declared, source.Columns);
        Assert.Equal(0, source.EventTime);
    }
}
