using Akka.Streams;
using Akka.Streams.Dsl;
using StreamEngine.Core;
using StreamEngine.Streams;

namespace StreamEngine.Pipelines.Documented;

/// <summary>The examples of docs/csharp.md, between their marks as they stand there.</summary>
internal static class CSharpExamples
{
    // begin records
    public sealed record Flight([property: Column(Format = "yyyy/MM/dd HH:mm")] DateTime Date, int? Delay, int? Distance, string Origin, string Destination);

    public sealed record Enriched(DateTime Date, int? Delay, string Origin, string Country);
    // end

    public static async Task<Enriched> Enrich(Flight flight)
    {
        await Task.Yield();
        return new Enriched(flight.Date, flight.Delay, flight.Origin, flight.Origin == "YYZ" ? "CA" : "US");
    }

    public static Pipeline Enriching()
    {
        // begin flow
        var flights = Pipeline.Create("flights")
            .Source("flights", s => s.Kafka("flights").Json<Flight>().EventTime("date", outOfOrderness: TimeSpan.FromHours(1)))
            .Rule("flights", "plausible-delay", "delay BETWEEN -120 AND 2000")
            .Via("enriched", "flights", Records.SelectAsync<Flight, Enriched>(parallelism: 8, Enrich))
            .Sql("""
                INSERT INTO hourly
                SELECT window_start, country, count(*) AS flights
                FROM TUMBLE(enriched, date, INTERVAL '1' HOUR) GROUP BY window_start, country
                """)
            .Sink("hourly", s => s.Kafka("flights.hourly").Json().Key("country"))
            .DeadLetters("flights.dlq");
        // end
        return flights;
    }

    // begin chain
    public sealed record Late(string Origin, double Hours);

    public static Task<IReadOnlyList<Late>> LongDelays(Source<Flight, Akka.NotUsed> flights, IMaterializer materializer) => flights
        .Via(SqlFlow.Of<Flight, Late>("SELECT origin, CAST(delay AS DOUBLE) / 60 AS hours FROM rows WHERE delay > 60", (flight, reason) =>
            Console.Error.WriteLine($"{flight.Origin}: {reason}")))
        .RunWith(Sink.Seq<Late>(), materializer)
        .ContinueWith(done => (IReadOnlyList<Late>)done.Result, TaskScheduler.Default);
    // end
}
