using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using StreamEngine.Cli.Processes;

namespace StreamEngine.Cli.Bench;

/// <summary>What a benchmark says: of the round with the median time.</summary>
internal sealed record BenchResult
{
    private static readonly JsonSerializerOptions Json = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    [JsonPropertyName("bench")]
    public required string Name { get; init; }

    [JsonPropertyName("rows")]
    public required long Rows { get; init; }

    [JsonPropertyName("seconds")]
    public required double Seconds { get; init; }

    [JsonPropertyName("rows_per_s")]
    public double RowsPerSecond => Math.Round(Rows / Seconds);

    [JsonPropertyName("cpu_seconds")]
    public required double CpuSeconds { get; init; }

    [JsonPropertyName("allocated_bytes_per_row")]
    public required double AllocatedBytesPerRow { get; init; }

    [JsonPropertyName("peak_rss_mb")]
    public required double PeakRssMb { get; init; }

    /// <summary>For what is counted in batches.</summary>
    [JsonPropertyName("ns_per_batch")]
    public double? NanosPerBatch { get; init; }

    /// <summary>Against what the benchmark compares with, above 1 is faster.</summary>
    [JsonPropertyName("ratio")]
    public double? Ratio { get; init; }

    /// <summary>Of what is measured one by one: the median, milliseconds.</summary>
    [JsonPropertyName("p50_ms")]
    public double? P50Millis { get; init; }

    /// <summary>What 99 of 100 stay under, milliseconds.</summary>
    [JsonPropertyName("p99_ms")]
    public double? P99Millis { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Name,-16} {Rows,12:N0} rows {Seconds,8:0.000} s {RowsPerSecond,14:N0} rows/s {CpuSeconds,8:0.000} cpu s {AllocatedBytesPerRow,9:0.000} B/row {PeakRssMb,7:N0} MB") + Extras();

    private string Extras() => string.Create(CultureInfo.InvariantCulture,
        $"{(NanosPerBatch is { } ns ? $" {ns,9:N0} ns/batch" : "")}{(Ratio is { } ratio ? $"  ratio {ratio:0.00}" : "")}{(P99Millis is { } p99 ? $"  p50 {P50Millis:0} ms  p99 {p99:0} ms" : "")}");
}

/// <summary>Runs rounds of a benchmark: some to warm up, then some of which the median counts.</summary>
internal static class Measurement
{
    private const int Rounds = 5;
    private const int Pairs = 11;
    private const double WarmUpSeconds = 1.5;

    /// <summary>A round that is synchronous.</summary>
    public static BenchResult Of(string name, long rows, Action round)
    {
        var start = TimeProvider.System.GetTimestamp();
        for (var warm = 0; warm < 2 || TimeProvider.System.GetElapsedTime(start).TotalSeconds < WarmUpSeconds; warm++) round();
        return Median(name, rows, [.. Enumerable.Range(0, Rounds).Select(_ => Once(round))]);
    }

    /// <summary>
    /// Two ways to do the same, by turns, so that what else the machine does meets both: the second one's median, and how much faster it is than the first one's round
    /// just before, in the median of all pairs.
    /// </summary>
    public static BenchResult Against(string name, long rows, Action other, Action round)
    {
        var start = TimeProvider.System.GetTimestamp();
        for (var warm = 0; warm < 3 || TimeProvider.System.GetElapsedTime(start).TotalSeconds < 2 * WarmUpSeconds; warm++)
        {
            other();
            round();
        }
        var pairs = Enumerable.Range(0, Pairs).Select(_ => (Other: Once(other), Round: Once(round))).ToList();
        var ratios = pairs.Select(p => p.Other.Seconds / p.Round.Seconds).Order().ToList();
        return Median(name, rows, [.. pairs.Select(p => p.Round)]) with { Ratio = Math.Round(ratios[ratios.Count / 2], 3) };
    }

    private static Sample Once(Action round)
    {
        var begin = Begin();
        round();
        return begin.End();
    }

    public static BenchResult Median(string name, long rows, List<Sample> samples)
    {
        var sample = samples.OrderBy(s => s.Seconds).ElementAt(samples.Count / 2);
        return new BenchResult
        {
            Name = name,
            Rows = rows,
            Seconds = Math.Round(sample.Seconds, 4),
            CpuSeconds = Math.Round(sample.Cpu, 4),
            AllocatedBytesPerRow = Math.Round(sample.Allocated / rows, 4),
            PeakRssMb = Math.Round(PeakMemory.Of(Process.GetCurrentProcess()) / 1048576.0, 1),
        };
    }

    public static Started Begin()
    {
        GC.Collect();
        return new Started(TimeProvider.System.GetTimestamp(), Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes(precise: true));
    }

    /// <summary>A round that goes on.</summary>
    internal readonly record struct Started(long Time, TimeSpan Cpu, long Allocated)
    {
        public Sample End() => new(TimeProvider.System.GetElapsedTime(Time).TotalSeconds, (Environment.CpuUsage.TotalTime - Cpu).TotalSeconds,
            GC.GetTotalAllocatedBytes(precise: true) - Allocated);
    }

    /// <summary>A round that is over.</summary>
    internal readonly record struct Sample(double Seconds, double Cpu, double Allocated);
}
