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

    public IReadOnlyDictionary<string, string> Configs { get; } = configs;

    public BatchLimits Limits { get; } = TopicConfigs.Limits(configs);

    public int SegmentBytes { get; } = TopicConfigs.SegmentBytes(configs);

    public List<Partition> Partitions { get; } = [];

    public Partition? Find(int index) => index >= 0 && index < Partitions.Count ? Partitions[index] : null;
}
