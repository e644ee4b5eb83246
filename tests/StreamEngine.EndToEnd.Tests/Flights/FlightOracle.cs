using System.Globalization;

namespace StreamEngine.EndToEnd.Tests.Flights;

/// <summary>A dead letter or late row that has to come.</summary>
/// <param name="Flight">The input record.</param>
/// <param name="Stages">The stages that may be blamed, separated by blanks.</param>
/// <param name="Insert">The INSERT, or * where it failed for all.</param>
internal sealed record ExpectedSide(Flight Flight, string Stages, string Insert);

/// <summary>The sums of an INSERT's conservation lines, and what its last one still holds.</summary>
internal sealed record ExpectedLine(long In, long Done, long Filtered, long Late, long DeadLettered, long HeldAfter);

/// <summary>What has to come out, computed from the definitions in plain loops: row by row in the order of each partition, with nothing of the engine's.</summary>
internal sealed class FlightOracle
{
    private const long Bound = FlightInput.OutOfOrderMinutes;

    private readonly Dictionary<(long Start, string Origin), List<Flight>> _hours = [];
    private readonly Dictionary<(long End, string Origin, string Destination), List<Flight>> _routes = [];
    private readonly List<(string Insert, long LastEnd)> _counted = [];

    public FlightOracle(IReadOnlyList<Flight> flights)
    {
        var newest = new Dictionary<int, long>();
        foreach (var flight in flights)
        {
            if (flight.Refused is not null)
            {
                DeadLetters.Add(new ExpectedSide(flight, flight.Refused, "*"));
                continue;
            }
            var watermark = newest.TryGetValue(flight.Partition, out var seen) ? seen - Bound : long.MinValue;
            newest[flight.Partition] = Math.Max(seen, flight.Minute);
            Window(flight, watermark);
            Pass(flight);
        }
        // The common watermark: the least over the partitions. None is idle in these tests; one without a usable row would hold everything.
        Watermark = newest.Values.Min() - Bound;
        Rows["flights.hourly"] = [.. _hours.Where(h => h.Key.Start + 60 <= Watermark).Select(h => Hour(h.Key.Start, h.Key.Origin, h.Value))];
        Rows["flights.routes"] = [.. _routes.Where(r => r.Key.End <= Watermark && r.Value.Count >= 2)
            .Select(r => Route(r.Key.End, r.Key.Origin, r.Key.Destination, r.Value))];
        foreach (var insert in new[] { "hourly", "routes", "delayed" }) Lines[insert] = Line(insert, flights.Count);
    }

    /// <summary>Minutes since 1970.</summary>
    public long Watermark { get; }

    public Dictionary<string, List<string>> Rows { get; } = new() { ["flights.delayed"] = [] };

    public List<ExpectedSide> DeadLetters { get; } = [];

    public List<ExpectedSide> Late { get; } = [];

    public Dictionary<string, ExpectedLine> Lines { get; } = [];

    /// <summary>Whether a reader has seen as many records as must come.</summary>
    public bool IsReachedBy(Suite.CommittedReader reader) =>
        Rows.All(r => reader.Count(r.Key) >= r.Value.Count)
        && reader.Count(FlightPipeline.DeadLetters) >= DeadLetters.Count && reader.Count(FlightPipeline.Late) >= Late.Count;

    private void Window(Flight flight, long watermark)
    {
        var start = Floor(flight.Minute);
        if (start + 60 <= watermark) Late.Add(new ExpectedSide(flight, "late", "hourly"));
        else
        {
            Add(_hours, (start, flight.Origin), flight);
            _counted.Add(("hourly", start + 60));
        }
        var last = start + 360;
        if (last <= watermark) Late.Add(new ExpectedSide(flight, "late", "routes"));
        else
        {
            for (var end = start + 60; end <= last; end += 60)
                if (end > watermark) Add(_routes, (end, flight.Origin, flight.Destination), flight);
            _counted.Add(("routes", last));
        }
    }

    private void Pass(Flight flight)
    {
        if (flight.Delay <= 15) return;
        if (flight.Delay == 100) DeadLetters.Add(new ExpectedSide(flight, "expression", "delayed"));
        else Rows["flights.delayed"].Add($"date={Time(flight.Minute)} delay={flight.Delay} id={flight.Id} odd={1000 / (flight.Delay - 100)} origin={flight.Origin}");
    }

    private ExpectedLine Line(string insert, int rows)
    {
        var dead = DeadLetters.Count(d => d.Insert == "*" || d.Insert == insert);
        var late = Late.Count(l => l.Insert == insert);
        var held = _counted.Count(c => c.Insert == insert && c.LastEnd > Watermark);
        var done = insert == "delayed" ? Rows["flights.delayed"].Count : rows - dead - late - held;
        return new ExpectedLine(rows, done, rows - dead - late - held - done, late, dead, held);
    }

    private static void Add<T>(Dictionary<T, List<Flight>> to, T key, Flight flight)
        where T : notnull
    {
        if (!to.TryGetValue(key, out var list)) to[key] = list = [];
        list.Add(flight);
    }

    private static long Floor(long minute) => minute / 60 * 60;

    private static string Hour(long start, string origin, List<Flight> flights)
    {
        var average = Number(((double)flights.Sum(f => f.Delay) / flights.Count).ToString("R", CultureInfo.InvariantCulture));
        var worst = flights.Max(f => f.Delay);
        var (places, miles) = (flights.Select(f => f.Destination).Distinct().Count(), flights.Sum(f => (long)f.Distance));
        return $"average_delay={average} destinations={places} flights={flights.Count} miles={miles} origin={origin} window_start={Time(start)} worst_delay={worst}";
    }

    private static string Route(long end, string origin, string destination, List<Flight> flights) =>
        $"best_delay={flights.Min(f => f.Delay)} destination={destination} flights={flights.Count} origin={origin} window_end={Time(end)}";

    private static string Time(long minute) => DateTimeOffset.FromUnixTimeSeconds(minute * 60).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>A number's text without the freedoms that JSON leaves: 12.50, 12.5 and 1.25e1 are one value.</summary>
    public static string Number(string json) =>
        decimal.TryParse(json, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value.ToString("G29", CultureInfo.InvariantCulture) : json;
}
