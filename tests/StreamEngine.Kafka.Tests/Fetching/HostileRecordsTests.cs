using System.Buffers.Binary;
using FsCheck.Fluent;
using FsCheck.Xunit;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Bytes that no broker should send: each is an error that says what is wrong, never a crash or a read beyond the end.</summary>
public sealed class HostileRecordsTests
{
    private static byte[] Valid(Random random)
    {
        var bytes = new List<byte>();
        long offset = 0;
        for (var batches = random.Next(1, 4); batches > 0; batches--)
        {
            var records = Enumerable.Range(0, random.Next(1, 5)).Select(i => new LogRecord(offset + i, random.Next(5) == 0 ? null : new string('v', random.Next(200)),
                random.Next(2) == 0 ? null : "k", random.Next()) { Headers = random.Next(3) == 0 ? [("name", "value"), ("n", null)] : [] }).ToList();
            offset += records.Count;
            var codec = random.Next(2) == 0 ? TestCodec.None : (TestCodec)random.Next(6);
            bytes.AddRange(RecordBatches.Encode(records, codec, random.Next(2) == 0 ? -1 : 3, random.Next(2) == 0));
        }
        return [.. bytes];
    }

    private static bool Survives(byte[] bytes)
    {
        try
        {
            ParsedRecords.Of(bytes, 0, [new AbortedTransaction(3, 0)], rows: 3);
            return true;
        }
        catch (MalformedException)
        {
            return true;
        }
    }

    [Property(MaxTest = 50)]
    public FsCheck.Property Every_prefix_is_read_or_refused() => Prop.ForAll(Gen.Choose(0, Seeds.All).ToArbitrary(), seed =>
    {
        var valid = Valid(new Random(seed));
        return Enumerable.Range(0, valid.Length).All(length => Survives(valid[..length]));
    });

    [Property(MaxTest = 2000)]
    public FsCheck.Property Changed_bytes_under_a_right_checksum_are_read_or_refused() => Prop.ForAll(Gen.Choose(0, Seeds.All).ToArbitrary(), seed =>
    {
        var random = new Random(seed);
        var bytes = Valid(random);
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            // Not the length and not the format: behind them everything is to be doubted, too.
            var at = random.Next(21, bytes.Length);
            bytes[at] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)(random.Next(2) * 255);
        }
        StampAll(bytes);
        return Survives(bytes);
    });

    private static void StampAll(byte[] bytes)
    {
        for (var at = 0; at + RecordBatches.Head <= bytes.Length;)
        {
            var total = 12 + BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(at + 8));
            if (total < RecordBatches.Head || total > bytes.Length - at) return;
            var batch = bytes[at..(at + total)];
            RecordBatches.Stamp(batch);
            batch.CopyTo(bytes.AsSpan(at));
            at += total;
        }
    }

    [Theory]
    [InlineData(8, -1, "less than its head")]
    [InlineData(8, 48, "less than its head")]
    [InlineData(23, -1, "ends -1 offsets behind it")]
    [InlineData(57, -1, "says that it has -1 records")]
    [InlineData(57, 4, "says that it has 4 records")]
    [InlineData(57, 2, "bytes behind its last record")]
    public void A_head_that_lies_is_refused(int at, int value, string expected)
    {
        var batch = RecordBatches.Encode([new LogRecord(0, "a"), new LogRecord(1, "b"), new LogRecord(2, "c")]);
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(at), value);
        RecordBatches.Stamp(batch);
        Assert.Contains(expected, Assert.Throws<MalformedException>(() => ParsedRecords.Of(batch)).Message, StringComparison.Ordinal);
    }

    [Theory]
    // Length of the record, then attributes, time, offset, length of the key, length of the value, count of headers.
    [InlineData(new byte[] { 14, 0, 0, 0, 1, 2, (byte)'v' }, "14 bytes long", false)]
    [InlineData(new byte[] { 1 }, "-1 bytes long", false)]
    [InlineData(new byte[] { 14, 0, 0, 2, 1, 2, (byte)'v', 0 }, "stands at 1", true)]
    [InlineData(new byte[] { 14, 0, 0, 1, 1, 2, (byte)'v', 0 }, "stands at -1", true)]
    [InlineData(new byte[] { 14, 0, 0, 0, 60, 2, (byte)'v', 0 }, "a key of 30 bytes", true)]
    [InlineData(new byte[] { 14, 0, 0, 0, 3, 2, (byte)'v', 0 }, "a key of -2 bytes", true)]
    [InlineData(new byte[] { 14, 0, 0, 0, 1, 60, (byte)'v', 0 }, "a value of 30 bytes", true)]
    [InlineData(new byte[] { 14, 0, 0, 0, 1, 2, (byte)'v', 2 }, "1 headers in 0 bytes", true)]
    [InlineData(new byte[] { 14, 0, 0, 0, 1, 0, 0, 0 }, "0 headers in 1 bytes", true)]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0 }, "longer than 32 bits", true)]
    public void A_record_that_lies_is_refused(byte[] record, string expected, bool isWhole)
    {
        var good = RecordBatches.Encode([new LogRecord(0, "v")]);
        if (isWhole) Assert.Equal(8, good.Length - RecordBatches.Head);
        byte[] batch = [.. good[..RecordBatches.Head], .. record];
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(8), batch.Length - 12);
        RecordBatches.Stamp(batch);
        var failure = Assert.Throws<MalformedException>(() => ParsedRecords.Of(batch));
        Assert.Contains(isWhole ? expected : "", failure.Message, StringComparison.Ordinal);
    }
}
