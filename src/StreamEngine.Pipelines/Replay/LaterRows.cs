using System.Globalization;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Pipelines.Replay;

/// <summary>
/// Finds the keys of a promotion that somebody else has written since production was compared. Committed rows count, and those of transactions that are still open: with
/// the promotion's own records written and not committed, what is not found by now comes behind them. Which of two records in an open transaction is whose need not be
/// known: of the same key and the same value either is as good.
/// </summary>
internal sealed class LaterRows(KafkaConnection connection, KafkaTopics topics)
{
    private readonly TopicReader _reader = new(connection);

    /// <param name="records">What is about to be promoted.</param>
    /// <param name="readTo">By topic, where the comparisons ended; the earliest counts.</param>
    /// <param name="partitions">By topic, how many.</param>
    /// <param name="cancellation">Ends the search.</param>
    public async Task<IReadOnlySet<(string Topic, string Key)>> FindAsync(IEnumerable<(string Topic, byte[]? Key, byte[]? Value)> records,
        ILookup<string, IReadOnlyDictionary<int, long>> readTo, IReadOnlyDictionary<string, int> partitions, CancellationToken cancellation)
    {
        var found = new HashSet<(string Topic, string Key)>();
        foreach (var topic in records.GroupBy(r => r.Topic))
        {
            var own = topic.ToDictionary(r => NameOf(r.Key), r => r.Value);
            for (var partition = 0; partition < partitions[topic.Key]; partition++)
            {
                var from = readTo[topic.Key].Min(d => d.GetValueOrDefault(partition));
                var (stable, _) = await topics.EndsAsync(topic.Key, partition, cancellation);
                await LookAsync(new ReadRequest(topic.Key) { Partition = partition, From = TextOf(from), ReadCommitted = true }, own, found, cancellation);
                await LookAsync(new ReadRequest(topic.Key) { Partition = partition, From = TextOf(Math.Max(from, stable)) }, own, found, cancellation);
            }
        }
        return found;
    }

    private async Task LookAsync(ReadRequest request, Dictionary<string, byte[]?> own, HashSet<(string Topic, string Key)> found, CancellationToken cancellation)
    {
        await foreach (var record in _reader.ReadAsync(request, cancellation))
            if (own.TryGetValue(NameOf(record.Key), out var value) && !AreSame(value, record.Value)) found.Add((request.Topic, NameOf(record.Key)));
    }

    // Zero: nothing was read of the partition, which may begin later.
    private static string TextOf(long offset) => offset == 0 ? "earliest" : offset.ToString(CultureInfo.InvariantCulture);

    private static bool AreSame(byte[]? a, byte[]? b) => a is null || b is null ? a is null && b is null : a.AsSpan().SequenceEqual(b);

    /// <summary>A key as text, for comparing; the null key is one of its own.</summary>
    public static string NameOf(byte[]? key) => key is null ? "-" : Convert.ToBase64String(key);
}
