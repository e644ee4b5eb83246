using System.Globalization;
using System.Text.Json;
using StreamEngine.Cli.Demo;

namespace StreamEngine.Cli.Soak;

/// <summary>
/// Flights without end, and at each moment the rows that flights.conf has to bring out for those that were fed so far, in plain C# with nothing of the engine. Event
/// time runs with the rows, 100 to a minute, up to an hour out of order; the last rows are so far ahead that every window of the others closes. What a reader has seen
/// is soon forgotten, so that the memory of a long campaign is that of its open windows.
/// </summary>
internal sealed class SoakOracle
{
    private const int RowsOfMinute = 100;
    private const int Hours = 24;

    /// <summary>Rows that were seen and are remembered, to tell one that comes twice from one that nobody expects.</summary>
    private const int Remembered = 50_000;

    /// <summary>The longest window, how much a partition may be out of order, and the hour that is begun.</summary>
    private static readonly TimeSpan FarAhead = TimeSpan.FromHours(Hours + 2);
    private static readonly DateTime Start = new(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    private readonly Lock _lock = new();
    private readonly Flight[] _flights;
    private readonly DateTime[] _newest;
    private readonly SortedDictionary<DateTime, Dictionary<string, Tally>> _hours = [];
    private readonly SortedDictionary<DateTime, Dictionary<(string Origin, string Destination), Tally>> _routes = [];
    private readonly Dictionary<SoakPlace, string> _expected = [];
    private readonly Dictionary<SoakPlace, string> _seen = [];
    private readonly Queue<SoakPlace> _oldest = [];
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

    /// <summary>Rows in windows that are open; once the feed has ended, the last ones alone.</summary>
    public long Held
    {
        get { lock (_lock) return _hours.Values.Sum(window => window.Values.Sum(t => t.Flights)); }
    }

    /// <summary>Rows and dead letters that no reader has seen yet.</summary>
    public int Missing
    {
        get { lock (_lock) return _expected.Count; }
    }

    /// <summary>Some of them, for messages.</summary>
    public IReadOnlyList<SoakRow> Some(int most)
    {
        lock (_lock) return [.. _expected.Take(most).Select(e => new SoakRow(e.Key, e.Value))];
    }

    /// <summary>Records, one after the other over the partitions, until it is told to end; then those that close all windows.</summary>
    public IEnumerable<FedRecord> Feed(Func<bool> goesOn)
    {
        var i = 0L;
        for (; goesOn(); i++) yield return Next(i, Start.AddMinutes(i / RowsOfMinute + 60 - i * 7919 % 60));
        var far = Start.AddMinutes(i / RowsOfMinute + 60) + FarAhead;
        // Two for each partition: one of them may be spoilt, and then moves no watermark.
        for (var end = i + 2 * _newest.Length; i < end; i++) yield return Next(i, far);
    }

    private FedRecord Next(long i, DateTime date)
    {
        var flight = _flights[i % _flights.Length] with { Date = date.ToString("yyyy/MM/dd HH:mm", CultureInfo.InvariantCulture) };
        var record = DirtyFlights.Of(i, flight);
        lock (_lock)
        {
            _fed++;
            var partition = (int)(i % _newest.Length);
            if (record.Clean is null)
            {
                _dirty++;
                Expect(SoakRow.DeadLetter(partition, i / _newest.Length));
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
            foreach (var (origin, t) in hours.Value) Expect(SoakRow.Hour(hours.Key.AddHours(-1), origin, t.Flights, t.Average, t.Worst));
            _hours.Remove(hours.Key);
        }
        while (_routes.Count > 0 && _routes.First() is var routes && routes.Key <= watermark)
        {
            foreach (var ((origin, destination), t) in routes.Value)
                if (t.Flights >= ExpectedRows.LeastFlightsOfRoute) Expect(SoakRow.Route(routes.Key, origin, destination, t.Flights, t.Average));
            _routes.Remove(routes.Key);
        }
    }

    private void Expect(SoakRow row) => _expected.Add(row.Place, row.Value);

    /// <summary>Takes a row that was seen from those that have to come, and says what is wrong with it; null where nothing is.</summary>
    public string? See(SoakRow row)
    {
        lock (_lock)
        {
            if (_expected.Remove(row.Place, out var value))
            {
                Remember(row.Place, value);
                return row.Value == value ? null : $"differs: {row}, and it has to be {value}";
            }
            if (!_seen.TryGetValue(row.Place, out var before)) return $"is one that nobody expects: {row}";
            return row.Value == before ? $"comes twice: {row}" : $"comes twice, and differs: {row}, where {before} came before";
        }
    }

    private void Remember(SoakPlace place, string value)
    {
        _seen[place] = value;
        _oldest.Enqueue(place);
        if (_oldest.Count > Remembered) _seen.Remove(_oldest.Dequeue());
    }
}
