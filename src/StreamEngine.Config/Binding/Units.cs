using System.Globalization;
using System.Text;

namespace StreamEngine.Config;

/// <summary>Numbers with a unit (HOCON.md, "Duration format" and "Size in bytes format").</summary>
internal static class Units
{
    private const string Durations = "use ns, us, ms, s, m, h, d";
    private const string Sizes = "use B, kB, MB, GB, TB (powers of 1000) or K, M, G, T, KiB, MiB, GiB, TiB (powers of 1024)";
    private const string Prefixes = "kmgtpe";

    /// <summary>Ticks (100 ns) per unit.</summary>
    private static readonly Dictionary<string, decimal> s_durations = new()
    {
        ["ns"] = 0.01m,
        ["nanosecond"] = 0.01m,
        ["nanoseconds"] = 0.01m,
        ["us"] = 10,
        ["microsecond"] = 10,
        ["microseconds"] = 10,
        [""] = TimeSpan.TicksPerMillisecond,
        ["ms"] = TimeSpan.TicksPerMillisecond,
        ["millisecond"] = TimeSpan.TicksPerMillisecond,
        ["milliseconds"] = TimeSpan.TicksPerMillisecond,
        ["s"] = TimeSpan.TicksPerSecond,
        ["second"] = TimeSpan.TicksPerSecond,
        ["seconds"] = TimeSpan.TicksPerSecond,
        ["m"] = TimeSpan.TicksPerMinute,
        ["minute"] = TimeSpan.TicksPerMinute,
        ["minutes"] = TimeSpan.TicksPerMinute,
        ["h"] = TimeSpan.TicksPerHour,
        ["hour"] = TimeSpan.TicksPerHour,
        ["hours"] = TimeSpan.TicksPerHour,
        ["d"] = TimeSpan.TicksPerDay,
        ["day"] = TimeSpan.TicksPerDay,
        ["days"] = TimeSpan.TicksPerDay,
    };

    private static readonly Dictionary<string, decimal> s_sizes = MakeSizes();

    /// <summary>What is wrong with the text as a duration, or null; also which part of it is meant, and what to do.</summary>
    public static string? ParseDuration(string text, out TimeSpan value, ref string? hint, ref (int, int) place)
    {
        value = default;
        if (Parse(text, "duration", s_durations, Durations, out decimal ticks, ref hint, ref place) is { } wrong) return wrong;
        if (Math.Abs(ticks) >= long.MaxValue) return $"'{Shown.Word(text)}' is too long a duration";
        value = TimeSpan.FromTicks((long)ticks);
        return null;
    }

    /// <summary>What is wrong with the text as a size in bytes, or null; also which part of it is meant, and what to do.</summary>
    public static string? ParseSize(string text, out long value, ref string? hint, ref (int, int) place)
    {
        value = 0;
        if (Parse(text, "size", s_sizes, Sizes, out decimal bytes, ref hint, ref place) is { } wrong) return wrong;
        if (Math.Abs(bytes) > long.MaxValue) return $"'{Shown.Word(text)}' is too large a size";
        value = (long)bytes;
        return null;
    }

    /// <summary>A duration as one would write it: in the largest unit that leaves a whole number.</summary>
    public static string Format(TimeSpan value)
    {
        foreach (string unit in (string[])["d", "h", "m", "s", "ms"])
        {
            long ticks = (long)s_durations[unit];
            if (value.Ticks % ticks == 0 && value.Ticks != 0) return string.Create(CultureInfo.InvariantCulture, $"{value.Ticks / ticks}{unit}");
        }
        return value.Ticks == 0 ? "0ms" : string.Create(CultureInfo.InvariantCulture, $"{value.Ticks / 10m}us");
    }

    /// <summary>A C# name as it stands in a file: <c>AtLeastOnce</c> as <c>at-least-once</c>.</summary>
    public static string Hyphenated(string name)
    {
        var text = new StringBuilder();
        foreach (char c in name)
        {
            if (char.IsUpper(c) && text.Length > 0) text.Append('-');
            text.Append(char.ToLowerInvariant(c));
        }
        return text.ToString();
    }

    private static string? Parse(string text, string kind, Dictionary<string, decimal> units, string use, out decimal value, ref string? hint, ref (int, int) place)
    {
        value = 0;
        int start = 0;
        while (start < text.Length && char.IsWhiteSpace(text[start])) start++;
        int end = start;
        while (end < text.Length && (char.IsAsciiDigit(text[end]) || text[end] is '.' or '-' or '+')) end++;
        hint = use;
        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint;
        if (end - start is 0 or > 28 || !decimal.TryParse(text.AsSpan(start, end - start), style, CultureInfo.InvariantCulture, out decimal number))
            return $"'{Shown.Word(text)}' is no {kind}: a number is expected, then a unit";
        int unitStart = end;
        while (unitStart < text.Length && char.IsWhiteSpace(text[unitStart])) unitStart++;
        string unit = text[unitStart..].TrimEnd();
        if (!units.TryGetValue(unit, out decimal factor))
        {
            place = (unitStart, unit.Length);
            if (Nearest.Of(unit, units.Keys.Where(u => u.Length > 1)) is { } near) hint = $"did you mean '{near}'? {use}";
            return $"unknown unit '{Shown.Word(unit)}' of a {kind}";
        }
        hint = null;
        // Both factors stay far below decimal's bound: 28 digits may not.
        if (Math.Abs(number) > 1e17m) return $"'{Shown.Word(text)}' is too large a {kind}";
        value = number * factor;
        return null;
    }

    private static Dictionary<string, decimal> MakeSizes()
    {
        var sizes = new Dictionary<string, decimal> { [""] = 1, ["B"] = 1, ["b"] = 1, ["byte"] = 1, ["bytes"] = 1 };
        string[] thousands = ["kilo", "mega", "giga", "tera", "peta", "exa"];
        string[] binaries = ["kibi", "mebi", "gibi", "tebi", "pebi", "exbi"];
        decimal thousand = 1, binary = 1;
        for (int i = 0; i < Prefixes.Length; i++)
        {
            (thousand, binary) = (thousand * 1000, binary * 1024);
            string small = Prefixes[i..(i + 1)];
            string big = small.ToUpperInvariant();
            foreach (string unit in (string[])[$"{(i == 0 ? small : big)}B", $"{thousands[i]}byte", $"{thousands[i]}bytes"]) sizes[unit] = thousand;
            foreach (string unit in (string[])[small, big, $"{big}i", $"{big}iB", $"{binaries[i]}byte", $"{binaries[i]}bytes"]) sizes[unit] = binary;
        }
        return sizes;
    }
}
