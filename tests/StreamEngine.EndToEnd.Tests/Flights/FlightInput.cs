using System.Globalization;
using System.Text;

namespace StreamEngine.EndToEnd.Tests.Flights;

/// <summary>What to generate.</summary>
/// <param name="Seed">The same seed gives the same rows.</param>
/// <param name="Rows">How many.</param>
/// <param name="Days">The event time that they cover.</param>
internal sealed record FlightPlan(int Seed, int Rows, int Days)
{
    /// <summary>The part of the rows that each partition gets, in percent.</summary>
    public int[] Weights { get; init; } = [55, 30, 11, 4];

    /// <summary>One row of so many is late; 0: none.</summary>
    public int LateEvery { get; init; } = 40;

    /// <summary>One row of so many cannot be used; 0: none.</summary>
    public int DirtyEvery { get; init; } = 60;

    /// <summary>Rows at the end of each partition that close every window before them.</summary>
    public bool Closing { get; init; } = true;
}

/// <summary>
/// Rows like the flights of 2001, made from a seed: nearly in order (within the bound of an hour), over uneven partitions, some late, some dirty in eleven ways, some
/// that one expression alone fails on.
/// </summary>
internal static class FlightInput
{
    public const int OutOfOrderMinutes = 60;

    private static readonly string[] Airports = ["ATL", "DFW", "ORD", "LAX", "JFK", "SFO", "DEN", "a rather long airport's name", "Zürich \"Kloten\""];
    private static readonly long Start = new DateTimeOffset(2001, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds() / 60;

    public static IReadOnlyList<Flight> Generate(FlightPlan plan)
    {
        var random = new Random(plan.Seed);
        var offsets = new long[plan.Weights.Length];
        var flights = new List<Flight>(plan.Rows + offsets.Length);
        var minutes = plan.Days * 1440L;
        for (var i = 0; i < plan.Rows; i++)
        {
            var partition = Pick(random, plan.Weights);
            var now = Start + i * minutes / plan.Rows;
            var late = plan.LateEvery > 0 && random.Next(plan.LateEvery) == 0 ? random.Next(60, 1000) : 0;
            flights.Add(Row(random, plan, i, partition, offsets[partition]++, now, now - random.Next(OutOfOrderMinutes) - late));
        }
        for (var p = 0; plan.Closing && p < offsets.Length; p++)
        {
            var at = Start + minutes + 3 * 1440;
            flights.Add(Row(random, plan with { DirtyEvery = 0 }, plan.Rows + p, p, offsets[p]++, at, at));
        }
        return flights;
    }

    private static int Pick(Random random, int[] weights)
    {
        var at = random.Next(weights.Sum());
        for (var i = 0; ; at -= weights[i++])
            if (at < weights[i]) return i;
    }

    private static Flight Row(Random random, FlightPlan plan, int id, int partition, long offset, long now, long minute)
    {
        // A record is stamped when it was written, which is never before the flight.
        var row = new Flight(id, partition, offset, now * 60_000, null)
        {
            Minute = minute,
            // One of thirty has the delay that the pass-through divides by zero with.
            Delay = random.Next(30) == 0 ? 100 : random.Next(-30, 240),
            Distance = random.Next(60, 3000),
            Origin = Airports[random.Next(Airports.Length)],
            Destination = Airports[random.Next(Airports.Length)],
        };
        return plan.DirtyEvery > 0 && random.Next(plan.DirtyEvery) == 0 ? Dirty(row, random) : row with { Value = Encode(Json(row)) };
    }

    private static byte[] Encode(string text) => Encoding.UTF8.GetBytes(text);

    private static string Json(Flight row, string? date = null, string? delay = null, string? distance = null, string? origin = null)
    {
        date ??= Quote(Date(row.Minute));
        delay ??= $"{row.Delay}";
        distance ??= $"{row.Distance}";
        origin ??= Quote(row.Origin);
        return $$"""{"id":{{row.Id}},"date":{{date}},"delay":{{delay}},"distance":{{distance}},"origin":{{origin}},"destination":{{Quote(row.Destination)}}}""";
    }

    private static string Date(long minute) => DateTimeOffset.FromUnixTimeSeconds(minute * 60).ToString("yyyy/MM/dd HH:mm", CultureInfo.InvariantCulture);

    private static string Quote(string text) => $"\"{text.Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static Flight Dirty(Flight row, Random random)
    {
        switch (random.Next(11))
        {
            case 0: return row with { Refused = "decode", Value = Encode("{\"id\":" + row.Id) };
            case 1: return row with { Refused = "decode", Value = null };
            case 2: return row with { Refused = "contract", Value = Encode(Json(row, delay: "\"soon\"")) };
            case 3: return row with { Refused = "contract", Value = Encode(Json(row, origin: "null")) };
            case 4: return row with { Refused = "contract", Value = Encode(Json(row, date: "\"2001/13/45 99:99\"")) };
            case 5: return row with { Refused = "contract", Value = Encode(Json(row, distance: "1e30")) };
            case 6: return row with { Refused = "rule", Rule = "plausible-delay", Value = Encode(Json(row, delay: "9999")) };
            case 7: return row with { Refused = "rule", Rule = "plausible-delay", Value = Encode(Json(row, delay: "null")) };
            case 8: return row with { Refused = "rule", Rule = "positive-distance", Value = Encode(Json(row, distance: "0")) };
            case 9: return row with { Refused = "event-time", Value = Encode(Json(row, date: "\"2004/02/29 12:00\"")) };
            default: return row with { Refused = "decode contract", Value = [.. Encode(Json(row)).TakeWhile(b => b != (byte)'a'), 0xC3, 0x28, .. Encode("\"}")] };
        }
    }
}
