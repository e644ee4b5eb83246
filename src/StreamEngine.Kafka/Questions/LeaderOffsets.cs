using StreamEngine.Kafka.Fetching;

namespace StreamEngine.Kafka.Questions;

/// <summary>Offsets of a topic's partitions, asked of their leaders (ListOffsets; KIP-207, KIP-320).</summary>
internal sealed class LeaderOffsets
{
    /// <summary>In place of a time: behind the last record, or for committed readers the last stable offset.</summary>
    public const long Latest = -1;

    /// <summary>In place of a time: the first record that is kept.</summary>
    public const long Earliest = -2;

    private const int FirstFlexible = 6;

    private readonly QuestionRound _round;
    private readonly string _topic;
    private readonly Guid _id;
    private readonly Dictionary<int, ClusterMetadata.Leader> _leaders;

    /// <summary>Asks who leads.</summary>
    /// <exception cref="RefusedException">The topic is not there, or may not be described.</exception>
    public LeaderOffsets(QuestionRound round, string topic)
    {
        (_round, _topic) = (round, topic);
        var metadata = round.AskMetadata(topic);
        if (metadata.TopicError != KafkaError.None) throw new RefusedException($"the leaders of topic '{topic}'", metadata.TopicError);
        _id = metadata.TopicId;
        // A broker that names a partition twice is believed the last time.
        _leaders = [];
        foreach (var leader in metadata.Leaders) _leaders[leader.Partition] = leader;
    }

    /// <summary>By partition the first offset whose record has that time (milliseconds) or a later one; -1 where there is none.</summary>
    /// <param name="partitions">The partitions.</param>
    /// <param name="time">The time, or <see cref="Latest"/>, or <see cref="Earliest"/>.</param>
    /// <param name="committed">As a committed reader sees them.</param>
    /// <exception cref="RefusedException">A partition has no leader, or it does not say.</exception>
    public IReadOnlyDictionary<int, long> Of(IEnumerable<int> partitions, long time, bool committed)
    {
        var offsets = new Dictionary<int, long>();
        foreach (var led in partitions.Select(LeaderOf).GroupBy(l => l.Node))
        {
            List<ClusterMetadata.Leader> leaders = [.. led];
            _round.Ask(_round.Brokers[led.Key], broker => Ask(broker, leaders, time, committed, offsets));
            foreach (var leader in leaders)
                if (!offsets.ContainsKey(leader.Partition)) throw new MalformedException($"no offset of {_topic}-{leader.Partition}");
        }
        return offsets;
    }

    private ClusterMetadata.Leader LeaderOf(int partition)
    {
        if (!_leaders.TryGetValue(partition, out var leader)) throw new RefusedException($"the leader of {_topic}-{partition}", KafkaError.UnknownTopicOrPartition);
        if (!_round.Brokers.ContainsKey(leader.Node))
            throw new RefusedException($"the leader of {_topic}-{partition}", leader.Error.IsPassing() ? leader.Error : KafkaError.LeaderNotAvailable);
        return _round.IsOutdated(_topic, _id, leader) ? throw new RefusedException($"the leader of {_topic}-{partition}", KafkaError.FencedLeaderEpoch) : leader;
    }

    private bool Ask(BrokerConnection broker, List<ClusterMetadata.Leader> leaders, long time, bool committed, Dictionary<int, long> offsets)
    {
        var version = broker.VersionOf(BrokerConnection.ListOffsets, 2, 7);
        var w = broker.Begin(BrokerConnection.ListOffsets, version, version >= FirstFlexible);
        // No replica, a client.
        w.Int32(-1);
        w.Bool(committed);
        w.Count(1);
        w.String(_topic);
        w.Count(leaders.Count);
        foreach (var leader in leaders)
        {
            w.Int32(leader.Partition);
            if (version >= 4) w.Int32(leader.Epoch);
            w.Int64(time);
            w.Tags();
        }
        w.Tags();
        w.Tags();
        broker.Send();
        foreach (var (partition, offset) in Read(broker.Receive(version >= FirstFlexible), version, _topic, leaders.Select(l => l.Partition).ToHashSet()))
            offsets[partition] = offset;
        return true;
    }

    /// <summary>A whole answer: by partition its offset.</summary>
    internal static IReadOnlyDictionary<int, long> Read(ResponseReader r, short version, string topic, IReadOnlyCollection<int> asked)
    {
        var offsets = new Dictionary<int, long>();
        r.Int32();
        RefusedException? refused = null;
        for (var topics = r.Count(3); topics > 0; topics--)
        {
            var name = r.String();
            if (name != topic) throw new MalformedException($"offsets of topic '{name}'");
            for (var left = r.Count(22); left > 0; left--)
            {
                var partition = r.Int32();
                var error = r.Error();
                r.Int64();
                var offset = r.Int64();
                if (version >= 4) r.Int32();
                r.Tags();
                if (!asked.Contains(partition)) throw new MalformedException($"an offset of {topic}-{partition}, which was not asked for");
                if (error != KafkaError.None) refused ??= new RefusedException($"the offsets of {topic}-{partition}", error);
                offsets[partition] = offset;
            }
            r.Tags();
        }
        r.Tags();
        r.End();
        return refused is null ? offsets : throw refused;
    }
}
