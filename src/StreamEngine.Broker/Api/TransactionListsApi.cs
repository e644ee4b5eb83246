using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Transactions;

namespace StreamEngine.Broker.Api;

/// <summary>DescribeProducers, DescribeTransactions and ListTransactions (KIP-664): how an operator finds the transaction that holds readers back.</summary>
internal static class TransactionListsApi
{
    public static void DescribeProducers(ref ProtocolReader r, ApiCall call)
    {
        var asked = r.Array(static (ref ProtocolReader x) =>
        {
            var topic = (Name: x.String(), Partitions: x.Int32Array());
            x.Tags();
            return topic;
        });
        r.End();
        var w = call.Writer;
        w.Int32(0);
        w.Count(asked.Count);
        foreach (var (name, partitions) in asked)
        {
            w.String(name);
            w.Count(partitions.Count);
            foreach (var index in partitions)
            {
                var partition = call.Core.Topics.Find(name, index);
                w.Int32(index);
                w.Error(partition is null ? ErrorCode.UnknownTopicOrPartition : ErrorCode.None);
                w.NullableString(null);
                w.Count(partition?.Log.Producers.Entries.Count ?? 0);
                foreach (var producer in partition?.Log.Producers.Entries ?? [])
                {
                    w.Int64(producer.ProducerId);
                    w.Int32(producer.Epoch);
                    w.Int32(producer.LastSequence);
                    w.Int64(producer.LastTimestamp);
                    w.Int32(producer.CoordinatorEpoch);
                    w.Int64(producer.TransactionOffset);
                    w.Tags();
                }
                w.Tags();
            }
            w.Tags();
        }
        w.Tags();
    }

    public static void DescribeTransactions(ref ProtocolReader r, ApiCall call)
    {
        var asked = r.StringArray();
        r.End();
        var w = call.Writer;
        w.Int32(0);
        w.Count(asked.Count);
        foreach (var id in asked)
        {
            var entry = call.Core.Transactions.Find(id);
            w.Error(entry is null ? ErrorCode.TransactionalIdNotFound : ErrorCode.None);
            w.String(id);
            w.String(entry is null ? "" : entry.Status.ToString());
            w.Int32(entry?.TimeoutMs ?? 0);
            w.Int64(entry is { Status: TransactionStatus.Ongoing } ? entry.StartedAt : -1);
            w.Int64(entry?.ProducerId ?? -1);
            w.Int16(entry?.Epoch ?? -1);
            WritePartitions(w, call.Core, entry);
            w.Tags();
        }
        w.Tags();
    }

    private static void WritePartitions(ProtocolWriter w, BrokerCore core, TransactionEntry? entry)
    {
        var topics = (entry?.Partitions ?? []).GroupBy(p => p.Topic).Select(g => (Topic: core.Topics.Find(g.Key), Partitions: g.Select(p => p.Partition).ToList()))
            .Where(t => t.Topic is not null).ToList();
        w.Count(topics.Count);
        foreach (var (topic, partitions) in topics)
        {
            w.String(topic!.Name);
            w.Int32Array(partitions);
            w.Tags();
        }
    }

    public static void ListTransactions(ref ProtocolReader r, ApiCall call)
    {
        var states = r.StringArray().ToHashSet(StringComparer.Ordinal);
        var producers = r.Array(static (ref ProtocolReader x) => x.Int64()).ToHashSet();
        // Transactions that have been open for as long (KIP-994).
        var openFor = call.Version >= 1 ? r.Int64() : -1;
        r.End();
        var unknown = states.Where(s => !Enum.GetNames<TransactionStatus>().Contains(s)).ToList();
        var found = call.Core.Transactions.All
            .Where(e => (states.Count == 0 || states.Contains(e.Status.ToString())) && (producers.Count == 0 || producers.Contains(e.ProducerId))
                && (openFor < 0 || (e.Status == TransactionStatus.Ongoing && call.Now - e.StartedAt >= openFor))).ToList();
        var w = call.Writer;
        w.Int32(0);
        w.Error(ErrorCode.None);
        w.Count(unknown.Count);
        foreach (var state in unknown) w.String(state);
        w.Count(found.Count);
        foreach (var entry in found)
        {
            w.String(entry.TransactionalId);
            w.Int64(entry.ProducerId);
            w.String(entry.Status.ToString());
            w.Tags();
        }
        w.Tags();
    }
}
