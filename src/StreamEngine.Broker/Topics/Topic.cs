using StreamEngine.Broker.Fetching;
using StreamEngine.Broker.Log;

namespace StreamEngine.Broker.Topics;

/// <summary>One partition: its log, and the fetches that wait for it to grow.</summary>
internal sealed class Partition(Topic topic, int index, PartitionLog log)
{
    public Topic Topic { get; } = topic;

    public int Index { get; } = index;

    public PartitionLog Log { get; } = log;

    public List<WaitingFetch> Waiting { get; } = [];
}

/// <summary>A topic with its partitions and the settings that were given for it.</summary>
internal sealed class Topic(string name, Guid id, IReadOnlyDictionary<string, string> configs)
{
    public string Name { get; } = name;

    public Guid Id { get; } = id;

    /// <summary>What was set; the rest has its default.</summary>
    public IReadOnlyDictionary<string, string> Configs { get; private set; } = configs;

    public BatchLimits Limits { get; private set; } = TopicConfigs.Limits(configs);

    public int SegmentBytes { get; private set; } = TopicConfigs.SegmentBytes(configs);

    public RetentionLimits Retention { get; private set; } = TopicConfigs.Retention(configs);

    public List<Partition> Partitions { get; } = [];

    /// <summary>What is set from now on; the logs follow at their next append, and retention when it is next looked at.</summary>
    public void Configure(IReadOnlyDictionary<string, string> configs)
    {
        Configs = configs;
        Limits = TopicConfigs.Limits(configs);
        SegmentBytes = TopicConfigs.SegmentBytes(configs);
        Retention = TopicConfigs.Retention(configs);
        foreach (var partition in Partitions) partition.Log.SegmentBytes = SegmentBytes;
    }

    public Partition? Find(int index) => index >= 0 && index < Partitions.Count ? Partitions[index] : null;
}
