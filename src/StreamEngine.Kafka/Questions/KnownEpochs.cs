using StreamEngine.Kafka.Fetching;

namespace StreamEngine.Kafka.Questions;

/// <summary>The newest leader epoch of each partition that a broker has told of (KIP-320): what one that was cut off names before it is not believed.</summary>
internal sealed class KnownEpochs
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Topic> _topics = [];

    /// <summary>Whether a later leader is known already; else this one is from now on. A topic that was made anew begins anew.</summary>
    public bool IsOutdated(string topic, Guid id, ClusterMetadata.Leader leader)
    {
        // Not every broker tells them; without an id a topic that was made anew is not told from the one before.
        if (leader.Epoch < 0 || id == Guid.Empty) return false;
        lock (_lock)
        {
            if (!_topics.TryGetValue(topic, out var known) || known.Id != id) _topics[topic] = known = new Topic(id);
            if (leader.Epoch < known.Epochs.GetValueOrDefault(leader.Partition, -1)) return true;
            known.Epochs[leader.Partition] = leader.Epoch;
            return false;
        }
    }

    private sealed class Topic(Guid id)
    {
        public Guid Id => id;

        public Dictionary<int, int> Epochs { get; } = [];
    }
}
