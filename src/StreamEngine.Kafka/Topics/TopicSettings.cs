namespace StreamEngine.Kafka.Topics;

/// <summary>The settings of a topic as its brokers apply them.</summary>
/// <param name="entries">By name: the value, and whether it was set for this topic rather than for the cluster.</param>
internal sealed class TopicSettings(IReadOnlyDictionary<string, (string? Value, bool IsOwn)> entries)
{
    /// <summary>The value; null where the broker does not say.</summary>
    public string? Of(string name) => entries.TryGetValue(name, out var entry) ? entry.Value : null;

    /// <summary>Whether somebody has set it for this topic.</summary>
    public bool IsOwn(string name) => entries.TryGetValue(name, out var entry) && entry.IsOwn;
}
