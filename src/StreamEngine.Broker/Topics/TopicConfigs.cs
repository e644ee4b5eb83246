using System.Globalization;
using StreamEngine.Broker.Log;

namespace StreamEngine.Broker.Topics;

/// <summary>The value types of DescribeConfigs v3.</summary>
internal enum ConfigType : sbyte
{
    Boolean = 1,
    String = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
}

/// <summary>One setting that a topic may have, with Kafka's default and whether this broker acts on it.</summary>
internal sealed record ConfigDefinition(string Name, string Default, ConfigType Type)
{
    /// <summary>Whether this broker acts on it. The others are shown with Kafka's defaults, for clients that ask, and cannot be changed.</summary>
    public bool IsServed { get; init; }
}

/// <summary>The settings of topics: what may be set, what a topic has set, and what follows for its log.</summary>
internal static class TopicConfigs
{
    public static readonly IReadOnlyList<ConfigDefinition> Definitions =
    [
        new("cleanup.policy", "delete", ConfigType.List) { IsServed = true },
        new("compression.type", "producer", ConfigType.String),
        new("delete.retention.ms", "86400000", ConfigType.Long),
        new("file.delete.delay.ms", "0", ConfigType.Long),
        new("flush.messages", "9223372036854775807", ConfigType.Long),
        new("flush.ms", "9223372036854775807", ConfigType.Long),
        new("index.interval.bytes", "4096", ConfigType.Int),
        new("max.compaction.lag.ms", "9223372036854775807", ConfigType.Long),
        new("max.message.bytes", "1048588", ConfigType.Int) { IsServed = true },
        new("message.timestamp.after.max.ms", "3600000", ConfigType.Long) { IsServed = true },
        new("message.timestamp.before.max.ms", "9223372036854775807", ConfigType.Long) { IsServed = true },
        new("message.timestamp.type", "CreateTime", ConfigType.String) { IsServed = true },
        new("min.cleanable.dirty.ratio", "0.5", ConfigType.Double),
        new("min.compaction.lag.ms", "0", ConfigType.Long),
        new("min.insync.replicas", "1", ConfigType.Int),
        new("preallocate", "false", ConfigType.Boolean),
        new("retention.bytes", "-1", ConfigType.Long) { IsServed = true },
        new("retention.ms", "-1", ConfigType.Long) { IsServed = true },
        new("segment.bytes", "67108864", ConfigType.Int) { IsServed = true },
        new("segment.index.bytes", "10485760", ConfigType.Int),
        new("segment.jitter.ms", "0", ConfigType.Long),
        new("segment.ms", "604800000", ConfigType.Long),
        new("unclean.leader.election.enable", "false", ConfigType.Boolean),
    ];

    private static readonly Dictionary<string, ConfigDefinition> ByName = Definitions.ToDictionary(d => d.Name, StringComparer.Ordinal);

    public static ConfigDefinition? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>What is wrong with changing a setting to a value, or null. A value that it has already, or by default, is no change.</summary>
    public static string? CheckChange(string name, string? value, IReadOnlyDictionary<string, string> present)
    {
        if (Check(name, value) is { } wrong) return wrong;
        var definition = ByName[name];
        if (definition.IsServed || value == definition.Default || present.GetValueOrDefault(name) == value) return null;
        return $"{name} cannot be changed: this broker does not act on it (it does on {string.Join(", ", Definitions.Where(d => d.IsServed).Select(d => d.Name))})";
    }

    /// <summary>What is wrong with a setting, or null.</summary>
    public static string? Check(string name, string? value)
    {
        var definition = Find(name);
        if (definition is null) return $"Unknown topic config name: {name}";
        if (value is null) return $"Null value not supported for topic configs: {name}";
        var sound = definition.Type switch
        {
            ConfigType.Boolean => value is "true" or "false",
            ConfigType.Int => int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _),
            ConfigType.Long => long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _),
            ConfigType.Double => double.TryParse(value, CultureInfo.InvariantCulture, out _),
            _ => name switch
            {
                "cleanup.policy" => value.Split(',').All(p => p.Trim() is "delete" or "compact"),
                "message.timestamp.type" => value is "CreateTime" or "LogAppendTime",
                "compression.type" => value is "producer" or "uncompressed" or "gzip" or "snappy" or "lz4" or "zstd",
                _ => true,
            },
        };
        if (sound && name is "max.message.bytes" or "segment.bytes") sound = int.Parse(value, CultureInfo.InvariantCulture) >= (name == "segment.bytes" ? 1024 : 0);
        if (sound && name.StartsWith("message.timestamp.", StringComparison.Ordinal) && name.EndsWith(".ms", StringComparison.Ordinal)) sound = value[0] != '-';
        if (sound && name is "retention.ms" or "retention.bytes") sound = long.Parse(value, CultureInfo.InvariantCulture) >= -1;
        if (!sound) return $"Invalid value {value} for configuration {name}";
        return name == "cleanup.policy" && value != "delete" ? $"cleanup.policy={value}: this broker does not compact, use delete" : null;
    }

    public static BatchLimits Limits(IReadOnlyDictionary<string, string> set) => new(
        (int)Number(set, "max.message.bytes"), Number(set, "message.timestamp.after.max.ms"), Number(set, "message.timestamp.before.max.ms"),
        set.GetValueOrDefault("message.timestamp.type") == "LogAppendTime");

    public static RetentionLimits Retention(IReadOnlyDictionary<string, string> set) => new(Number(set, "retention.ms"), Number(set, "retention.bytes"));

    public static int SegmentBytes(IReadOnlyDictionary<string, string> set) => (int)Math.Min(Number(set, "segment.bytes"), 1 << 30);

    private static long Number(IReadOnlyDictionary<string, string> set, string name) =>
        long.Parse(set.GetValueOrDefault(name) ?? ByName[name].Default, CultureInfo.InvariantCulture);
}
