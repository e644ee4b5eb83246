using System.Globalization;
using System.Text.Json;
using StreamEngine.Cli.Demo;

namespace StreamEngine.Cli.Soak;

/// <summary>
/// Flights without end, and at each moment the rows that flights.conf has to bring out for those that were fed so far, in plain C# with nothing of the engine. Event
/// time runs with the rows, 100 to a minute, up to an hour out of order. What a reader has seen is forgotten, so that the memory of a long campaign is that of its open
/// windows.
/// </summary>
internal sealed class SoakOracle
{
    private const int RowsOfMinute = 100;
    private const int Hours = 24;
    private static readonly DateTime Start = new(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    private readonly Lock _lock = new();
    private readonly Flight[] _flights;
    private readonly DateTime[] _newest;
    private readonly SortedDictionary<DateTime, Dictionary<string, Tally>> _hours = [];
    private readonly SortedDictionary<DateTime, Dictionary<(string Origin, string Destination), Tally>> _routes = [];
    private readonly HashSet<string> _expected = [];
    private long _fed;
    private long _dirty;

    private sealed class Tally
    {
        public long Flights;
        public long Delay;
        public int Worst = int.MinValue;

        public double Average => (double)Delay / Flights;
    }

    public SoakOracle(string file, int partitions)
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        _flights = [.. File.ReadLines(file).Where(l => l.Length > 0).Select(l => JsonSerializer.Deserialize<Flight>(l, options)!)];
        _newest = new DateTime[partitions];
    }

    /// <summary>Records handed out.</summary>
    public long Fed
    {
        get { lock (_lock) return _fed; }
    }

    /// <summary>Spoilt ones among them.</summary>
    public long Dirty
    {
        get { lock (_lock) return _dirty; }
    }

    /// <summary>Rows and dead letters that no reader has seen yet.</summary>
    public int Missing
    {
        get { lock (_lock) return _expected.Count; }
    }

    /// <summary>Some of them, for messages.</summary>
    public IReadOnlyList<string> Some
    {
        get { lock (_lock) return [.. _expected.Take(3)]; }
    }

    /// <summary>Records, one after the other over the partitions, until it is told to end.</summary>
    public IEnumerable<FedRecord> Feed(Func<bool> goesOn)
    {
        for (var i = 0L; goesOn(); i++) yield return Next(i);
    }

    private FedRecord Next(long i)
    {
        var date = Start.AddMinutes(i / RowsOfMinute + 60 - i * 7919 % 60);
        var flight = _flights[i % _flights.Length] with { Date = date.ToString("yyyy/MM/dd HH:mm", CultureInfo.InvariantCulture) };
        var record = DirtyFlights.Of(i, flight);
        lock (_lock)
        {
            _fed++;
            var partition = (int)(i % _newest.Length);
            if (record.Clean is null)
            {
                _dirty++;
                _expected.Add(DeadLetterText(partition, i / _newest.Length));
                return record;
            }
            Count(flight, date);
            if (date > _newest[partition]) _newest[partition] = date;
            if (_newest.Min() is var least && least > Start) Close(least - ExpectedRows.OutOfOrderness);
        }
        return record;
    }

    private void Count(Flight flight, DateTime date)
    {
        var hour = new DateTime(date.Year, date.Month, date.Day, date.Hour, 0, 0);
        Add(_hours, hour.AddHours(1), flight.Origin, flight);
        for (var h = 1; h <= Hours; h++) Add(_routes, hour.AddHours(h), (flight.Origin, flight.Destination), flight);
    }

    private static void Add<T>(SortedDictionary<DateTime, Dictionary<T, Tally>> windows, DateTime end, T key, Flight flight)
        where T : notnull
    {
        if (!windows.TryGetValue(end, out var window)) windows[end] = window = [];
        if (!window.TryGetValue(key, out var tally)) window[key] = tally = new Tally();
        tally.Flights++;
        tally.Delay += flight.Delay;
        tally.Worst = Math.Max(tally.Worst, flight.Delay);
    }

    private void Close(DateTime watermark)
    {
        while (_hours.Count > 0 && _hours.First() is var hours && hours.Key <= watermark)
        {
            foreach (var (origin, t) in hours.Value) _expected.Add(HourText(ExpectedRows.Hour(hours.Key.AddHours(-1), origin, t.Flights, t.Average, t.Worst)));
            _hours.Remove(hours.Key);
        }
        while (_routes.Count > 0 && _routes.First() is var routes && routes.Key <= watermark)
        {
            foreach (var ((origin, destination), t) in routes.Value)
                if (t.Flights >= ExpectedRows.LeastFlightsOfRoute)
                    _expected.Add(RouteText(ExpectedRows.Route(routes.Key, origin, destination, t.Flights, t.Average)));
            _routes.Remove(routes.Key);
        }
    }

    public static string HourText(string row) => $"hourly {row}";

    public static string RouteText(string row) => $"routes {row}";

    public static string DeadLetterText(int partition, long offset) => string.Create(CultureInfo.InvariantCulture, $"dead letter {partition}@{offset}");

    /// <summary>Takes a row that was seen from those that have to come; false for one that nobody expects, or that came before.</summary>
    public bool TrySee(string text)
    {
        lock (_lock) return _expected.Remove(text);
    }
}
