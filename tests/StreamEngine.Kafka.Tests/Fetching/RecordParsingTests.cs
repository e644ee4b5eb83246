using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Record batches as brokers keep them: every codec, gaps, batches that begin before what was asked for, and what is no batch.</summary>
public sealed class RecordParsingTests
{
    private static LogRecord[] Some(long from, int count, string stem = "v") => [.. Enumerable.Range(0, count).Select(i => new LogRecord(from + i, $"{stem}{from + i}"))];

    private static string Shown(long from, int count) => string.Join(' ', Enumerable.Range(0, count).Select(i => $"{from + i}:v{from + i}"));

    [Theory]
    [InlineData(TestCodec.None)]
    [InlineData(TestCodec.Gzip)]
    [InlineData(TestCodec.Snappy)]
    [InlineData(TestCodec.SnappyFramed)]
    [InlineData(TestCodec.Lz4)]
    [InlineData(TestCodec.Zstd)]
    public void Every_codec_is_read(TestCodec codec)
    {
        // One of them unpacks to more than the first buffer holds.
        var large = new string('x', 300_000);
        byte[] bytes =
        [
            .. RecordBatches.Encode(Some(0, 3), codec), .. RecordBatches.Encode([new LogRecord(3, large)], codec), .. RecordBatches.Encode(Some(4, 2), codec),
        ];
        Assert.Equal($"{Shown(0, 3)} 3:{large} {Shown(4, 2)} then 6", ParsedRecords.Of(bytes));
    }

    [Fact]
    public void Keys_values_headers_and_timestamps_are_kept_as_they_are()
    {
        var records = new LogRecord[]
        {
            new(5, "v", "k", 1000) { Headers = [("h", "1"), ("empty", ""), ("null", null)] },
            new(6, null, "", 900),
            new(7, "", null, long.MaxValue / 2) { Headers = [("h", "2")] },
            new(8, "ü", "ö", -1),
        };
        Assert.Equal("5@1000 k=v [h=1,empty=,null=null]\n6@900 =null []\n7@4611686018427387903 null= [h=2]\n8@-1 ö=ü []", ParsedRecords.Whole(RecordBatches.Encode(records)));
    }

    [Fact]
    public void The_time_of_appending_counts_for_the_whole_batch_where_the_topic_says_so() =>
        Assert.Equal("0@77 null=a []\n1@77 null=b []", ParsedRecords.Whole(RecordBatches.Encode([new LogRecord(0, "a", Timestamp: 1),
            new LogRecord(1, "b", Timestamp: 2)],
            appendTime: 77)));

    [Fact]
    public void Records_before_the_position_are_stepped_over()
    {
        byte[] bytes = [.. RecordBatches.Encode(Some(0, 10)), .. RecordBatches.Encode(Some(10, 10), TestCodec.Gzip)];
        Assert.Equal($"{Shown(7, 13)} then 20", ParsedRecords.Of(bytes, 7));
        Assert.Equal("9:v9 10:v10 11:v11 12:v12 13:v13 14:v14 15:v15 16:v16 17:v17 18:v18 19:v19 then 20", ParsedRecords.Of(bytes, 9, rows: 1));
    }

    [Fact]
    public void Compaction_leaves_gaps_and_empty_batches()
    {
        byte[] bytes =
        [
            .. RecordBatches.Encode([new LogRecord(2, "a"), new LogRecord(9, "b")], baseOffset: 0, lastOffset: 19),
            .. RecordBatches.Encode([], baseOffset: 20, lastOffset: 29),
            .. RecordBatches.Encode([new LogRecord(33, "c")], baseOffset: 30, lastOffset: 39),
        ];
        Assert.Equal("2:a 9:b 33:c then 40", ParsedRecords.Of(bytes));
        Assert.Equal("33:c then 40", ParsedRecords.Of(bytes, 15));
        Assert.Equal("then 40", ParsedRecords.Of(bytes, 34));
    }

    [Fact]
    public void Control_records_are_passed()
    {
        byte[] bytes = [.. RecordBatches.Encode(Some(0, 1), producer: 7, transactional: true),
            .. RecordBatches.Marker(1, 7, commit: true), .. RecordBatches.Marker(2, 8, commit: false)];
        Assert.Equal("0:v0 then 3", ParsedRecords.Of(bytes));
        Assert.Equal("then 3", ParsedRecords.Of(bytes, 2));
    }

