namespace StreamEngine.Kafka.Topics;

/// <summary>A setting of a topic or a broker.</summary>
/// <param name="Value">Its value; null where the broker does not say.</param>
/// <param name="IsOwn">It was set for this topic rather than for the cluster.</param>
internal sealed record TopicSetting(string? Value, bool IsOwn);

/// <summary>The settings of a topic as its brokers apply them.</summary>
/// <param name="entries">By name.</param>
internal sealed class TopicSettings(IReadOnlyDictionary<string, TopicSetting> entries)
{
    /// <summary>The value; null where the broker does not say.</summary>
    public string? Of(string name) => entries.GetValueOrDefault(name)?.Value;

    /// <summary>Whether somebody has set it for this topic.</summary>
    public bool IsOwn(string name) => entries.GetValueOrDefault(name) is { IsOwn: true };
}
