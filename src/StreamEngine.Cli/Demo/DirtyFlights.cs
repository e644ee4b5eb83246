using System.Text;
using System.Text.Json;

namespace StreamEngine.Cli.Demo;

/// <summary>A flight of the demo's data.</summary>
internal sealed record Flight(string Date, int Delay, int Distance, string Origin, string Destination);

/// <summary>A record that is fed: its bytes, and the flight where it is a clean one.</summary>
internal readonly record struct FedRecord(byte[] Value, Flight? Clean);

/// <summary>The demo's flights, one of each hundred spoilt, in ten different ways and every partition by turns: the same on every run.</summary>
internal static class DirtyFlights
{
    private static readonly Func<Flight, byte[]>[] Ways =
    [
        f => Line(f)[..40],
        _ => "the departure board is out of order"u8.ToArray(),
        f => NoUtf8(Line(f)),
        f => Text($$"""{"date":"{{f.Date}}","delay":"{{f.Delay}} min","distance":{{f.Distance}},"origin":"{{f.Origin}}","destination":"{{f.Destination}}"}"""),
        f => Text($$"""{"date":"{{f.Date}}","delay":{{f.Delay}},"distance":{{f.Distance}},"destination":"{{f.Destination}}"}"""),
        f => Text($$"""{"date":null,"delay":{{f.Delay}},"distance":{{f.Distance}},"origin":"{{f.Origin}}","destination":"{{f.Destination}}"}"""),
        f => Line(f with { Date = f.Date.Replace('/', '-') }),
        f => Line(f with { Delay = 99_999 }),
        f => Line(f with { Distance = -f.Distance }),
        f => Line(f with { Date = "2199" + f.Date[4..] }),
    ];

    /// <summary>Records between two spoilt ones.</summary>
    public const int Every = 100;

    public static IReadOnlyList<FedRecord> Read(string file)
    {
        var records = new List<FedRecord>();
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        foreach (var line in File.ReadLines(file))
        {
            if (line.Length == 0) continue;
            var flight = JsonSerializer.Deserialize<Flight>(line, options) ?? throw new InvalidDataException($"line {records.Count + 1} of {file} is no flight");
            records.Add(Of(records.Count, flight));
        }
        return records;
    }

    /// <summary>A flight as it is fed at a place of the input: as it is, or spoilt.</summary>
    public static FedRecord Of(long index, Flight flight) => index % Every == Every / 3 + index / Every % 4
        ? new FedRecord(Ways[(int)(index / Every % Ways.Length)](flight), null) : new FedRecord(Line(flight), flight);

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Line(Flight f) =>
        Text($$"""{"date":"{{f.Date}}","delay":{{f.Delay}},"distance":{{f.Distance}},"origin":"{{f.Origin}}","destination":"{{f.Destination}}"}""");

    private static byte[] NoUtf8(byte[] line)
    {
        var at = line.AsSpan().IndexOf("\"origin\":\""u8) + 10;
        line[at] = 0xFF;
        return line;
    }
}