    [Theory]
    [InlineData(3, 1 << 20)]
    [InlineData(100, 10)]
    [InlineData(1, 1)]
    public void A_batch_of_rows_ends_by_count_and_by_bytes_without_losing_any(int rows, int bytes)
    {
        byte[] all = [.. RecordBatches.Encode(Some(0, 17)), .. RecordBatches.Encode(Some(17, 5), TestCodec.Lz4)];
        Assert.Equal($"{Shown(0, 22)} then 22", ParsedRecords.Of(all, rows: rows, mostBytes: bytes));
    }

    [Fact]
    public void The_last_batch_may_be_cut_off()
    {
        var first = RecordBatches.Encode(Some(0, 3));
        var second = RecordBatches.Encode(Some(3, 3));
        for (var cut = 0; cut < second.Length; cut++) Assert.Equal($"{Shown(0, 3)} then 3", ParsedRecords.Of([.. first, .. second.Take(cut)]));
    }

    [Fact]
    public void A_changed_byte_is_found_by_the_checksum()
    {
        var batch = RecordBatches.Encode(Some(0, 3));
        for (var at = 21; at < batch.Length; at++)
        {
            var changed = batch.ToArray();
            changed[at] ^= 0x10;
            Assert.Throws<MalformedException>(() => ParsedRecords.Of(changed));
        }
        batch[^1] ^= 1;
        Assert.Contains("checksum of the batch at offset 0", Assert.Throws<MalformedException>(() => ParsedRecords.Of(batch)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "message format 0")]
    [InlineData(1, "only format 2 is read")]
    [InlineData(3, "unknown format 3")]
    public void Other_formats_are_named(byte magic, string expected)
    {
        var batch = RecordBatches.Encode(Some(12, 3));
        batch[16] = magic;
        var failure = Assert.Throws<MalformedException>(() => ParsedRecords.Of(batch, 12));
        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
        Assert.Contains("offset 12", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Batches_out_of_order_are_no_log()
    {
        byte[] bytes = [.. RecordBatches.Encode(Some(5, 3)), .. RecordBatches.Encode(Some(7, 3))];
        Assert.Contains("came where offset 8 was next", Assert.Throws<MalformedException>(() => ParsedRecords.Of(bytes, 5)).Message, StringComparison.Ordinal);
        Assert.Contains("end before offset 8, where offset 8 was asked for", Assert.Throws<MalformedException>(() => ParsedRecords.Of(RecordBatches.Encode(Some(5, 3)), 8))
            .Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TestCodec.Gzip)]
    [InlineData(TestCodec.SnappyFramed)]
    [InlineData(TestCodec.Zstd)]
    [InlineData(TestCodec.Lz4)]
    public unsafe void What_unpacks_to_too_much_is_an_error_and_not_memory(TestCodec codec)
    {
        using var scope = new Core.MemoryScope();
        using (var decompressor = new RecordDecompressor(scope, 1 << 20))
        {
            var exact = RecordBatches.Compress(new byte[1 << 20], codec);
            var bomb = RecordBatches.Compress(new byte[(1 << 20) + 1], codec);
            fixed (byte* p = exact) Assert.Equal(1 << 20, decompressor.Decompress(codec == TestCodec.SnappyFramed ? 2 : (int)codec, p, exact.Length).Length);
            var failure = Assert.Throws<MalformedException>(() => Decompress(decompressor, codec, bomb));
            Assert.Contains("unpacks to more than 1048576 bytes", failure.Message, StringComparison.Ordinal);
        }
        Assert.InRange(scope.PeakBytes, 1, 4 << 20);
        Assert.Equal(0, scope.BlocksOut);
    }

    private static unsafe void Decompress(RecordDecompressor decompressor, TestCodec codec, byte[] data)
    {
        fixed (byte* p = data) decompressor.Decompress(codec == TestCodec.SnappyFramed ? 2 : (int)codec, p, data.Length);
    }

    [Fact]
    public unsafe void The_checksum_is_CRC_32C_at_every_length()
    {
        var random = new Random(7);
        foreach (var length in Enumerable.Range(0, 40).Concat([255, 1024, 3071, 3072, 3073, 4100, 6144, 10_001]))
        {
            var bytes = new byte[length + 1];
            random.NextBytes(bytes);
            fixed (byte* p = bytes) Assert.Equal(RecordBatches.Checksum(bytes.AsSpan(0, length)), Crc32C.Compute(p, length));
        }
    }
}
