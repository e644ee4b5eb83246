using System.Globalization;
using System.Text;
using StreamEngine.Pipelines.Files;
using StreamEngine.Simulation.Runs;

namespace StreamEngine.Simulation.Campaigns;

/// <summary>
/// The flights pipeline with a tumbling window, a sliding one and one INSERT that passes rows, and random flights of which some are out of order, late or bad.
/// </summary>
internal static class FlightsScenario
{
    public const long Hour = 3_600_000_000;

    public static readonly string[] Topics = ["flights.hourly", "flights.routes", "flights.delayed", "flights.dlq", "flights.late"];

    public static PipelineFile Pipeline(int parallelism, params string[] settings) => PipelineFile.Parse(""""
        pipeline {
          name = flights
          sources.flights {
            connector = kafka, topic = flights, format = json
            schema = "date TIMESTAMP FORMAT 'yyyy/MM/dd HH:mm' NOT NULL, delay INT, distance INT, origin STRING NOT NULL, destination STRING NOT NULL"
            event-time { column = date, out-of-orderness = 1h, idle-timeout = 30s }
            rules { plausible-delay = "delay BETWEEN -120 AND 2000", positive-distance = "distance > 0" }
          }
          sql = """
            INSERT INTO hourly
            SELECT window_start, origin, count(*) AS flights, avg(delay) AS average_delay, max(delay) AS worst_delay,
                count(DISTINCT destination) AS destinations, min(destination) AS first_destination
            FROM TUMBLE(flights, date, INTERVAL '1' HOUR) GROUP BY window_start, origin;
            INSERT INTO routes
            SELECT window_end, origin, destination, count(*) AS flights, sum(distance) AS miles
            FROM HOP(flights, date, INTERVAL '1' HOUR, INTERVAL '6' HOUR) GROUP BY window_end, origin, destination HAVING count(*) >= 2;
            INSERT INTO delayed
            SELECT origin, destination, delay, 1000 / (delay - 100) AS odd FROM flights WHERE delay > 15
          """
          sinks.hourly { connector = kafka, topic = flights.hourly, format = json, key = origin, create { partitions = 2 } }
          sinks.routes { connector = kafka, topic = flights.routes, format = json, key = [origin, destination] }
          sinks.delayed { connector = kafka, topic = flights.delayed, format = json, key = origin }
          commit-interval = 1s
        }
        """", "flights.conf", [$"parallelism={parallelism}", .. settings]);

    /// <summary>Its windowed INSERTs.</summary>
    public static IReadOnlyList<WindowedInsert> Windows(long outOfOrderness = Hour) =>
        [new("hourly", Hour, Hour, outOfOrderness, _ => true), new("routes", 6 * Hour, Hour, outOfOrderness, _ => true)];

    /// <summary>Random flights over two days, the same for the same seed.</summary>
    public static IReadOnlyList<InputRecord> Input(int seed, int rows, int partitions = 3)
    {
        var random = new Random(seed);
        string[] airports = ["ATL", "DFW", "ORD", "LAX", "a rather long airport name", "JFK", "SFO"];
        var records = new List<InputRecord>();
        var start = new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        for (var i = 0; i < rows; i++)
        {
            var partition = random.Next(partitions);
            var time = start.AddMinutes((long)i * 2880 / rows - random.Next(100) - (random.Next(50) == 0 ? random.Next(600) : 0));
            var delay = random.Next(20) == 0 ? random.Next(3) == 0 ? "\"x\"" : "9999" : random.Next(30) == 0 ? "100" : random.Next(-20, 200)
                .ToString(CultureInfo.InvariantCulture);
            var distance = random.Next(-5, 3000);
            var text = random.Next(60) == 0 ? "{broken"
                : $$"""{"date":"{{time:yyyy/MM/dd HH:mm}}","delay":{{delay}},"distance":{{distance}},"origin":"{{Pick()}}","destination":"{{Pick()}}"}""";
            var value = random.Next(100) == 0 ? null : Encoding.UTF8.GetBytes(text);
            var good = value is not null && text != "{broken" && delay is not ("9999" or "\"x\"") && distance > 0;
            records.Add(new InputRecord("flights", partition, value, new DateTimeOffset(time).ToUnixTimeMilliseconds() + 1000) { EventTime = good
                ? (time - DateTime.UnixEpoch).Ticks / 10 : null });
        }
        return records;

        string Pick() => airports[random.Next(airports.Length)];
    }
}
