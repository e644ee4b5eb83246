using FsCheck.Fluent;
using FsCheck.Xunit;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Records of aborted transactions are not seen, however the transactions interleave and wherever the reading begins.</summary>
public sealed class AbortedTransactionsTests
{
    [Fact]
    public void Interleaved_transactions_are_told_apart()
    {
        byte[] bytes =
        [
            .. Batch(0, 1, "a"), .. Batch(1, 2, "lost"), .. RecordBatches.Encode([new LogRecord(2, "plain")]), .. Batch(3, 1, "b"),
            .. RecordBatches.Marker(4, 2, commit: false), .. Batch(5, 2, "c"), .. RecordBatches.Marker(6, 1, commit: true), .. RecordBatches.Marker(7, 2, commit: true),
        ];
        Assert.Equal("0:a 2:plain 3:b 5:c then 8", ParsedRecords.Of(bytes, aborted: [new AbortedTransaction(2, 1)]));
    }

    [Fact]
    public void A_producer_may_abort_twice_and_write_without_a_transaction()
    {
        byte[] bytes =
        [
            .. Batch(0, 1, "lost"), .. RecordBatches.Marker(1, 1, commit: false), .. Batch(2, 1, "a"), .. RecordBatches.Marker(3, 1, commit: true),
            .. Batch(4, 1, "lost"), .. RecordBatches.Encode([new LogRecord(5, "idempotent")], producer: 1), .. RecordBatches.Marker(6, 1, commit: false),
        ];
        // The list need not be in order.
        Assert.Equal("2:a 5:idempotent then 7", ParsedRecords.Of(bytes, aborted: [new AbortedTransaction(1, 4), new AbortedTransaction(1, 0)]));
    }

    private static byte[] Batch(long offset, long producer, string value) =>
        RecordBatches.Encode([new LogRecord(offset, value)], producer: producer, transactional: true);

    /// <summary>A random history, and what a committed reader has to see of it.</summary>
    [Property(MaxTest = 300)]
    public FsCheck.Property Whatever_the_order_only_committed_records_are_seen() => Prop.ForAll(Gen.Choose(0, Seeds.All).ToArbitrary(), seed =>
    {
        var random = new Random(seed);
        var batches = new List<(long Next, byte[] Bytes)>();
        var open = new Dictionary<long, (long First, List<(long Offset, string Text)> Records)>();
        var visible = new SortedDictionary<long, string>();
        var aborted = new List<(AbortedTransaction Transaction, long Marker)>();
        long offset = 0;
        for (var step = 0; step < 40 || open.Count > 0; step++)
        {
            long producer = random.Next(4);
            if (step >= 40 ? open.Count > 0 : random.Next(3) == 0 && open.ContainsKey(producer))
            {
                producer = open.ContainsKey(producer) ? producer : open.Keys.First();
                var (first, records) = open[producer];
                open.Remove(producer);
                var commit = random.Next(2) == 0;
                if (commit) foreach (var (at, text) in records) visible[at] = text;
                else aborted.Add((new AbortedTransaction(producer, first), offset));
                batches.Add((offset + 1, RecordBatches.Marker(offset++, producer, commit)));
                continue;
            }
            var count = random.Next(1, 4);
            var written = Enumerable.Range(0, count).Select(i => new LogRecord(offset + i, $"v{offset + i}")).ToList();
            var plain = random.Next(4) == 0;
            if (plain) foreach (var record in written) visible[record.Offset] = record.Value!;
            else
            {
                if (!open.TryGetValue(producer, out var transaction)) open[producer] = transaction = (offset, []);
                transaction.Records.AddRange(written.Select(r => (r.Offset, r.Value!)));
            }
            offset += count;
            batches.Add((offset, RecordBatches.Encode(written, (TestCodec)random.Next(6), producer: plain ? -1 : producer, transactional: !plain)));
        }
        long from = random.Next((int)offset);
        // As a broker does: whole batches from the one that holds the offset on, and the aborted transactions that overlap them.
        byte[] bytes = [.. batches.Where(b => b.Next > from).SelectMany(b => b.Bytes)];
        var listed = aborted.Where(a => a.Marker >= from).Select(a => a.Transaction).ToArray();
        var expected = string.Join(' ', visible.Where(v => v.Key >= from).Select(v => $"{v.Key}:{v.Value}").Append($"then {offset}"));
        return ParsedRecords.Of(bytes, from, listed, rows: random.Next(1, 10)) == expected;
    });
}
