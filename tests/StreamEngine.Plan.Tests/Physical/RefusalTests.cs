using StreamEngine.Plan.Suite;

namespace StreamEngine.Plan.Physical;

/// <summary>What cannot be planned, by the text that it stands in, all of it at once.</summary>
public class RefusalTests
{
    private const string Sql = "INSERT INTO raw SELECT origin FROM flights";

    private static PlanError One(Pipeline pipeline) => Assert.Single(Flights.Errors(pipeline));

    private static string Shown(PlanError error) =>
        $"{error.Text} {error.Owner} {error.Name} {error.Error.Offset}+{error.Error.Length}: {error.Error.Message} | {error.Error.Hint}";

    [Theory]
    [InlineData("distanc > 0",
        "Rule flights r 0+7: column 'distanc' does not exist in flights | did you mean 'distance'? flights has date, delay, distance, origin, destination")]
    [InlineData("distance", "Rule flights r 0+8: the condition is INT, not BOOLEAN | compare it, for example with <> 0")]
    [InlineData("distance >", "Rule flights r 10+0: expected an expression, found the end of the text | ")]
    [InlineData("uper(origin) = 'A'", "Rule flights r 0+4: function 'uper' does not exist | did you mean 'upper'?")]
    public void Rules(string rule, string error) => Assert.Equal(error, Shown(One(Flights.Base.Rule("flights", "r", rule).Sql(Sql))));

    [Theory]
    [InlineData("datum", "EventTime more  0+5: column 'datum' does not exist in more | more has date, delay, inner")]
    [InlineData("delay", "EventTime more  0+5: the event time 'delay' is INT, not TIMESTAMP | declare the column as TIMESTAMP FORMAT '..'")]
    [InlineData("inner.tim", "EventTime more  6+3: field 'tim' does not exist in inner | did you mean 'time'? inner has time")]
    [InlineData("inner.", "EventTime more  6+0: expected a field's name, found the end of the text | ")]
    public void Event_times(string column, string error) =>
        Assert.Equal(error, Shown(One(Flights.Base.Source("more", s => s.Kafka("more").Json("date TIMESTAMP, delay INT, inner STRUCT<time TIMESTAMP>").EventTime(column))
            .Sql(Sql))));

    [Theory]
    [InlineData("orgin", "SinkKey keyed 0 0+5: column 'orgin' does not exist in keyed | did you mean 'origin'? keyed has origin, delay")]
    [InlineData("delay +", "SinkKey keyed 0 7+0: expected an expression, found the end of the text | ")]
    [InlineData("destination", "SinkKey keyed 0 0+11: column 'destination' does not exist in keyed | keyed has origin, delay")]
    public void Keys(string key, string error) =>
        Assert.Equal(error, Shown(One(Flights.Base.Sink("keyed", s => s.Kafka("keyed").Key(key)).Sql("INSERT INTO keyed SELECT origin, delay FROM flights"))));

    [Fact]
    public void An_upsert_sink_needs_a_key_that_covers_the_grouping()
    {
        var query = Flights.Hourly.Replace("INTO hourly", "INTO upserted");
        var without = One(Flights.Base.Sink("upserted", s => s.Kafka("u").Upsert()).Sql(Sql.Replace("raw", "upserted")));
        Assert.Equal((PlanText.SinkKey, "upserted", "sink 'upserted' is mode = upsert and has no key"), (without.Text, without.Owner, without.Error.Message));
        foreach (var key in new[] { "origin", "window_start" })
        {
            var error = One(Flights.Base.Sink("upserted", s => s.Kafka("u").Upsert().Key(key)).Sql(query));
            Assert.StartsWith("the key of upsert sink 'upserted' does not cover the grouping", error.Error.Message, StringComparison.Ordinal);
            Assert.Equal((0, key.Length), (error.Error.Offset, error.Error.Length));
        }
        Assert.NotNull(Flights.Plan(Flights.Base.Sink("upserted", s => s.Kafka("u").Upsert().Key("origin", "window_start")).Sql(query)));
        // One key per row where nothing is grouped: any key will do.
        Assert.NotNull(Flights.Plan(Flights.Base.Sink("upserted", s => s.Kafka("u").Upsert().Key("origin")).Sql(Sql.Replace("raw", "upserted"))));
    }

    [Fact]
    public void All_errors_come_at_once()
    {
        var errors = Flights.Errors(Flights.Base.Rule("flights", "a", "distanc > 0").Rule("flights", "b", "1 +")
            .Source("more", s => s.Kafka("more").Json("a INT").EventTime("b"))
            .Sql("INSERT INTO raw SELECT orign FROM flights; INSERT INTO nowhere SELECT 1 AS one FROM flights"));
        Assert.Equal([PlanText.EventTime, PlanText.Rule, PlanText.Rule, PlanText.Sql, PlanText.Sql], errors.Select(e => e.Text));
    }
}
