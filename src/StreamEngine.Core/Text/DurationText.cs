using System.Globalization;

namespace StreamEngine.Core;

/// <summary>Durations as a pipeline file has them: 30s, 1d, 250ms, infinite. What a message shows can be written into the file.</summary>
internal static class DurationText
{
    // Above it the digits say less than a larger unit with a fraction does.
    private const long MostOfUnit = 99_999;

    private static readonly (string Name, long Ticks)[] Units =
    [
        ("d", TimeSpan.TicksPerDay), ("h", TimeSpan.TicksPerHour), ("m", TimeSpan.TicksPerMinute), ("s", TimeSpan.TicksPerSecond), ("ms", TimeSpan.TicksPerMillisecond),
    ];

    /// <summary>
    /// In the largest unit that leaves a whole number; where that has too many digits, in the largest one that fits in, with three digits behind the point.
    /// </summary>
    public static string Of(TimeSpan time)
    {
        if (time == TimeSpan.MaxValue) return "infinite";
        if (time == TimeSpan.Zero) return "0s";
        foreach (var (name, ticks) in Units)
            if (time.Ticks % ticks == 0 && Math.Abs(time.Ticks / ticks) <= MostOfUnit) return string.Create(CultureInfo.InvariantCulture, $"{time.Ticks / ticks}{name}");
        foreach (var (name, ticks) in Units)
            if (time.Ticks >= ticks || time.Ticks <= -ticks) return string.Create(CultureInfo.InvariantCulture, $"{(decimal)time.Ticks / ticks:0.###}{name}");
        return string.Create(CultureInfo.InvariantCulture, $"{time.Ticks / 10m:0.#}us");
    }

    /// <summary>Of so many microseconds.</summary>
    public static string OfMicros(long micros) => Of(TimeSpan.FromTicks(micros * 10));
}
