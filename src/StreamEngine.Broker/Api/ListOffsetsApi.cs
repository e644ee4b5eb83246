using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Topics;

namespace StreamEngine.Broker.Api;

/// <summary>ListOffsets (ends, and by time) and OffsetForLeaderEpoch.</summary>
internal static class ListOffsetsApi
{
    private const long Latest = -1;
    private const long Earliest = -2;
    private const long Newest = -3;

    private readonly record struct PartitionAsked(int Index, int LeaderEpoch, long Timestamp);

    private readonly record struct TopicAsked(string Name, List<PartitionAsked> Partitions);

    public static void Handle(ref ProtocolReader r, ApiCall call)
    {
        var version = call.Version;
        r.Int32();
        var committed = version >= 2 && r.Int8() == 1;
        var asked = r.Array(static (ref ProtocolReader x) =>
        {
            var topic = new TopicAsked(x.String(), x.Array(static (ref ProtocolReader y) =>
            {
                var partition = new PartitionAsked(y.Int32(), y.Version >= 4 ? y.Int32() : -1, y.Int64());
                y.Tags();
                return partition;
            }));
            x.Tags();
            return topic;
        });
        r.End();
        var w = call.Writer;
        // As in Kafka: finding a time reads batches, once for a partition.
        var seen = new HashSet<Partition>();
        if (version >= 2) w.Int32(0);
        w.Count(asked.Count);
        foreach (var topic in asked)
        {
            w.String(topic.Name);
            w.Count(topic.Partitions.Count);
            foreach (var p in topic.Partitions)
            {
                var (error, timestamp, offset) = Find(call, topic.Name, p, committed, seen);
                w.Int32(p.Index);
                w.Error(error);
                w.Int64(timestamp);
                w.Int64(offset);
                if (version >= 4) w.Int32(error == ErrorCode.None && offset >= 0 ? 0 : -1);
                w.Tags();
            }
            w.Tags();
        }
        w.Tags();
    }

    private static (ErrorCode Error, long Timestamp, long Offset) Find(ApiCall call, string topic, in PartitionAsked asked, bool committed, HashSet<Partition> seen)
    {
        if (call.Core.Topics.Find(topic, asked.Index) is not { } partition) return (ErrorCode.UnknownTopicOrPartition, -1, -1);
        if (!seen.Add(partition)) return (ErrorCode.InvalidRequest, -1, -1);
        if (asked.LeaderEpoch > 0) return (ErrorCode.UnknownLeaderEpoch, -1, -1);
        var log = partition.Log;
        var bound = log.Bound(committed).Offset;
        switch (asked.Timestamp)
        {
            case Latest: return (ErrorCode.None, -1, bound);
            case Earliest: return (ErrorCode.None, -1, log.StartOffset);
            case Newest when call.Version >= 7:
                return log.FindNewest() is { } newest ? (ErrorCode.None, newest.Timestamp, newest.Offset) : (ErrorCode.None, -1, -1);
            case < 0: return (ErrorCode.UnsupportedForMessageFormat, -1, -1);
            default:
                return log.FindByTime(asked.Timestamp) is { } found && found.Offset < bound ? (ErrorCode.None, found.Timestamp, found.Offset) : (ErrorCode.None, -1, -1);
        }
    }

    /// <summary>There is one leader epoch, 0, which ends where the log ends.</summary>
    public static void ForLeaderEpoch(ref ProtocolReader r, ApiCall call)
    {
        if (call.Version >= 3) r.Int32();
        var asked = r.Array(static (ref ProtocolReader x) =>
        {
            var topic = (Name: x.String(), Partitions: x.Array(static (ref ProtocolReader y) =>
            {
                var partition = (Index: y.Int32(), Current: y.Int32(), Epoch: y.Int32());
                y.Tags();
                return partition;
            }));
            x.Tags();
            return topic;
        });
        r.End();
        var w = call.Writer;
        w.Int32(0);
        w.Count(asked.Count);
        foreach (var topic in asked)
        {
            w.String(topic.Name);
            w.Count(topic.Partitions.Count);
            foreach (var p in topic.Partitions)
            {
                var partition = call.Core.Topics.Find(topic.Name, p.Index);
                var error = partition is null ? ErrorCode.UnknownTopicOrPartition : p.Current > 0 ? ErrorCode.UnknownLeaderEpoch : ErrorCode.None;
                var known = error == ErrorCode.None && p.Epoch >= 0;
                w.Error(error);
                w.Int32(p.Index);
                w.Int32(known ? 0 : -1);
                w.Int64(known ? partition!.Log.EndOffset : -1);
                w.Tags();
            }
            w.Tags();
        }
        w.Tags();
    }
}
