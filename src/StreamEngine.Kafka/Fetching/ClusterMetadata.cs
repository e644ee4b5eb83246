namespace StreamEngine.Kafka.Fetching;

/// <summary>Who leads the partitions of a topic, as a broker knows it.</summary>
internal sealed record ClusterMetadata(IReadOnlyDictionary<int, BrokerAddress> Brokers, KafkaError TopicError, Guid TopicId,
    IReadOnlyList<ClusterMetadata.Leader> Leaders)
{
    private const int FirstFlexible = 9;

    /// <summary>The topics that were asked for and are there, with how many partitions each has.</summary>
    public IReadOnlyList<(string Name, int Partitions)> Topics { get; init; } = [];

    /// <summary>Of one partition; a node of -1 for none.</summary>
    internal sealed record Leader(int Partition, KafkaError Error, int Node, int Epoch);

    /// <summary>Asks a broker about a topic, without creating it; null: about all there are.</summary>
    public static ClusterMetadata Ask(BrokerConnection broker, string? topic) => Ask(broker, topic, topic is null ? -1 : 1);

    /// <summary>Asks a broker which ones there are.</summary>
    public static ClusterMetadata AskBrokers(BrokerConnection broker) => Ask(broker, null, 0);

    private static ClusterMetadata Ask(BrokerConnection broker, string? topic, int count)
    {
        var version = broker.VersionOf(BrokerConnection.Metadata, 4, 12);
        var w = broker.Begin(BrokerConnection.Metadata, version, version >= FirstFlexible);
        // None is not the same as null, which means all.
        w.Count(count);
        if (topic is not null)
        {
            if (version >= 10) w.Uuid(Guid.Empty);
            w.String(topic);
            w.Tags();
        }
        w.Bool(false);
        if (version is >= 8 and <= 10) w.Bool(false);
        if (version >= 8) w.Bool(false);
        w.Tags();
        broker.Send();
        return Read(broker.Receive(version >= FirstFlexible), version, topic);
    }

    internal static ClusterMetadata Read(ResponseReader r, short version, string? topic)
    {
        r.Int32();
        var brokers = new Dictionary<int, BrokerAddress>();
        for (var left = r.Count(11); left > 0; left--)
        {
            var node = r.Int32();
            var host = r.String();
            var port = r.Int32();
            if (host.Length == 0 || port is < 1 or > 65535) throw new MalformedException($"the address '{host}:{port}' of broker {node}");
            brokers[node] = new BrokerAddress(host, port);
            r.NullableString();
            r.Tags();
        }
        r.NullableString();
        r.Int32();
        var (error, id) = (KafkaError.UnknownTopicOrPartition, Guid.Empty);
        var leaders = new List<Leader>();
        var topics = new List<(string, int)>();
        for (var left = r.Count(8); left > 0; left--)
        {
            var own = r.Error();
            var name = version >= 12 ? r.NullableString() : r.String();
            var ownId = version >= 10 ? r.Uuid() : Guid.Empty;
            r.Int8();
            var isAsked = topic is not null && name == topic;
            if (isAsked) (error, id) = (own, ownId);
            var partitions = r.Count(18);
            if (name is not null && own is not (KafkaError.UnknownTopicOrPartition or KafkaError.UnknownTopicId)) topics.Add((name, partitions));
            for (; partitions > 0; partitions--)
            {
                var leader = ReadLeader(r, version);
                if (isAsked) leaders.Add(leader);
            }
            if (version >= 8) r.Int32();
            r.Tags();
        }
        if (version is >= 8 and <= 10) r.Int32();
        r.Tags();
        r.End();
        return new ClusterMetadata(brokers, error, id, leaders) { Topics = topics };
    }

    private static Leader ReadLeader(ResponseReader r, short version)
    {
        var error = r.Error();
        var partition = r.Int32();
        var node = r.Int32();
        var epoch = version >= 7 ? r.Int32() : -1;
        r.SkipInt32Array();
        r.SkipInt32Array();
        if (version >= 5) r.SkipInt32Array();
        r.Tags();
        return new Leader(partition, error, node, epoch);
    }
}
