using StreamEngine.Plan.Suite;

namespace StreamEngine.Plan.Physical;

/// <summary>State is found again by the operator's id: it must not change with what is beside it, and must change with what the state is made of.</summary>
public class StableIdTests
{
    private static string StateId(Pipeline pipeline, string sink = "hourly") => Assert.Single(Flights.Insert(Flights.Plan(pipeline), sink).After, o => o.IsStateful).Id;

    private static string StateId(string sql) => StateId(Flights.Base.Sql(sql));

    [Fact]
    public void The_id_is_the_same_for_ever()
    {
        // Written into the state topics of running pipelines: another id would lose their state.
        Assert.Equal("hourly.window.c1d9dbec", StateId(Flights.Hourly));
        Assert.Equal(Flights.Plan(Flights.Hourly).Hash, Flights.Plan(Flights.Hourly).Hash);
    }

    [Fact]
    public void Unrelated_edits_leave_it()
    {
        var id = StateId(Flights.Hourly);
        var before = Flights.Insert(Flights.Plan(Flights.Hourly), "hourly");
        Pipeline[] edited =
        [
            Flights.Base.Sql("INSERT INTO raw SELECT origin FROM flights; " + Flights.Hourly),
            Flights.Base.Sql("CREATE VIEW v AS SELECT origin FROM flights; " + Flights.Hourly + "; INSERT INTO raw SELECT * FROM v"),
            Flights.Base.Source("more", s => s.Kafka("more").Json("a INT")).Sink("other", s => s.Kafka("other")).Sql(Flights.Hourly),
            Flights.Base.Rule("flights", "positive", "distance > 0").Sql(Flights.Hourly),
            Flights.Base.Parallelism(7).CommitInterval(TimeSpan.FromMilliseconds(25)).DeadLetters("elsewhere").Late("late").Kafka("other:9092").Sql(Flights.Hourly),
            Flights.Base.Sql(Flights.Hourly.Replace("INSERT INTO hourly", "  insert\ninto -- where\n hourly").Replace("AS flights", "AS number")),
            Flights.Base.Sql(Flights.Hourly + " HAVING count(*) > 1"),
            Flights.Base.Sql(Flights.Hourly.Replace("INTERVAL '1' HOUR", "INTERVAL '60' MINUTE")),
        ];
        foreach (var pipeline in edited)
        {
            Assert.Equal(id, StateId(pipeline));
            Assert.Equal(before.Before.Select(o => o.Id), Flights.Insert(Flights.Plan(pipeline), "hourly").Before.Select(o => o.Id));
        }
    }

    [Theory]
    [InlineData("INTERVAL '1' HOUR", "INTERVAL '2' HOUR")]
    [InlineData("GROUP BY window_start, origin", "GROUP BY window_start, origin, destination")]
    [InlineData("avg(delay)", "max(delay)")]
    [InlineData("avg(delay)", "avg(distance)")]
    [InlineData("count(*)", "count(DISTINCT destination)")]
    [InlineData("avg(delay) AS average_delay", "avg(delay) AS average_delay, max(delay) AS worst")]
    public void Another_window_key_or_aggregate_is_another_state(string part, string other) =>
        Assert.NotEqual(StateId(Flights.Hourly), StateId(Flights.Hourly.Replace(part, other)));

    [Fact]
    public void Another_condition_or_expression_before_the_window_is_another_state()
    {
        const string View = "CREATE VIEW v AS SELECT date, upper(origin) AS origin, delay FROM flights";
        var sql = Flights.Hourly.Replace("TUMBLE(flights", "TUMBLE(v", StringComparison.Ordinal);
        string[] edited = [$"{View}; {sql}", $"{View.Replace("upper", "lower", StringComparison.Ordinal)}; {sql}", $"{View} WHERE delay > 100; {sql}", Flights.Hourly];
        Assert.Equal(edited.Length, edited.Select(e => StateId(e)).Distinct().Count());
    }

    [Fact]
    public void Another_type_is_another_state()
    {
        var wide = Pipeline.Create("flights").Source("flights", s => s.Kafka("flights").Json(Flights.Columns.Replace("delay INT", "delay BIGINT")).EventTime("date"))
            .Sink("hourly", s => s.Kafka("hourly")).Sql(Flights.Hourly.Replace("avg(", "max("));
        Assert.NotEqual(StateId(Flights.Hourly.Replace("avg(", "max(")), StateId(wide));
    }

    [Fact]
    public void Every_operator_has_an_id_of_its_own()
    {
        var plan = Flights.Plan(Flights.Base.Sink("keyed", s => s.Kafka("keyed").Key("upper(origin)"))
            .Sql($"CREATE VIEW late AS SELECT * FROM flights WHERE delay > 15; {Flights.Hourly} HAVING count(*) > 1; INSERT INTO raw SELECT origin FROM late WHERE delay > 60; INSERT INTO keyed SELECT origin FROM late"));
        var ids = plan.Inserts.SelectMany(i => i.Before.Concat(i.After)).Select(o => o.Id).ToList();
        Assert.Equal(ids.Distinct(), ids);
        Assert.All(plan.Inserts.SelectMany(i => i.Before.Concat(i.After)), o => Assert.Equal(o.Id, o.Create().Id));
    }

    [Fact]
    public void The_hash_tells_plans_apart()
    {
        Pipeline[] different =
        [
            Flights.Base.Sql(Flights.Hourly), Flights.Base.Sql(Flights.Hourly + " HAVING count(*) > 1"),
                Flights.Base.Rule("flights", "positive", "distance > 0").Sql(Flights.Hourly),
            Flights.Base.Sql(Flights.Hourly + "; INSERT INTO raw SELECT origin FROM flights"), Flights.Base.Sql(Flights.Hourly.Replace("AS flights", "AS number")),
        ];
        Assert.Equal(different.Length, different.Select(p => Flights.Plan(p).Hash).Distinct().Count());
        Assert.Equal(Flights.Plan(different[0]).Hash, Flights.Plan(different[0].Parallelism(4).CommitInterval(TimeSpan.FromSeconds(9))).Hash);
    }
}
