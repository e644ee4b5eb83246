using StreamEngine.Core;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Commits;

/// <summary>Which partition of its topic a record goes to: the one it names, its key's as Java's clients choose it, or without a key each in turn.</summary>
internal sealed class PartitionChoice
{
    private readonly Dictionary<string, int> _partitions = [];
    private readonly Dictionary<string, int> _next = [];

    /// <summary>The topics that are known.</summary>
    public IReadOnlyCollection<string> Topics => _partitions.Keys;

    /// <summary>Says how many partitions a topic has; before the first record for it.</summary>
    public void Know(string topic, int partitions) => _partitions[topic] = partitions;

    public unsafe int Of(LogRecords records, int i)
    {
        if (records.Partitions is not null && records.Partitions[i] >= 0) return records.Partitions[i];
        var count = _partitions[records.Topic];
        var key = records.KeyAt(i);
        if (!key.IsNull) return Murmur2.PartitionOf(key.Span, count);
        var next = _next.GetValueOrDefault(records.Topic);
        _next[records.Topic] = next + 1 == count ? 0 : next + 1;
        return next;
    }
}
