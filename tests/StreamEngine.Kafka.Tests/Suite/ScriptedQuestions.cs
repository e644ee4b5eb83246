using StreamEngine.Broker.Protocol;

namespace StreamEngine.Kafka.Suite;

/// <summary>What a broker was asked in one ListOffsets; an epoch of -1 where its version has none.</summary>
internal sealed record OffsetsSeen(int Node, short Version, bool Committed, IReadOnlyList<(int Partition, int LeaderEpoch, long Time)> Partitions);

/// <summary>How a scripted broker answers ListOffsets, FindCoordinator, OffsetFetch and DescribeConfigs, by Kafka's description of the messages.</summary>
internal sealed class ScriptedQuestions(ScriptedCluster cluster, ScriptedBroker broker, short version)
{
    private const short UnknownTopic = 3;
    private const short NotLeader = 6;
    private const short NotCoordinator = 16;
    private const short FencedEpoch = 74;
    private const short UnknownEpoch = 75;

    public static bool IsFlexible(short api, short version) => api switch
    {
        1 => version >= 12,
        2 => version >= 6,
        3 => version >= 9,
        9 => version >= 6,
        10 => version >= 3,
        32 => version >= 4,
        _ => false,
    };

    public void ListOffsets(ref ProtocolReader r, ProtocolWriter w)
    {
        Assert.Equal(-1, r.Int32());
        var committed = r.Int8();
        Assert.InRange(committed, 0, 1);
        var (topic, asked) = Assert.Single(r.Array(static (ref ProtocolReader x) =>
        {
            var name = x.String();
            var partitions = x.Array(static (ref ProtocolReader y) =>
            {
                var one = (Partition: y.Int32(), LeaderEpoch: y.Version >= 4 ? y.Int32() : -1, Time: y.Int64());
                y.Tags();
                return one;
            });
            x.Tags();
            return (name, partitions);
        }));
        r.Tags();
        Assert.Equal(0, r.Remaining);
        Assert.Equal(ScriptedCluster.Topic, topic);
        lock (cluster.Gate)
        {
            cluster.Offsets.Enqueue(new OffsetsSeen(broker.Node, version, committed == 1, asked));
            w.Int32(0);
            w.Count(1);
            w.String(topic);
            w.Count(asked.Count);
            foreach (var (partition, epoch, time) in asked)
            {
                var error = ErrorOf(partition, epoch);
                var offset = error == 0 ? OffsetOf(cluster.Logs[partition], time, committed == 1) : -1;
                w.Int32(partition);
                w.Int16(error);
                w.Int64(time >= 0 && offset >= 0 ? time : -1);
                w.Int64(offset);
                if (version >= 4) w.Int32(error == 0 ? cluster.Logs[partition].Epoch : -1);
                w.Tags();
            }
            w.Tags();
            w.Tags();
        }
    }

    private short ErrorOf(int partition, int epoch)
    {
        if (!cluster.HasTopic || !cluster.Logs.TryGetValue(partition, out var log)) return UnknownTopic;
        if (log.OffsetErrors.TryDequeue(out var queued)) return queued;
        if (log.OffsetError != 0) return log.OffsetError;
        if (log.Leader != broker.Node) return NotLeader;
        return epoch < 0 || epoch == log.Epoch ? (short)0 : epoch < log.Epoch ? FencedEpoch : UnknownEpoch;
    }

    private static long OffsetOf(ScriptedLog log, long time, bool committed)
    {
        var end = committed ? log.StableEnd : log.End;
        return time switch
        {
            -1 => end,
            -2 => log.Start,
            _ => log.Times.Where(t => t.Time >= time && t.Offset < end).Select(t => t.Offset).DefaultIfEmpty(-1).First(),
        };
    }

