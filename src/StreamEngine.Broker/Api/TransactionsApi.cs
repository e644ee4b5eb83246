using StreamEngine.Broker.Groups;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Api;

/// <summary>The requests of transactional and idempotent producers (KIP-98, KIP-360, KIP-447).</summary>
internal static class TransactionsApi
{
    private readonly record struct TopicAsked(string Name, List<int> Partitions);

    public static void InitProducerId(ref ProtocolReader r, ApiCall call)
    {
        var transactionalId = r.NullableString();
        var timeout = r.Int32();
        var (knownId, knownEpoch) = call.Version >= 3 ? (r.Int64(), r.Int16()) : (-1L, (short)-1);
        r.End();
        var (error, producerId, epoch) = call.Core.Transactions.InitProducerId(transactionalId, timeout, knownId, knownEpoch, call.Now);
        var w = call.Writer;
        w.Int32(0);
        w.Error(Named(error, call.Version >= 4));
        w.Int64(producerId);
        w.Int16(epoch);
        w.Tags();
    }

    public static void AddPartitions(ref ProtocolReader r, ApiCall call)
    {
        var (transactionalId, producerId, epoch) = (r.String(), r.Int64(), r.Int16());
        var topics = r.Array(static (ref ProtocolReader x) =>
        {
            var topic = new TopicAsked(x.String(), x.Int32Array());
            x.Tags();
            return topic;
        });
        r.End();
        var known = new List<(Guid, int)>();
        var unknown = false;
        foreach (var topic in topics)
            foreach (var index in topic.Partitions)
            {
                if (call.Core.Topics.Find(topic.Name, index) is { } partition) known.Add((partition.Topic.Id, index));
                else unknown = true;
            }
        // All or nothing: one unknown partition, and the others are not attempted.
        var error = unknown ? ErrorCode.OperationNotAttempted
            : Named(call.Core.Transactions.AddPartitions(transactionalId, producerId, epoch, known, call.Now), call.Version >= 2);
        var w = call.Writer;
        w.Int32(0);
        w.Count(topics.Count);
        foreach (var topic in topics)
        {
            w.String(topic.Name);
            w.Count(topic.Partitions.Count);
            foreach (var index in topic.Partitions)
            {
                w.Int32(index);
                w.Error(unknown && call.Core.Topics.Find(topic.Name, index) is null ? ErrorCode.UnknownTopicOrPartition : error);
                w.Tags();
            }
            w.Tags();
        }
        w.Tags();
    }

    public static void AddOffsets(ref ProtocolReader r, ApiCall call)
    {
        var (transactionalId, producerId, epoch, group) = (r.String(), r.Int64(), r.Int16(), r.String());
        r.End();
        var error = group.Length == 0 ? ErrorCode.InvalidGroupId : call.Core.Transactions.AddOffsets(transactionalId, producerId, epoch, group, call.Now);
        WriteError(call.Writer, Named(error, call.Version >= 2));
    }

    public static void End(ref ProtocolReader r, ApiCall call)
    {
        var (transactionalId, producerId, epoch, commit) = (r.String(), r.Int64(), r.Int16(), r.Bool());
        r.End();
        WriteError(call.Writer, Named(call.Core.Transactions.EndTransaction(transactionalId, producerId, epoch, commit, call.Now), call.Version >= 2));
    }

    public static void CommitOffsets(ref ProtocolReader r, ApiCall call)
    {
        var (transactionalId, group, producerId, epoch) = (r.String(), r.String(), r.Int64(), r.Int16());
        var (generation, member) = call.Version >= 3 ? (r.Int32(), r.String()) : (-1, "");
        var instance = call.Version >= 3 ? r.NullableString() : null;
        var topics = r.Array(static (ref ProtocolReader x) =>
        {
            var topic = (Name: x.String(), Partitions: x.Array(static (ref ProtocolReader y) =>
            {
                var partition = (Index: y.Int32(), Offset: y.Int64(), LeaderEpoch: y.Version >= 2 ? y.Int32() : -1, Metadata: y.NullableString());
                y.Tags();
                return partition;
            }));
            x.Tags();
            return topic;
        });
        r.End();
        var error = OffsetsApi.CheckMember(call.Core, group, generation, member, instance, transactional: true);
        if (error == ErrorCode.None) error = call.Core.Transactions.CheckOffsets(transactionalId, producerId, epoch, group);
        var accepted = new List<OffsetCommit>();
        var w = call.Writer;
        w.Int32(0);
        w.Count(topics.Count);
        foreach (var (name, partitions) in topics)
        {
            w.String(name);
            w.Count(partitions.Count);
            foreach (var p in partitions)
            {
                w.Int32(p.Index);
                w.Error(error != ErrorCode.None ? error : OffsetsApi.Accept(call.Core, accepted, name, p.Index, p.Offset, p.LeaderEpoch, p.Metadata));
                w.Tags();
            }
            w.Tags();
        }
        w.Tags();
        if (accepted.Count > 0) call.Core.Offsets.CommitLater(producerId, group, accepted);
    }

    /// <summary>Clients of older versions know only INVALID_PRODUCER_EPOCH for being fenced (KIP-588).</summary>
    private static ErrorCode Named(ErrorCode error, bool knowsFenced) => error == ErrorCode.ProducerFenced && !knowsFenced ? ErrorCode.InvalidProducerEpoch : error;

    private static void WriteError(ProtocolWriter w, ErrorCode error)
    {
        w.Int32(0);
        w.Error(error);
        w.Tags();
    }
}
