using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka.Commits;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Connectors;

namespace StreamEngine.Pipelines.Replay;

/// <summary>
/// Puts what a replay found into production: of upsert sinks, the rows that differ, and tombstones for those that the replay does not have, all in one transaction. The
/// live pipeline has closed the windows of the range and does not write them any more; a key whose newest row lies outside of the range is left alone. Done twice it
/// finds nothing to write.
/// </summary>
internal sealed class ReplayPromotion(ReplayDefinition replay, ILoggerFactory loggers)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Promotes the differences; answers how many records were written.</summary>
    /// <exception cref="StartupException">A sink cannot be promoted, or the differences are too many bytes for a transaction.</exception>
    public async Task<long> PromoteAsync(IReadOnlyList<SinkDiff> diffs, CancellationToken cancellation)
    {
        Check();
        var records = diffs.SelectMany(d => d.Differences.Select(row =>
            (Topic: replay.Live.Definition.Sinks.First(s => s.Name == d.Sink).Topic, row.Key, Value: row.Replayed))).ToList();
        var bytes = records.Sum(r => (long)(r.Key?.Length ?? 0) + (r.Value?.Length ?? 0));
        if (bytes > replay.Definition.PromoteMaxBytes)
            throw new StartupException($"{records.Count:N0} rows of {bytes:N0} bytes differ, more than promote.max-bytes = {replay.Definition.PromoteMaxBytes:N0} allows in one transaction\n  replay and promote shorter ranges, or raise it:    --set promote.max-bytes={bytes}");
        if (records.Count == 0) return 0;
        using var topics = new KafkaTopics(KafkaConnectors.ConnectionOf(replay.Definition), loggers.CreateLogger<ReplayPromotion>());
        var partitions = new Dictionary<string, int>();
        foreach (var topic in records.Select(r => r.Topic).Distinct())
            partitions[topic] = (await topics.FindAsync(topic, cancellation) ?? throw new StartupException($"topic '{topic}' does not exist any more")).Partitions;
        await Task.Factory.StartNew(() => Write(records, partitions), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return records.Count;
    }

    /// <summary>Whether every sink of the pipeline can be promoted; before anything is read.</summary>
    public void Check()
    {
        foreach (var sink in replay.Live.Definition.Sinks)
            if (!sink.Upsert)
                throw new StartupException($"sink {sink.Name} appends: rows that are in topic '{sink.Topic}' cannot be taken back, and writing the replayed ones beside them would double them\n  promote needs mode = upsert, where a row replaces the one of the same key; or let consumers read {replay.TargetOf(sink.Topic)}");
    }

    private unsafe void Write(List<(string Topic, byte[]? Key, byte[]? Value)> records, Dictionary<string, int> partitions)
    {
        using var producer = new TransactionalProducer(KafkaConnectors.ConnectionOf(replay.Definition), $"{replay.Definition.QualifiedName}-promote",
            replay.Definition.TransactionTimeout, replay.Definition.MaxMessageBytes, loggers.CreateLogger<ReplayPromotion>(), () => { });
        producer.InitTransactions(Patience);
        producer.Begin();
        foreach (var (topic, key, value) in records)
        {
            fixed (byte* k = key)
            fixed (byte* v = value)
            {
                var partition = key is null ? 0 : Murmur2.PartitionOf(key, partitions[topic]);
                while (!producer.TryProduce(topic, partition, BytesOf(k, key), BytesOf(v, value), Bytes.Null, -1)) producer.Flush(Patience);
            }
        }
        producer.Flush(Patience);
        producer.Commit(Patience);
    }

    private static unsafe Bytes BytesOf(byte* pointer, byte[]? bytes) => bytes is null ? Bytes.Null : new Bytes(pointer, bytes.Length);
}
