using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Commits;
using StreamEngine.Kafka.Native;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Connectors;

namespace StreamEngine.Pipelines.Replay;

/// <summary>What a promotion came to.</summary>
/// <param name="Written">Records in production.</param>
/// <param name="LeftAlone">Records that were not written, since the live pipeline wrote their keys meanwhile.</param>
internal sealed record PromotionEnd(long Written, long LeftAlone);

/// <summary>
/// Puts what a replay found into production: of upsert sinks, the rows that differ, and tombstones for those that the replay does not have, all in one transaction. The
/// live pipeline has closed the windows of the range and does not write them any more; a key whose newest row lies outside of the range, or which it has written since
/// the replay was bounded, is left alone, also where that row came after the comparison: between the records of a promotion and its commit it is looked for. Done twice
/// it finds nothing to write.
/// </summary>
internal sealed class ReplayPromotion(ReplayDefinition replay, ILoggerFactory loggers)
{
    private const int Attempts = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly KafkaConnection _connection = KafkaConnectors.ConnectionOf(replay.Definition);

    private sealed record Promoted(string Topic, byte[]? Key, byte[]? Value);

    /// <summary>Called when the records of an attempt are written and not committed, before production is looked at again; for tests.</summary>
    public Func<Task> Written { get; init; } = () => Task.CompletedTask;

    /// <summary>Promotes the differences; answers how many records were written.</summary>
    /// <param name="diffs">What differs.</param>
    /// <param name="bounds">What the replay read.</param>
    /// <param name="cancellation">Ends it before its commit.</param>
    /// <exception cref="StartupException">A sink cannot be promoted, or the differences are too many bytes for a transaction.</exception>
    public async Task<PromotionEnd> PromoteAsync(IReadOnlyList<SinkDiff> diffs, ReplayBounds bounds, CancellationToken cancellation)
    {
        Check();
        if (bounds.LiveEnds is null && replay.Plan.Inserts.FirstOrDefault(ReplayDiff.IsWindowless) is { } windowless)
            throw new StartupException($"replay {replay.Id} does not say which rows of sink {windowless.Sink} came after it: it was begun by an older engine\n  forget it, then start again:    ./engine replay cancel FILE --id {replay.Id}");
        var records = diffs.SelectMany(d => d.Differences.Select(row => new Promoted(TopicOf(d), row.Key, row.Replayed))).ToList();
        var bytes = records.Sum(r => (long)(r.Key?.Length ?? 0) + (r.Value?.Length ?? 0));
        if (bytes > replay.Definition.PromoteMaxBytes)
            throw new StartupException($"{records.Count:N0} rows of {bytes:N0} bytes differ, more than promote.max-bytes = {replay.Definition.PromoteMaxBytes:N0} allows in one transaction\n  replay and promote shorter ranges, or raise it:    --set promote.max-bytes={bytes}");
        if (records.Count == 0) return new PromotionEnd(0, 0);
        using var topics = new KafkaTopics(_connection, loggers.CreateLogger<ReplayPromotion>());
        var partitions = new Dictionary<string, int>();
        foreach (var topic in records.Select(r => r.Topic).Distinct())
            partitions[topic] = (await topics.FindAsync(topic, cancellation) ?? throw new StartupException($"topic '{topic}' does not exist any more")).Partitions;
        var (later, all) = (new LaterRows(_connection, topics), records.Count);
        for (var attempt = 0; records.Count > 0; attempt++)
        {
            if (attempt == Attempts)
                throw new StartupException($"in {Attempts} attempts the live pipeline has each time written keys that were about to be promoted; nothing was\n  try again, or stop the pipeline for the time of it");
            var newer = await TryAsync(records, partitions, async () => await later.FindAsync(records.Select(r => (r.Topic, r.Key, r.Value)),
                diffs.ToLookup(TopicOf, d => d.ReadTo), partitions, cancellation), cancellation);
            if (newer.Count == 0) break;
            records.RemoveAll(r => newer.Contains((r.Topic, LaterRows.NameOf(r.Key))));
        }
        return new PromotionEnd(records.Count, all - records.Count);
    }

    private string TopicOf(SinkDiff diff) => replay.Live.Definition.Sinks.First(s => s.Name == diff.Sink).Topic;

    /// <summary>Writes all of them, and commits where nothing was found that production wrote meanwhile; else takes them back.</summary>
    private async Task<IReadOnlySet<(string Topic, string Key)>> TryAsync(List<Promoted> records, Dictionary<string, int> partitions,
        Func<Task<IReadOnlySet<(string Topic, string Key)>>> find, CancellationToken cancellation)
    {
        using var producer = new TransactionalProducer(_connection, $"{replay.Definition.QualifiedName}-promote", replay.Definition.TransactionTimeout,
            replay.Definition.MaxMessageBytes, loggers.CreateLogger<ReplayPromotion>(), () => { });
        await OnThread(() => producer.InitTransactions(Patience));
        IReadOnlySet<(string Topic, string Key)> newer;
        try
        {
            await OnThread(() => Write(producer, records, partitions));
            await Written();
            newer = await find();
            cancellation.ThrowIfCancellationRequested();
        }
        catch
        {
            // Left open it would hold up the readers of production until its time is over.
            if (!producer.HasFatalError) await OnThread(() => TryAbort(producer));
            throw;
        }
        await OnThread(() =>
        {
            if (newer.Count == 0) producer.Commit(Patience);
            else producer.Abort(Patience);
        });
        return newer;
    }

    // What it is taken back for is what people have to know of.
    private void TryAbort(TransactionalProducer producer)
    {
        try
        {
            producer.Abort(Patience);
        }
        catch (KafkaClientException e)
        {
            loggers.CreateLogger<ReplayPromotion>().LogWarning("what was promoted so far is taken back by the brokers, {Seconds} s after it began at the latest: {Why}",
                replay.Definition.TransactionTimeout.TotalSeconds, e.Message);
        }
    }

    // The client's calls block: they get a thread that nobody else waits for.
    private static Task OnThread(Action call) => Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Whether every sink of the pipeline can be promoted; before anything is read.</summary>
    public void Check()
    {
        foreach (var sink in replay.Live.Definition.Sinks)
            if (!sink.Upsert)
                throw new StartupException($"sink {sink.Name} appends: rows that are in topic '{sink.Topic}' cannot be taken back, and writing the replayed ones beside them would double them\n  promote needs mode = upsert, where a row replaces the one of the same key; or let consumers read {replay.TargetOf(sink.Topic)}");
    }

    private static unsafe void Write(TransactionalProducer producer, List<Promoted> records, Dictionary<string, int> partitions)
    {
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
    }

    private static unsafe Bytes BytesOf(byte* pointer, byte[]? bytes) => bytes is null ? Bytes.Null : new Bytes(pointer, bytes.Length);
}
