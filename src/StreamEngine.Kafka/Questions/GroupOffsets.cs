using StreamEngine.Kafka.Fetching;

namespace StreamEngine.Kafka.Questions;

/// <summary>What a consumer group has committed, asked of its coordinator (FindCoordinator, OffsetFetch).</summary>
internal static class GroupOffsets
{
    private const sbyte Group = 0;
    private const int FirstFlexibleCoordinator = 3;
    private const int FirstFlexible = 6;

    /// <summary>By topic and partition; nothing where there is no such group.</summary>
    /// <exception cref="RefusedException">There is no coordinator now, or the group may not be described.</exception>
    public static IReadOnlyList<(string Topic, int Partition, long Offset)> Ask(QuestionRound round, string group)
    {
        var coordinator = round.AskFirst(broker => FindCoordinator(broker, group));
        return round.Ask(coordinator, broker => Fetch(broker, group));
    }

    private static BrokerAddress FindCoordinator(BrokerConnection broker, string group)
    {
        var version = broker.VersionOf(BrokerConnection.FindCoordinator, 1, 3);
        var w = broker.Begin(BrokerConnection.FindCoordinator, version, version >= FirstFlexibleCoordinator);
        w.String(group);
        w.Int8(Group);
        w.Tags();
        broker.Send();
        return ReadCoordinator(broker.Receive(version >= FirstFlexibleCoordinator), group);
    }

    /// <summary>A whole answer, which is the same in all versions.</summary>
    internal static BrokerAddress ReadCoordinator(ResponseReader r, string group)
    {
        r.Int32();
        var error = r.Error();
        r.NullableString();
        r.Int32();
        var host = r.String();
        var port = r.Int32();
        r.Tags();
        r.End();
        if (error != KafkaError.None) throw new RefusedException($"the coordinator of group '{group}'", error);
        if (host.Length == 0 || port is < 1 or > 65535) throw new MalformedException($"the address '{host}:{port}' of a coordinator");
        return new BrokerAddress(host, port);
    }

    private static List<(string Topic, int Partition, long Offset)> Fetch(BrokerConnection broker, string group)
    {
        var version = broker.VersionOf(BrokerConnection.OffsetFetch, 2, 7);
        var w = broker.Begin(BrokerConnection.OffsetFetch, version, version >= FirstFlexible);
        w.String(group);
        // All topics.
        w.Count(-1);
        // Offsets of open transactions do not matter: who has written them is not known yet.
        if (version >= 7) w.Bool(false);
        w.Tags();
        broker.Send();
        return ReadOffsets(broker.Receive(version >= FirstFlexible), version, group);
    }

    /// <summary>A whole answer: what was committed.</summary>
    internal static List<(string Topic, int Partition, long Offset)> ReadOffsets(ResponseReader r, short version, string group)
    {
        if (version >= 3) r.Int32();
        var offsets = new List<(string, int, long)>();
        RefusedException? refused = null;
        for (var topics = r.Count(3); topics > 0; topics--)
        {
            var topic = r.String();
            for (var left = r.Count(15); left > 0; left--)
            {
                var (partition, offset) = (r.Int32(), r.Int64());
                if (version >= 5) r.Int32();
                r.NullableString();
                var error = r.Error();
                r.Tags();
                if (error != KafkaError.None) refused ??= new RefusedException($"the offset of group '{group}' in {topic}-{partition}", error);
                if (offset >= 0) offsets.Add((topic, partition, offset));
            }
            r.Tags();
        }
        var whole = r.Error();
        r.Tags();
        r.End();
        if (whole == KafkaError.GroupIdNotFound) return [];
        if (whole != KafkaError.None) throw new RefusedException($"the offsets of group '{group}'", whole);
        return refused is null ? offsets : throw refused;
    }
}
