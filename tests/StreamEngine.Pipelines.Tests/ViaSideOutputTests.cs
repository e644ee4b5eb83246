using Akka.Actor;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Pipelines.Testing;
using StreamEngine.Plan.Physical;
using StreamEngine.Sql.Planning;
using StreamEngine.Streams;

namespace StreamEngine.Pipelines;

/// <summary>
/// Rows that leave by the side behind a user's own stage are whole: all that the stage gave, whatever columns the query had left of them. The same query without a Via
/// writes the original bytes.
/// </summary>
public sealed class ViaSideOutputTests : IAsyncLifetime
{
    private readonly MemoryLog _log = new();
    private ActorSystem _system = null!;

    public sealed record Flight([property: Column(Format = "yyyy/MM/dd HH:mm")] DateTime Date, int? Delay, int? Distance, string Origin, string Destination);

    public Task InitializeAsync()
    {
        _system = EngineSystem.Start(PipelineFile.Defaults(), NullLoggerFactory.Instance);
        _log.Create("flights", 1);
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => _system.Terminate();

    private static string Row(string time, int delay, int distance, string origin) =>
        $$"""{"date":"2001/01/01 {{time}}","delay":{{delay}},"distance":{{distance}},"origin":"{{origin}}","destination":"DFW"}""";

    /// <summary>The same row as the stage gives it.</summary>
    private static string Given(string time, int delay, int distance, string origin) =>
        $$"""{"date":"2001-01-01T{{time}}:00Z","delay":{{delay}},"distance":{{distance}},"origin":"{{origin}}","destination":"DFW"}""";

    private async Task RunAsync(string sql, bool via, int lanes, params string[] rows)
    {
        foreach (var row in rows) _log.Append("flights", 0, new MemoryRecord(null, System.Text.Encoding.UTF8.GetBytes(row), [], 1_893_456_000_000));
        var pipeline = Pipeline.Create("flights").Source("flights", s => s.Kafka("flights").Json<Flight>().EventTime("date"))
            .Sink("out", s => s.Kafka("flights.out").Json().Key("origin"));
        if (via) pipeline = pipeline.Via("seen", "flights", Records.Select<Flight, Flight>(f => f));
        var definition = pipeline.Sql(sql.Replace("INPUT", via ? "seen" : "flights", StringComparison.Ordinal)).Parallelism(lanes).Definition;
        var time = new ManualTime();
        var worker = new PipelineWorker(definition, PhysicalPlanner.Plan(definition, SqlPlanner.Plan), new MemoryConnectors(_log, Batch.DefaultRows, time), _system, time,
            NullLogger.Instance);
        _log.Finish();
        await worker.RunAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
    }

    private IEnumerable<string> Values(string topic) => _log.ReadAll(topic).Select(r => System.Text.Encoding.UTF8.GetString(r.Value!)).Order(StringComparer.Ordinal);

    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 3)]
    [InlineData(false, 1)]
    public async Task A_late_row_is_written_whole(bool via, int lanes)
    {
        await RunAsync("""
            CREATE VIEW some AS SELECT date, origin, delay + 1 AS delay FROM INPUT WHERE distance > 0;
            INSERT INTO out SELECT window_start, origin, max(delay) AS worst FROM TUMBLE(some, date, INTERVAL '1' HOUR) GROUP BY window_start, origin
            """, via, lanes, Row("06:10", 5, 300, "ATL"), Row("09:10", 7, 300, "ATL"), Row("06:20", 9, 333, "JFK"));
        Assert.Equal([via ? Given("06:20", 9, 333, "JFK") : Row("06:20", 9, 333, "JFK")], Values("flights.late"));
        Assert.Empty(_log.ReadAll("flights.dlq"));
        Assert.Equal(2, _log.ReadAll("flights.out").Count);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 3)]
    [InlineData(false, 1)]
    public async Task A_row_on_which_an_expression_fails_is_written_whole(bool via, int lanes)
    {
        // In a view, in a condition over that view, and in a key over that.
        await RunAsync("""
            CREATE VIEW first AS SELECT date, origin, delay, 100 / distance AS ratio FROM INPUT;
            CREATE VIEW second AS SELECT date, upper(origin) AS origin, ratio FROM first WHERE 100 / delay < 50;
            INSERT INTO out SELECT window_start, origin, 7 / ratio AS key, count(*) AS n FROM TUMBLE(second, date, INTERVAL '1' HOUR) GROUP BY window_start, origin, 7 / ratio
            """, via, lanes, Row("06:10", 5, 0, "ATL"), Row("06:11", 0, 50, "JFK"), Row("06:12", 5, 300, "DFW"), Row("06:13", 5, 20, "MIA"));
        Assert.Equal(via ? [Given("06:10", 5, 0, "ATL"), Given("06:11", 0, 50, "JFK"), Given("06:12", 5, 300, "DFW")]
            : [Row("06:10", 5, 0, "ATL"), Row("06:11", 0, 50, "JFK"), Row("06:12", 5, 300, "DFW")], Values("flights.dlq"));
        Assert.Equal(["""{"window_start":"2001-01-01T06:00:00Z","origin":"MIA","key":1,"n":1}"""], Values("flights.out"));
    }

    [Fact]
    public async Task An_aggregated_row_is_written_as_it_is()
    {
        await RunAsync("INSERT INTO out SELECT window_start, origin, 1 / min(delay) AS n FROM TUMBLE(INPUT, date, INTERVAL '1' HOUR) GROUP BY window_start, origin", true, 1,
            Row("06:10", 0, 300, "ATL"));
        Assert.Equal(["""{"window_start":"2001-01-01T06:00:00Z","window_end":"2001-01-01T07:00:00Z","origin":"ATL","min(delay)":0}"""], Values("flights.dlq"));
    }
}
