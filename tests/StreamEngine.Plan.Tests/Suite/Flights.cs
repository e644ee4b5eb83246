using StreamEngine.Plan.Physical;
using StreamEngine.Sql.Planning;

namespace StreamEngine.Plan.Suite;

/// <summary>The pipelines that the tests plan.</summary>
internal static class Flights
{
    public const string Columns = "date TIMESTAMP NOT NULL, delay INT, distance INT, origin STRING NOT NULL, destination STRING NOT NULL";

    public const string Hourly =
        "INSERT INTO hourly SELECT window_start, origin, count(*) AS flights, avg(delay) AS average_delay FROM TUMBLE(flights, date, INTERVAL '1' HOUR) GROUP BY window_start, origin";

    /// <summary>Sources and sinks, no SQL yet.</summary>
    public static Pipeline Base { get; } = Pipeline.Create("flights")
        .Source("flights", s => s.Kafka("flights").Json(Columns).EventTime("date", TimeSpan.FromHours(1)))
        .Source("quakes", s => s.Kafka("quakes").Json("id STRING, properties STRUCT<time TIMESTAMP, mag DOUBLE>, tags ARRAY<STRING>").EventTime("properties.time"))
        .Sink("hourly", s => s.Kafka("flights.hourly").Key("origin"))
        .Sink("raw", s => s.Kafka("raw"));

    public static PhysicalPlan Plan(Pipeline pipeline) => PhysicalPlanner.Plan(pipeline.Definition, SqlPlanner.Plan);

    public static PhysicalPlan Plan(string sql) => Plan(Base.Sql(sql));

    public static PhysicalInsert Insert(PhysicalPlan plan, string sink) => plan.Inserts.Single(i => i.Sink == sink);

    /// <summary>The errors of a pipeline that cannot be planned.</summary>
    public static IReadOnlyList<PlanError> Errors(Pipeline pipeline) => Assert.Throws<PlanException>(() => Plan(pipeline)).Errors;
}
