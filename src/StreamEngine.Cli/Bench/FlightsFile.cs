using System.Globalization;
using System.Text;
using StreamEngine.Cli.Processes;

namespace StreamEngine.Cli.Bench;

/// <summary>The sample's flights over and over, departing one after the other as densely as in the whole data, of which the sample holds one in 150.</summary>
internal static class FlightsFile
{
    private const int FlightsPerMinute = 23;
    private static readonly DateTime Begin = new(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    public static string Sample => Project.File("data/flights.ndjson");

    /// <summary>When flight number n departs.</summary>
    public static DateTime DateOf(long n) => Begin.AddMinutes(n / FlightsPerMinute);

    /// <summary>Writes so many flights, a JSON value a line, and answers the file's path.</summary>
    public static async Task<string> WriteAsync(string folder, long rows, CancellationToken cancellation)
    {
        var lines = await File.ReadAllLinesAsync(Sample, cancellation);
        var file = Path.Combine(folder, "flights.ndjson");
        await using var writer = new StreamWriter(file, false, new UTF8Encoding(false), 1 << 16);
        for (var n = 0L; n < rows; n++)
        {
            var line = lines[n % lines.Length];
            await writer.WriteAsync(line.AsMemory(0, 9), cancellation);
            await writer.WriteAsync(DateOf(n).ToString("yyyy/MM/dd HH:mm", CultureInfo.InvariantCulture));
            await writer.WriteLineAsync(line.AsMemory(25), cancellation);
        }
        return file;
    }
}
