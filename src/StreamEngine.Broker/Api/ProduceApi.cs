using System.Runtime.InteropServices;
using StreamEngine.Broker.Log;
using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Topics;

namespace StreamEngine.Broker.Api;

/// <summary>Produce: the head and checksum of each batch are read, its records are not.</summary>
internal static class ProduceApi
{
    private readonly record struct PartitionData(int Index, ReadOnlyMemory<byte>? Records);

    private readonly record struct TopicData(string Name, List<PartitionData> Partitions);

    public static void Handle(ref ProtocolReader r, ApiCall call)
    {
        r.NullableString();
        var acks = r.Int16();
        r.Int32();
        var topics = r.Array(static (ref ProtocolReader x) =>
        {
            var topic = new TopicData(x.String(), x.Array(static (ref ProtocolReader y) =>
            {
                var partition = new PartitionData(y.Int32(), y.NullableBytes());
                y.Tags();
                return partition;
            }));
            x.Tags();
            return topic;
        });
        r.End();
        var w = call.Writer;
        w.Count(topics.Count);
        foreach (var topic in topics)
        {
            w.String(topic.Name);
            w.Count(topic.Partitions.Count);
            foreach (var data in topic.Partitions)
            {
                var partition = call.Core.Topics.Find(topic.Name, data.Index);
                var result = acks is < -1 or > 1 ? AppendResult.Failed(ErrorCode.InvalidRequiredAcks, $"acks={acks}") : Append(call, partition, data.Records);
                WriteResult(w, call.Version, data.Index, result, partition);
            }
            w.Tags();
        }
        w.Int32(0);
        w.Tags();
        call.HasNoResponse = acks == 0;
        if (acks == 0) call.Exchange.Complete(null);
    }

    private static AppendResult Append(ApiCall call, Partition? partition, ReadOnlyMemory<byte>? records)
    {
        if (partition is null) return AppendResult.Failed(ErrorCode.UnknownTopicOrPartition);
        if (records is not { } data || data.Length < BatchHeader.Size) return AppendResult.Failed(ErrorCode.CorruptMessage, "no record batch");
        // The request's buffer is the core's for the time of the call: stamping offsets in it spares a copy.
        var batch = MemoryMarshal.AsMemory(data).Span;
        var head = BatchHeader.Read(batch);
        if (head.Magic == 2 && head.Codec == 4 && call.Version < 7) return AppendResult.Failed(ErrorCode.UnsupportedForMessageFormat, "zstd needs version 7 (KIP-110)");
        if (head.Magic == 2 && head.IsTransactional && !head.IsControl && head.HasProducer)
        {
            var error = call.Core.Transactions.CheckProduce(head.ProducerId, head.ProducerEpoch, partition);
            if (error != ErrorCode.None)
                return AppendResult.Failed(error, $"producer {head.ProducerId} epoch {head.ProducerEpoch} has no open transaction with this partition");
        }
        var result = partition.Log.Append(batch, partition.Topic.Limits, call.Now);
        if (result.Error == ErrorCode.None) call.Core.Waits.Grown(partition);
        return result;
    }

    private static void WriteResult(ProtocolWriter w, short version, int index, in AppendResult result, Partition? partition)
    {
        w.Int32(index);
        w.Error(result.Error);
        w.Int64(result.BaseOffset);
        w.Int64(result.AppendTime);
        if (version >= 5) w.Int64(partition is null ? -1 : partition.Log.StartOffset);
        if (version >= 8)
        {
            w.Count(0);
            w.NullableString(result.Message);
        }
        w.Tags();
    }
}
