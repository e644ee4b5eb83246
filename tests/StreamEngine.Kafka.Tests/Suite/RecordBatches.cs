using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using K4os.Compression.LZ4.Streams;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Kafka.Suite;

/// <summary>A record as a producer has it.</summary>
internal sealed record LogRecord(long Offset, string? Value, string? Key = null, long Timestamp = 0)
{
    public (string Name, string? Value)[] Headers { get; init; } = [];
}

/// <summary>How a test's batch is compressed; snappy comes in two forms.</summary>
public enum TestCodec
{
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
    SnappyFramed,
}

/// <summary>Record batches as a broker keeps them, written by the format's description and not by the code under test.</summary>
internal static class RecordBatches
{
    public const int Head = 61;

    public static byte[] Encode(IReadOnlyList<LogRecord> records, TestCodec codec = TestCodec.None, long producer = -1, bool transactional = false,
        long? appendTime = null, long? baseOffset = null, long? lastOffset = null, int epoch = 0)
    {
        var first = baseOffset ?? records[0].Offset;
        var last = lastOffset ?? records[^1].Offset;
        var baseTime = records.Count > 0 ? records[0].Timestamp : 0;
        var w = new ProtocolWriter();
        foreach (var record in records) Write(w, record, first, baseTime);
        var attributes = (codec == TestCodec.SnappyFramed ? 2 : (int)codec) | (appendTime is null ? 0 : 0x08) | (transactional ? 0x10 : 0);
        return Finish(Compress(w.Written.ToArray(), codec), attributes, first, last, baseTime, appendTime ?? records.Select(r => r.Timestamp).DefaultIfEmpty(0).Max(),
            producer, records.Count, epoch);
    }

    /// <summary>The marker that ends a producer's transaction.</summary>
    public static byte[] Marker(long offset, long producer, bool commit)
    {
        var body = new ProtocolWriter();
        body.Int8(0);
        body.VarLong(0);
        body.VarLong(0);
        body.VarLong(4);
        body.Int16(0);
        body.Int16(commit ? (short)1 : (short)0);
        body.VarLong(6);
        body.Int16(0);
        body.Int32(0);
        body.VarLong(0);
        var w = new ProtocolWriter();
        w.VarLong(body.Length);
        w.Raw(body.Written);
        return Finish(w.Written.ToArray(), 0x30, offset, offset, 1000, 1000, producer, 1, 0);
    }

    private static byte[] Finish(byte[] records, int attributes, long first, long last, long baseTime, long maxTime, long producer, int count, int epoch)
    {
        var batch = new byte[Head + records.Length];
        var b = batch.AsSpan();
        BinaryPrimitives.WriteInt64BigEndian(b, first);
        BinaryPrimitives.WriteInt32BigEndian(b[8..], batch.Length - 12);
        BinaryPrimitives.WriteInt32BigEndian(b[12..], epoch);
        b[16] = 2;
        BinaryPrimitives.WriteInt16BigEndian(b[21..], (short)attributes);
        BinaryPrimitives.WriteInt32BigEndian(b[23..], (int)(last - first));
        BinaryPrimitives.WriteInt64BigEndian(b[27..], baseTime);
        BinaryPrimitives.WriteInt64BigEndian(b[35..], maxTime);
        BinaryPrimitives.WriteInt64BigEndian(b[43..], producer);
        BinaryPrimitives.WriteInt32BigEndian(b[53..], -1);
        BinaryPrimitives.WriteInt32BigEndian(b[57..], count);
        records.CopyTo(b[Head..]);
        Stamp(batch);
        return batch;
    }

    private static void Write(ProtocolWriter w, LogRecord record, long first, long baseTime)
    {
        var body = new ProtocolWriter();
        body.Int8(0);
        body.VarLong(record.Timestamp - baseTime);
        body.VarLong(record.Offset - first);
        Text(body, record.Key);
        Text(body, record.Value);
        body.VarLong(record.Headers.Length);
        foreach (var (name, value) in record.Headers)
        {
            Text(body, name);
            Text(body, value);
        }
        w.VarLong(body.Length);
        w.Raw(body.Written);
        body.Abandon();
    }

    private static void Text(ProtocolWriter w, string? text)
    {
        var bytes = text is null ? null : Encoding.UTF8.GetBytes(text);
        w.VarLong(bytes?.Length ?? -1);
        w.Raw(bytes);
    }

    public static byte[] Compress(byte[] records, TestCodec codec)
    {
        using var output = new MemoryStream();
        switch (codec)
        {
            case TestCodec.Gzip:
                using (var gzip = new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(records);
                break;
            case TestCodec.Snappy:
                output.Write(Snappier.Snappy.CompressToArray(records));
                break;
            case TestCodec.SnappyFramed:
                output.Write([0x82, (byte)'S', (byte)'N', (byte)'A', (byte)'P', (byte)'P', (byte)'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1]);
                foreach (var part in records.Chunk(1000))
                {
                    var block = Snappier.Snappy.CompressToArray(part);
                    output.Write([(byte)(block.Length >> 24), (byte)(block.Length >> 16), (byte)(block.Length >> 8), (byte)block.Length]);
                    output.Write(block);
                }
                break;
            case TestCodec.Lz4:
                using (var lz4 = LZ4Stream.Encode(output, leaveOpen: true)) lz4.Write(records);
                break;
            case TestCodec.Zstd:
                using (var zstd = new ZstdSharp.CompressionStream(output, leaveOpen: true)) zstd.Write(records);
                break;
            default:
                return records;
        }
        return output.ToArray();
    }

    /// <summary>Makes the checksum right again after a test has changed something.</summary>
    public static void Stamp(byte[] batch) => BinaryPrimitives.WriteUInt32BigEndian(batch.AsSpan(17), Checksum(batch.AsSpan(21)));

    /// <summary>CRC-32C bit by bit.</summary>
    public static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var i = 0; i < 8; i++) crc = crc >> 1 ^ (0x82F63B78u & (uint)-(int)(crc & 1));
        }
        return ~crc;
    }
}
