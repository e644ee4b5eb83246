using System.Globalization;

namespace StreamEngine.Cli.Demo;

/// <summary>
/// What flights.conf has to bring out, worked out again from the input in plain C# with nothing of the engine: the rows of windows that are closed by the watermark.
/// Windows that are still open stay open at the demo's end, since a drain is no end of the data.
/// </summary>
internal sealed class ExpectedRows
{
    public static readonly TimeSpan OutOfOrderness = TimeSpan.FromHours(1);
    public const int LeastFlightsOfRoute = 3;

    /// <summary>How often each row has to be there, by its canonical text.</summary>
    public Dictionary<string, int> Hourly { get; } = [];

    public Dictionary<string, int> Routes { get; } = [];

    /// <summary>The watermark that the input leads to.</summary>
    public DateTime Watermark { get; private init; }

    public int Clean { get; private init; }

    public int Dirty { get; private init; }

    public static ExpectedRows Of(IReadOnlyList<FedRecord> records, int partitions)
    {
        var newest = new DateTime[partitions];
        var flights = new List<(DateTime Date, Flight Flight)>();
        for (var i = 0; i < records.Count; i++)
        {
            if (records[i].Clean is not { } flight || flight.Delay is < -120 or > 2000 || flight.Distance <= 0) continue;
            var date = DateTime.ParseExact(flight.Date, "yyyy/MM/dd HH:mm", CultureInfo.InvariantCulture);
            flights.Add((date, flight));
            if (date > newest[i % partitions]) newest[i % partitions] = date;
        }
        var expected = new ExpectedRows { Watermark = newest.Min() - OutOfOrderness, Clean = flights.Count, Dirty = records.Count - flights.Count };
        expected.CountHours(flights);
        expected.CountRoutes(flights);
        return expected;
    }

    private void CountHours(List<(DateTime Date, Flight Flight)> flights)
    {
        foreach (var group in flights.GroupBy(f => (Start: HourOf(f.Date), f.Flight.Origin)))
            if (group.Key.Start.AddHours(1) <= Watermark)
                Hourly[Hour(group.Key.Start, group.Key.Origin, group.Count(), Average(group.Select(f => f.Flight)), group.Max(f => f.Flight.Delay))] = 1;
    }

    private void CountRoutes(List<(DateTime Date, Flight Flight)> flights)
    {
        var windows = flights.SelectMany(f => Enumerable.Range(1, 24).Select(h => (End: HourOf(f.Date).AddHours(h), f.Flight)));
        foreach (var group in windows.Where(w => w.End <= Watermark).GroupBy(w => (w.End, w.Flight.Origin, w.Flight.Destination)))
            if (group.Count() >= LeastFlightsOfRoute)
                Routes[Route(group.Key.End, group.Key.Origin, group.Key.Destination, group.Count(), Average(group.Select(w => w.Flight)))] = 1;
    }

    public static DateTime HourOf(DateTime date) => new(date.Year, date.Month, date.Day, date.Hour, 0, 0);

    private static double Average(IEnumerable<Flight> flights)
    {
        var (sum, count) = (0L, 0L);
        foreach (var flight in flights) (sum, count) = (sum + flight.Delay, count + 1);
        return (double)sum / count;
    }

    public static string Hour(DateTime start, string origin, long flights, double average, long worst) =>
        string.Create(CultureInfo.InvariantCulture, $"{start:yyyy-MM-ddTHH} {origin} {flights} {average:R} {worst}");

    public static string Route(DateTime end, string origin, string destination, long flights, double average) =>
        string.Create(CultureInfo.InvariantCulture, $"{end:yyyy-MM-ddTHH} {origin} {destination} {flights} {average:R}");
}
