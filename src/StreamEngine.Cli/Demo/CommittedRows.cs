using System.Globalization;
using System.Text.Json;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Cli.Demo;

/// <summary>How the committed rows of a topic compare with the expected ones.</summary>
internal readonly record struct Difference(int Rows, int Missing, int Extra)
{
    public bool IsNone => Missing == 0 && Extra == 0;
}

/// <summary>An airport over all hours that were committed.</summary>
internal sealed class Airport
{
    public long Flights;
    public double DelaySum;
    public long Worst = long.MinValue;
}

/// <summary>The demo's result as a committed reader sees it, through a consumer of its own.</summary>
internal sealed class CommittedRows(TopicReader reader)
{
    public Dictionary<string, Airport> Airports { get; } = [];

    public async Task<Difference> HourlyAsync(string topic, Dictionary<string, int> expected, CancellationToken cancellation) =>
        await CompareAsync(topic, expected, row =>
    {
        var (origin, flights, average, worst) = (row.GetProperty("origin").GetString()!, row.GetProperty("flights").GetInt64(),
            row.GetProperty("average_delay").GetDouble(), row.GetProperty("worst_delay").GetInt64());
        if (!Airports.TryGetValue(origin, out var airport)) Airports[origin] = airport = new Airport();
        airport.Flights += flights;
        airport.DelaySum += average * flights;
        airport.Worst = Math.Max(airport.Worst, worst);
        return Hour(row);
    }, cancellation);

    public async Task<Difference> RoutesAsync(string topic, Dictionary<string, int> expected, CancellationToken cancellation) =>
        await CompareAsync(topic, expected, Route, cancellation);

    /// <summary>The canonical text of a row of the hourly output.</summary>
    public static string Hour(JsonElement row) => ExpectedRows.Hour(Time(row, "window_start"), row.GetProperty("origin").GetString()!,
        row.GetProperty("flights").GetInt64(), row.GetProperty("average_delay").GetDouble(), row.GetProperty("worst_delay").GetInt64());

    /// <summary>The canonical text of a row of the routes.</summary>
    public static string Route(JsonElement row) => ExpectedRows.Route(Time(row, "window_end"), row.GetProperty("origin").GetString()!,
        row.GetProperty("destination").GetString()!, row.GetProperty("flights").GetInt64(), row.GetProperty("average_delay").GetDouble());

    private async Task<Difference> CompareAsync(string topic, Dictionary<string, int> expected, Func<JsonElement, string> canonical, CancellationToken cancellation)
    {
        var left = new Dictionary<string, int>(expected);
        var (rows, extra) = (0, 0);
        await foreach (var record in reader.ReadAsync(new ReadRequest(topic) { ReadCommitted = true }, cancellation))
        {
            rows++;
            using var document = JsonDocument.Parse(record.Value ?? []);
            var text = canonical(document.RootElement);
            if (left.GetValueOrDefault(text) > 0) left[text]--;
            else extra++;
        }
        return new Difference(rows, left.Values.Sum(), extra);
    }

    /// <summary>All records of a topic, also those of transactions that were aborted.</summary>
    public async Task<long> CountAsync(string topic, bool committed, CancellationToken cancellation)
    {
        var count = 0L;
        await foreach (var _ in reader.ReadAsync(new ReadRequest(topic) { ReadCommitted = committed }, cancellation)) count++;
        return count;
    }

    private static DateTime Time(JsonElement row, string name) =>
        DateTime.Parse(row.GetProperty(name).GetString()!, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal);
}
