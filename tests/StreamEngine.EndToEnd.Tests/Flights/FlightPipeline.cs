namespace StreamEngine.EndToEnd.Tests.Flights;

/// <summary>The pipeline of these tests: a tumbling window, a sliding one, and one INSERT that passes rows on.</summary>
internal static class FlightPipeline
{
    public const string Name = "flights";
    public static readonly string[] Outputs = ["flights.hourly", "flights.routes", "flights.delayed"];
    public const string DeadLetters = "flights.dlq";
    public const string Late = "flights.late";
    public const string Epochs = "flights.epochs";
    public const string State = "flights.state";

    public static readonly (string Name, int Partitions)[] Topics =
        [("flights", 4), ("flights.hourly", 4), ("flights.routes", 3), ("flights.delayed", 2), (DeadLetters, 1), (Late, 1)];

    /// <summary>The same with sinks in which a row replaces the one of its key.</summary>
    public static string Upserts() => Text()
        .Replace("format = json, key = origin }", "format = json, mode = upsert, key = [window_start, origin] }", StringComparison.Ordinal)
        .Replace("format = json, key = [origin, destination] }", "format = json, mode = upsert, key = [window_end, origin, destination] }", StringComparison.Ordinal)
        .Replace("format = json, key = id }", "format = json, mode = upsert, key = id }", StringComparison.Ordinal);

    /// <param name="source">More settings of the source, such as create.</param>
    /// <param name="idle">The idle timeout; infinite: lateness then depends on the rows alone.</param>
    public static string Text(string source = "", string idle = "infinite", int parallelism = 2) => $$""""
        pipeline {
          name = flights
          sources.flights {
            connector = kafka, topic = flights, format = json
            schema = "id BIGINT NOT NULL, date TIMESTAMP FORMAT 'yyyy/MM/dd HH:mm' NOT NULL, delay INT, distance INT, origin STRING NOT NULL, destination STRING NOT NULL"
            event-time { column = date, out-of-orderness = 1h, idle-timeout = {{idle}} }
            rules { plausible-delay = "delay BETWEEN -120 AND 2000", positive-distance = "distance > 0" }
            {{source}}
          }
          sql = """
            INSERT INTO hourly
            SELECT window_start, origin, count(*) AS flights, avg(delay) AS average_delay, max(delay) AS worst_delay, sum(distance) AS miles,
                   count(DISTINCT destination) AS destinations
            FROM TUMBLE(flights, date, INTERVAL '1' HOUR) GROUP BY window_start, origin;
            INSERT INTO routes
            SELECT window_end, origin, destination, count(*) AS flights, min(delay) AS best_delay
            FROM HOP(flights, date, INTERVAL '1' HOUR, INTERVAL '6' HOUR) GROUP BY window_end, origin, destination HAVING count(*) >= 2;
            INSERT INTO delayed
            SELECT id, date, origin, delay, 1000 / (delay - 100) AS odd FROM flights WHERE delay > 15
          """
          sinks.hourly { connector = kafka, topic = flights.hourly, format = json, key = origin }
          sinks.routes { connector = kafka, topic = flights.routes, format = json, key = [origin, destination] }
          sinks.delayed { connector = kafka, topic = flights.delayed, format = json, key = id }
          dead-letters { topic = flights.dlq }
          late { topic = flights.late }
          commit-interval = 100ms
          parallelism = {{parallelism}}
        }
        """";
}
