using System.Globalization;
using System.Text.Json;

namespace StreamEngine.Cli.Soak;

/// <summary>What tells a row of an output from all others: whatever its values, there is one of it.</summary>
internal readonly record struct SoakPlace(string Sink, DateTime Window, string Key)
{
    public override string ToString() => Window == default ? $"{Sink} {Key}" : string.Create(CultureInfo.InvariantCulture, $"{Sink} {Window:yyyy-MM-ddTHH} {Key}");
}

/// <summary>A row of an output of flights.conf, or a dead letter, the same whether it was worked out or read.</summary>
internal readonly record struct SoakRow(SoakPlace Place, string Value)
{
    public static SoakRow Hour(DateTime start, string origin, long flights, double average, long worst) =>
        new(new SoakPlace("hourly", start, origin), string.Create(CultureInfo.InvariantCulture, $"{flights} flights, average delay {average:R}, worst {worst}"));

    public static SoakRow Route(DateTime end, string origin, string destination, long flights, double average) =>
        new(new SoakPlace("routes", end, $"{origin} to {destination}"), string.Create(CultureInfo.InvariantCulture, $"{flights} flights, average delay {average:R}"));

    /// <summary>That a record of the input is refused, whatever for.</summary>
    public static SoakRow DeadLetter(int partition, long offset) =>
        new(new SoakPlace("dead letter", default, string.Create(CultureInfo.InvariantCulture, $"{partition}@{offset}")), "");

    public static SoakRow ReadHour(JsonElement row) => Hour(Time(row, "window_start"), row.GetProperty("origin").GetString()!, row.GetProperty("flights").GetInt64(),
        row.GetProperty("average_delay").GetDouble(), row.GetProperty("worst_delay").GetInt64());

    public static SoakRow ReadRoute(JsonElement row) => Route(Time(row, "window_end"), row.GetProperty("origin").GetString()!,
        row.GetProperty("destination").GetString()!, row.GetProperty("flights").GetInt64(), row.GetProperty("average_delay").GetDouble());

    private static DateTime Time(JsonElement row, string name) =>
        DateTime.Parse(row.GetProperty(name).GetString()!, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal);

    public override string ToString() => Value.Length == 0 ? $"{Place}" : $"{Place}: {Value}";
}