    public void FindCoordinator(ref ProtocolReader r, ProtocolWriter w)
    {
        var group = r.String();
        // A group, not a transaction.
        Assert.Equal(0, r.Int8());
        r.Tags();
        Assert.Equal(0, r.Remaining);
        lock (cluster.Gate)
        {
            cluster.GroupQuestions.Enqueue((broker.Node, 10, version, group));
            cluster.CoordinatorErrors.TryDequeue(out var error);
            var coordinator = cluster.Brokers.First(b => b.Node == cluster.Coordinator);
            w.Int32(0);
            w.Int16(error);
            w.NullableString(error == 0 ? null : "not now");
            w.Int32(error == 0 ? coordinator.Node : -1);
            w.String(error == 0 ? "127.0.0.1" : "");
            w.Int32(error == 0 ? coordinator.Port : -1);
            w.Tags();
        }
    }

    public void OffsetFetch(ref ProtocolReader r, ProtocolWriter w)
    {
        var group = r.String();
        // All topics.
        Assert.Null(r.NullableArray(static (ref ProtocolReader x) => x.String()));
        if (version >= 7) Assert.False(r.Bool());
        r.Tags();
        Assert.Equal(0, r.Remaining);
        lock (cluster.Gate)
        {
            cluster.GroupQuestions.Enqueue((broker.Node, 9, version, group));
            cluster.GroupErrors.TryDequeue(out var error);
            if (error == 0 && cluster.Coordinator != broker.Node) error = NotCoordinator;
            var topics = error == 0 && cluster.GroupOffsets.TryGetValue(group, out var offsets) ? offsets.GroupBy(o => o.Topic).ToList() : [];
            if (version >= 3) w.Int32(0);
            w.Count(topics.Count);
            foreach (var topic in topics)
            {
                w.String(topic.Key);
                w.Count(topic.Count());
                foreach (var (_, partition, offset) in topic)
                {
                    w.Int32(partition);
                    w.Int64(offset);
                    if (version >= 5) w.Int32(-1);
                    w.NullableString(partition % 2 == 0 ? null : "a note");
                    w.Int16(cluster.GroupPartitionError);
                    w.Tags();
                }
                w.Tags();
            }
            w.Int16(error);
            w.Tags();
        }
    }

    public void DescribeConfigs(ref ProtocolReader r, ProtocolWriter w)
    {
        var asked = r.Array(static (ref ProtocolReader x) =>
        {
            var resource = (Type: x.Int8(), Name: x.String());
            // All settings.
            Assert.Null(x.NullableArray(static (ref ProtocolReader y) => y.String()));
            x.Tags();
            return resource;
        });
        Assert.False(r.Bool());
        if (version >= 3) Assert.False(r.Bool());
        r.Tags();
        Assert.Equal(0, r.Remaining);
        lock (cluster.Gate)
        {
            cluster.SettingQuestions.Enqueue((broker.Node, version));
            w.Int32(0);
            w.Count(asked.Count);
            foreach (var (type, name) in asked)
            {
                var known = type == 2 ? name == ScriptedCluster.Topic && cluster.HasTopic : name == $"{broker.Node}";
                var error = !known ? UnknownTopic : cluster.SettingsError;
                w.Int16(error);
                w.NullableString(error == 0 ? null : "not that one");
                w.Int8(type);
                w.String(name);
                w.Count(error == 0 ? cluster.Settings.Count : 0);
                foreach (var (setting, (value, source)) in error == 0 ? cluster.Settings : []) WriteSetting(w, setting, value, source);
                w.Tags();
            }
            w.Tags();
        }
    }

    private void WriteSetting(ProtocolWriter w, string name, string? value, sbyte source)
    {
        w.String(name);
        w.NullableString(value);
        w.Bool(false);
        w.Int8(source);
        w.Bool(value is null);
        // Nobody asks for synonyms; a broker that names some all the same is understood.
        w.Count(1);
        w.String($"log.{name}");
        w.NullableString(value);
        w.Int8(5);
        w.Tags();
        if (version >= 3)
        {
            w.Int8(2);
            w.NullableString(null);
        }
        w.Tags();
    }
}
