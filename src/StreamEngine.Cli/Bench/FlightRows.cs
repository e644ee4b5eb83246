using System.Globalization;
using System.Text.Json;
using StreamEngine.Cli.Demo;

namespace StreamEngine.Cli.Bench;

/// <summary>An hour of an airport, as the hourly windows bring it out.</summary>
internal readonly record struct HourRow(DateTime Start, string Origin, long Flights, double Average, int Worst)
{
    public static HourRow Read(JsonElement row) => new(row.GetProperty("window_start").GetDateTime(), row.GetProperty("origin").GetString()!,
        row.GetProperty("flights").GetInt64(), row.GetProperty("average_delay").GetDouble(), row.GetProperty("worst_delay").GetInt32());
}

/// <summary>A flight that is passed on.</summary>
internal readonly record struct CopyRow(DateTime Date, int Delay, int Distance, string Origin, string Destination)
{
    public static CopyRow Read(JsonElement row) => new(row.GetProperty("date").GetDateTime(), row.GetProperty("delay").GetInt32(), row.GetProperty("distance").GetInt32(),
        row.GetProperty("origin").GetString()!, row.GetProperty("destination").GetString()!);
}

/// <summary>
/// What the flights of a benchmark have to come to, made of the sample in plain C# with nothing of the engine: the rows of <see cref="FlightsFile"/>, dealt out to the
/// partitions one by one.
/// </summary>
internal sealed class FlightRows(IReadOnlyList<Flight> sample, long rows, int partitions)
{
    private static readonly TimeSpan OutOfOrderness = TimeSpan.FromHours(1);
    private static readonly TimeSpan Window = TimeSpan.FromHours(1);

    /// <summary>The flights of a file in the sample's form.</summary>
    public static FlightRows Of(string sample, long rows, int partitions)
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        return new FlightRows([.. File.ReadLines(sample).Select(l => JsonSerializer.Deserialize<Flight>(l, options)!)], rows, partitions);
    }

    /// <summary>What closes no window any more: event time only grows, so that the partition with the oldest last row decides.</summary>
    private DateTime Watermark => rows < partitions ? DateTime.MinValue : FlightsFile.DateOf(rows - partitions) - OutOfOrderness;

    /// <summary>Rows in windows that stay open.</summary>
    public long Held
    {
        get
        {
            var held = 0L;
            while (held < rows && HourOf(FlightsFile.DateOf(rows - held - 1)) + Window > Watermark) held++;
            return held;
        }
    }

    /// <summary>The rows of the windows that are closed.</summary>
    public Dictionary<HourRow, int> Hours()
    {
        var hours = new Dictionary<(DateTime, string), (long Flights, long Delay, int Worst)>();
        for (var n = 0L; n < rows; n++)
        {
            var (start, flight) = (HourOf(FlightsFile.DateOf(n)), FlightOf(n));
            if (start + Window > Watermark) break;
            hours[(start, flight.Origin)] = hours.TryGetValue((start, flight.Origin), out var hour)
                ? (hour.Flights + 1, hour.Delay + flight.Delay, Math.Max(hour.Worst, flight.Delay)) : (1, flight.Delay, flight.Delay);
        }
        return hours.ToDictionary(h => new HourRow(h.Key.Item1, h.Key.Item2, h.Value.Flights, (double)h.Value.Delay / h.Value.Flights, h.Value.Worst), _ => 1);
    }

    /// <summary>The flights with a delay of more than so many minutes.</summary>
    public Dictionary<CopyRow, int> Copies(int delay)
    {
        var copies = new Dictionary<CopyRow, int>();
        for (var n = 0L; n < rows; n++)
        {
            var flight = FlightOf(n);
            if (flight.Delay <= delay) continue;
            var row = new CopyRow(FlightsFile.DateOf(n), flight.Delay, flight.Distance, flight.Origin, flight.Destination);
            copies[row] = copies.GetValueOrDefault(row) + 1;
        }
        return copies;
    }

    private Flight FlightOf(long n) => sample[(int)(n % sample.Count)];

    private static DateTime HourOf(DateTime date) => new(date.Year, date.Month, date.Day, date.Hour, 0, 0, DateTimeKind.Utc);

    /// <summary>What is wrong with the rows of an output; null where each is there as often as it has to be.</summary>
    public static async Task<string?> DifferenceAsync<TRow>(IReadOnlyDictionary<TRow, int> expected, IAsyncEnumerable<TRow> output)
        where TRow : notnull
    {
        var left = new Dictionary<TRow, int>(expected);
        var (extra, first) = (0L, default(TRow));
        await foreach (var row in output)
        {
            if (left.TryGetValue(row, out var count) && count > 0) left[row] = count - 1;
            else if (extra++ == 0) first = row;
        }
        var missing = left.Where(l => l.Value > 0).ToList();
        if (missing.Count == 0 && extra == 0) return null;
        return string.Create(CultureInfo.InvariantCulture,
            $"{missing.Sum(m => (long)m.Value):N0} rows are missing{(missing.Count > 0 ? $", the first is {missing[0].Key}" : "")}; {extra:N0} are doubled or wrong{(extra > 0 ? $", the first is {first}" : "")}");
    }
}
