using Akka.Actor;
using Akka.Streams;
using Akka.Streams.Dsl;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Pipelines.Testing;
using StreamEngine.Plan.Physical;
using StreamEngine.Sql.Planning;
using StreamEngine.Streams;

namespace StreamEngine.Pipelines;

/// <summary>The C# builder, users' own stages in our pipelines, and our chains in users' graphs: the examples of docs/pipelines.md.</summary>
public sealed class BuilderTests : IAsyncLifetime
{
    private readonly MemoryLog _log = new();
    private ActorSystem _system = null!;

    public sealed record Flight([property: Column(Format = "yyyy/MM/dd HH:mm")] DateTime Date, int? Delay, int? Distance, string Origin, string Destination);

    public sealed record Enriched(DateTime Date, int? Delay, string Origin, string Country);

    public sealed record Late(string Origin, double Hours);

    public Task InitializeAsync()
    {
        _system = EngineSystem.Start(PipelineFile.Defaults(), Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);
        _log.Create("flights", 2);
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => _system.Terminate();

    private static Pipeline Base() => Pipeline.Create("flights")
        .Source("flights", s => s.Kafka("flights").Json<Flight>().EventTime("date", outOfOrderness: TimeSpan.FromHours(1)))
        .Rule("flights", "plausible-delay", "delay BETWEEN -120 AND 2000")
        .Sink("hourly", s => s.Kafka("flights.hourly").Json().Key("origin"))
        .DeadLetters("flights.dlq");

    private void Write(int partition, params string[] rows)
    {
        foreach (var row in rows) _log.Append("flights", partition, new MemoryRecord(null, System.Text.Encoding.UTF8.GetBytes(row), [], 1_893_456_000_000));
    }

    private static string Row(string time, int delay, string origin) =>
        $$"""{"date":"2001/01/01 {{time}}","delay":{{delay}},"distance":300,"origin":"{{origin}}","destination":"DFW"}""";

    private async Task RunToEndAsync(Pipeline pipeline, int lanes = 1)
    {
        var definition = pipeline.Parallelism(lanes).Definition;
        var time = new ManualTime();
        var worker = new PipelineWorker(definition, PhysicalPlanner.Plan(definition, SqlPlanner.Plan), new MemoryConnectors(_log, Batch.DefaultRows, time), _system, time,
            NullLogger.Instance);
        _log.Finish();
        await worker.RunAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
    }

    private List<string> Values(string topic) => [.. _log.ReadAll(topic).Select(r => System.Text.Encoding.UTF8.GetString(r.Value!)).Order(StringComparer.Ordinal)];

    private IEnumerable<EpochManifest> Manifests() => _log.ReadAll("flights.epochs").Select(r => ManifestJson.Read(r.Value).Manifest).OfType<EpochManifest>();

    private static async Task<Enriched> Enrich(Flight flight)
    {
        await Task.Yield();
        if (flight.Origin == "???") throw new InvalidDataException("no such airport");
        return new Enriched(flight.Date, flight.Delay, flight.Origin, "US");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_function_on_records_stands_in_the_middle_of_a_pipeline(int lanes)
    {
        Write(0, Row("06:10", 5, "ATL"), Row("06:20", 15, "ATL"), Row("06:30", 1, "???"));
        Write(1, Row("07:10", 7, "DFW"), Row("07:20", 9999, "DFW"));
        await RunToEndAsync(Base()
            .Via("enriched", "flights", Records.SelectAsync<Flight, Enriched>(parallelism: 8, Enrich))
            .Sql("INSERT INTO hourly SELECT window_start, origin, country, count(*) AS flights FROM TUMBLE(enriched, date, INTERVAL '1' HOUR) GROUP BY window_start, origin, country"), lanes);
        Assert.Equal(["""{"window_start":"2001-01-01T06:00:00Z","origin":"ATL","country":"US","flights":2}""",
            """{"window_start":"2001-01-01T07:00:00Z","origin":"DFW","country":"US","flights":1}"""], Values("flights.hourly"));
        Assert.Equal(2, _log.ReadAll("flights.dlq").Count);
        Assert.Contains(_log.ReadAll("flights.dlq"), r => System.Text.Encoding.UTF8.GetString(r.Headers).Contains("no such airport", StringComparison.Ordinal)
            && System.Text.Encoding.UTF8.GetString(r.Value!).Contains("\"origin\":\"???\"", StringComparison.Ordinal));
        // A Via ends one line and starts another.
        Assert.All(Manifests(), m => Assert.All(m.Inserts.Values, l => Assert.True(l.Holds, l.ToString())));
        Assert.Equal(5, Manifests().Sum(m => m.Inserts["enriched"].In));
        // One row fails on a rule, one in the function.
        Assert.Equal((3, 2), (Manifests().Sum(m => m.Inserts["enriched"].Done), Manifests().Sum(m => m.Inserts["enriched"].DeadLettered)));
        Assert.Equal(3, Manifests().Sum(m => m.Inserts["hourly"].In));
    }

    [Fact]
    public async Task Any_flow_of_elements_stands_in_the_middle_of_a_pipeline()
    {
        Write(0, Row("06:10", 5, "ATL"), Row("06:20", 15, "ATL"));
        var seen = 0;
        await RunToEndAsync(Base()
            .Via("watched", "flights", Flow.Create<StreamElement>().Select(e =>
            {
                if (e is Batch batch) seen += batch.Count;
                return e;
            }))
            .Sql("INSERT INTO hourly SELECT origin, delay FROM watched WHERE delay > 5"));
        Assert.Equal(["""{"origin":"ATL","delay":15}"""], Values("flights.hourly"));
        Assert.Equal(2, seen);
    }

    [Fact]
    public async Task A_flow_that_loses_a_barrier_fails_by_its_name()
    {
        Write(0, Row("06:10", 5, "ATL"));
        var expected = Source.From(new StreamElement[] { new Watermark(1), new Watermark(2), End.Instance })
            .Via(FlowCheck.Around("lossy", Flow.Create<StreamElement>().Where(e => e is not Watermark { Time: 1 }), "dlq", 1_000_000))
                .RunWith(Sink.Ignore<StreamElement>(), _system.Materializer());
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => expected.WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Contains("Via 'lossy' lost or overtook Watermark(1)", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_and_SelectMany_lift_too()
    {
        Write(0, Row("06:10", 5, "ATL"), Row("06:20", 15, "DFW"));
        await RunToEndAsync(Base()
            .Via("some", "flights", Records.Where<Flight>(f => f.Origin == "ATL"))
            .Via("twice", "some", Records.SelectMany<Flight, Late>(f => [new Late(f.Origin, f.Delay ?? 0), new Late(f.Origin, 2)]))
            .Sql("INSERT INTO hourly SELECT * FROM twice"));
        Assert.Equal(["""{"origin":"ATL","hours":2}""", """{"origin":"ATL","hours":5}"""], Values("flights.hourly"));
    }

    [Fact]
    public async Task One_of_our_chains_stands_in_a_users_graph()
    {
        var refused = new List<string>();
        var flow = SqlFlow.Of<Flight, Late>("SELECT origin, delay / 60.0 / (distance - 300) AS hours FROM rows WHERE delay > 15", (flight, reason) =>
            refused.Add($"{flight.Origin}: {reason}"));
        var flights = new[] { new Flight(default, 30, 301, "ATL", "DFW"), new Flight(default, 3, 301, "MIA", "DFW"), new Flight(default, 20, 300, "JFK", "DFW"),
            new Flight(default, 90, 299, "ORD", "DFW") };
        var late = await Source.From(flights).Via(SqlFlow.Of<Flight, Late>("SELECT origin, CAST(delay AS DOUBLE) / 60 AS hours FROM rows WHERE delay > 15"))
            .RunWith(Sink.Seq<Late>(), _system.Materializer());
        Assert.Equal([new Late("ATL", 0.5), new Late("JFK", 20.0 / 60), new Late("ORD", 1.5)], late);
        await Assert.ThrowsAnyAsync<Exception>(async () => await Source.From(flights).Via(flow).RunWith(Sink.Seq<Late>(), _system.Materializer()));
    }

    [Fact]
    public void A_wrong_pipeline_says_all_that_is_wrong()
    {
        var wrong = Assert.Throws<ArgumentException>(() =>
            new StreamEngineHost([Base().Rule("flights", "speed", "distanc > 0").Sql("INSERT INTO hourly SELECT orign FROM flights")]));
        Assert.Contains("column 'distanc' does not exist", wrong.Message, StringComparison.Ordinal);
        Assert.Contains("column 'orign' does not exist", wrong.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => SqlFlow.Of<Flight, Late>("SELECT nothing FROM rows"));
    }
}
