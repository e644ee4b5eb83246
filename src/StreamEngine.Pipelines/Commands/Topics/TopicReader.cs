using System.Globalization;
using System.Runtime.CompilerServices;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Sources;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Pipelines.Commands.Topics;

/// <summary>Which records of a topic are read.</summary>
internal sealed record ReadRequest(string Topic)
{
    /// <summary>Only what was committed, and nothing behind an open transaction.</summary>
    public bool ReadCommitted { get; init; }

    /// <summary>The most records; null for all.</summary>
    public long? Max { get; init; }

    /// <summary>One partition; null for all.</summary>
    public int? Partition { get; init; }

    /// <summary>earliest, latest, or an offset of the one partition.</summary>
    public string From { get; init; } = "earliest";

    /// <summary>Goes on at the end of the topic.</summary>
    public bool Follow { get; init; }
}

/// <summary>A record as it was read.</summary>
internal sealed record TopicRecord(string Topic, int Partition, long Offset, DateTime Timestamp, byte[]? Key, byte[]? Value, IReadOnlyList<KeyValuePair<string,
    byte[]?>> Headers);

/// <summary>
/// Reads a topic for people and checks, apart from the engine's own source: through Confluent's consumer, without a group. Without following it ends at the ends that the
/// partitions had when it began, by position or end of partition: the last offset may be a control record, which nobody is given.
/// </summary>
internal sealed class TopicReader(KafkaConnection connection)
{
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(5);

    /// <exception cref="StartupException">The topic, partition or offset does not exist.</exception>
    public async IAsyncEnumerable<TopicRecord> ReadAsync(ReadRequest request, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var ranges = await FindRangesAsync(request, cancellation);
        if (request.Max == 0) yield break;
        var open = ranges.Where(r => request.Follow || r.From < r.To).ToDictionary(r => r.Partition, r => r.To);
        if (open.Count == 0) yield break;
        using var consumer = Open(request.ReadCommitted);
        consumer.Assign(ranges.Where(r => open.ContainsKey(r.Partition)).Select(r => new TopicPartitionOffset(request.Topic, r.Partition, r.From)));
        for (var left = request.Max ?? long.MaxValue; open.Count > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            // A thread of the pool is not held while there is nothing: who reads may be beside a broker in one process.
            if (consumer.Consume(TimeSpan.Zero) is not { } result)
            {
                await Task.Delay(Wait, TimeProvider.System, cancellation);
                continue;
            }
            var partition = result.Partition.Value;
            if (!request.Follow && open.TryGetValue(partition, out var end) && (result.IsPartitionEOF || result.Offset.Value >= end))
            {
                open.Remove(partition);
                consumer.IncrementalUnassign([new TopicPartition(request.Topic, partition)]);
                continue;
            }
            if (result.IsPartitionEOF || !open.ContainsKey(partition)) continue;
            yield return new TopicRecord(request.Topic, partition, result.Offset.Value, result.Message.Timestamp.UtcDateTime, result.Message.Key, result.Message.Value,
                [.. (result.Message.Headers ?? []).Select(h => KeyValuePair.Create(h.Key, (byte[]?)h.GetValueBytes()))]);
            if (--left == 0) yield break;
        }
    }

    private IConsumer<byte[]?, byte[]?> Open(bool readCommitted)
    {
        var config = new Dictionary<string, string>(connection.Settings)
        {
            ["bootstrap.servers"] = connection.Bootstrap,
            ["client.id"] = "streamengine-consume",
            ["group.id"] = "streamengine-consume",
            ["enable.auto.commit"] = "false",
            ["enable.partition.eof"] = "true",
            ["auto.offset.reset"] = "error",
            ["isolation.level"] = readCommitted ? "read_committed" : "read_uncommitted",
            ["allow.auto.create.topics"] = "false",
            ["fetch.wait.max.ms"] = "100",
            ["fetch.error.backoff.ms"] = "50",
        };
        foreach (var name in config.Keys.Where(k => k is "compression.type" or "compression.codec" or "linger.ms" or "batch.size" or "batch.num.messages"
            or "message.max.bytes" or "transaction.timeout.ms").ToList()) config.Remove(name);
        return new ConsumerBuilder<byte[]?, byte[]?>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
    }

    private async Task<List<(int Partition, long From, long To)>> FindRangesAsync(ReadRequest request, CancellationToken cancellation)
    {
        using var topics = new KafkaTopics(connection, NullLogger.Instance);
        var topic = await TopicLookup.FindAsync(topics, connection, request.Topic, cancellation);
        if (request.Partition is { } one && (one < 0 || one >= topic.Partitions))
            throw new StartupException($"topic '{topic.Name}' has no partition {one}: it has {topic.Partitions}, from 0");
        var first = await topics.OffsetsAsync(topic, StartPosition.Earliest, 0, cancellation);
        var ranges = new List<(int, long, long)>();
        foreach (var partition in request.Partition is { } only ? [only] : Enumerable.Range(0, topic.Partitions))
        {
            var (stable, high) = await topics.EndsAsync(topic.Name, partition, cancellation);
            var end = request.ReadCommitted ? stable : high;
            ranges.Add((partition, StartOf(request, topic, partition, first[partition], end), end));
        }
        return ranges;
    }

    private static long StartOf(ReadRequest request, KafkaTopic topic, int partition, long first, long end)
    {
        if (request.From == "earliest") return first;
        if (request.From == "latest") return end;
        if (!long.TryParse(request.From, NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
            throw new StartupException($"'{request.From}' is no place to read from: earliest, latest, or an offset");
        if (request.Partition is null && topic.Partitions > 1)
            throw new StartupException($"offset {offset} of which partition? topic '{topic.Name}' has {topic.Partitions}: name one with --partition");
        return offset >= first && offset <= end ? offset
            : throw new StartupException($"{topic.Name}-{partition} has no offset {offset}: it has {first} to {end}{(offset < first && first > 0 ? "; what was before was deleted" : "")}");
    }
}
