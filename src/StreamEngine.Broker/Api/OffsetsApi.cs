using StreamEngine.Broker.Groups;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Api;

/// <summary>OffsetCommit and OffsetFetch, for members of groups and for consumers that assign their partitions themselves.</summary>
internal static class OffsetsApi
{
    private const long NoOffset = -1;

    private readonly record struct PartitionCommit(int Index, long Offset, int LeaderEpoch, string? Metadata);

    private readonly record struct TopicAsked(string Name, List<int> Partitions);

    private readonly record struct GroupAsked(string Group, List<TopicAsked>? Topics);

    public static void Commit(ref ProtocolReader r, ApiCall call)
    {
        var version = call.Version;
        var group = r.String();
        var generation = r.Int32();
        var member = r.String();
        var instance = version >= 7 ? r.NullableString() : null;
        if (version <= 4) r.Int64();
        var topics = r.Array(static (ref ProtocolReader x) =>
        {
            var topic = (Name: x.String(), Partitions: x.Array(static (ref ProtocolReader y) =>
            {
                var partition = new PartitionCommit(y.Int32(), y.Int64(), y.Version >= 6 ? y.Int32() : -1, y.NullableString());
                y.Tags();
                return partition;
            }));
            x.Tags();
            return topic;
        });
        r.End();
        var error = CheckMember(call.Core, group, generation, member, instance, transactional: false);
        var accepted = new List<OffsetCommit>();
        var w = call.Writer;
        if (version >= 3) w.Int32(0);
        w.Count(topics.Count);
        foreach (var topic in topics)
        {
            w.String(topic.Name);
            w.Count(topic.Partitions.Count);
            foreach (var p in topic.Partitions)
            {
                w.Int32(p.Index);
                w.Error(error != ErrorCode.None ? error : Accept(call.Core, accepted, topic.Name, p.Index, p.Offset, p.LeaderEpoch, p.Metadata));
                w.Tags();
            }
            w.Tags();
        }
        w.Tags();
        if (accepted.Count > 0) call.Core.Offsets.Commit(group, accepted, call.Now);
    }

    /// <summary>Whether who commits may, and whether a new group finds room.</summary>
    public static ErrorCode CheckMember(BrokerCore core, string group, int generation, string member, string? instance, bool transactional)
    {
        if (group.Length == 0) return ErrorCode.InvalidGroupId;
        var error = core.Groups.CheckCommit(group, generation, member, transactional, instance);
        if (error != ErrorCode.None) return error;
        return core.Offsets.HasRoomFor(group) ? ErrorCode.None : ErrorCode.CoordinatorNotAvailable;
    }

    public static ErrorCode Accept(BrokerCore core, List<OffsetCommit> accepted, string topic, int partition, long offset, int leaderEpoch, string? metadata)
    {
        if (core.Topics.Find(topic, partition) is null) return ErrorCode.UnknownTopicOrPartition;
        if (metadata?.Length > GroupOffsets.MaxMetadata) return ErrorCode.OffsetMetadataTooLarge;
        if (offset < 0) return ErrorCode.InvalidRequest;
        accepted.Add(new OffsetCommit(topic, partition, offset, leaderEpoch, metadata ?? ""));
        return ErrorCode.None;
    }

    public static void Fetch(ref ProtocolReader r, ApiCall call)
    {
        var version = call.Version;
        List<GroupAsked> groups = version >= 8
            ? r.Array(static (ref ProtocolReader x) =>
            {
                var group = new GroupAsked(x.String(), x.NullableArray(static (ref ProtocolReader y) => ReadTopic(ref y)));
                x.Tags();
                return group;
            })
            : [new GroupAsked(r.String(), r.NullableArray(static (ref ProtocolReader y) => ReadTopic(ref y)))];
        if (version < 2 && groups[0].Topics is null) throw new ProtocolException("OffsetFetch without topics needs version 2");
        var stable = version >= 7 && r.Bool();
        r.End();
        var w = call.Writer;
        if (version >= 3) w.Int32(0);
        if (version <= 7)
        {
            WriteTopics(w, call, groups[0], stable);
            if (version >= 2) w.Error(ErrorCode.None);
            w.Tags();
            return;
        }
        w.Count(groups.Count);
        foreach (var group in groups)
        {
            w.String(group.Group);
            WriteTopics(w, call, group, stable);
            w.Error(ErrorCode.None);
            w.Tags();
        }
        w.Tags();
    }

    private static TopicAsked ReadTopic(ref ProtocolReader r)
    {
        var topic = new TopicAsked(r.String(), r.Int32Array());
        r.Tags();
        return topic;
    }

    private static void WriteTopics(ProtocolWriter w, ApiCall call, GroupAsked asked, bool stable)
    {
        // Null: everything that the group has.
        var topics = asked.Topics ?? [.. call.Core.Offsets.Of(asked.Group).GroupBy(o => o.Topic).Select(g => new TopicAsked(g.Key, [.. g.Select(o => o.Partition)]))];
        w.Count(topics.Count);
        foreach (var topic in topics)
        {
            w.String(topic.Name);
            w.Count(topic.Partitions.Count);
            foreach (var index in topic.Partitions)
            {
                var pending = stable && call.Core.Offsets.IsPending(asked.Group, topic.Name, index);
                var found = pending ? null : call.Core.Offsets.Find(asked.Group, topic.Name, index);
                w.Int32(index);
                w.Int64(found?.Offset ?? NoOffset);
                if (call.Version >= 5) w.Int32(found?.LeaderEpoch ?? -1);
                w.NullableString(found?.Metadata ?? "");
                w.Error(pending ? ErrorCode.UnstableOffsetCommit : ErrorCode.None);
                w.Tags();
            }
            w.Tags();
        }
    }
}
