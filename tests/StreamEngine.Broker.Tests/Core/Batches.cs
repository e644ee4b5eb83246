using System.Buffers.Binary;
using StreamEngine.Broker.Log;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Core;

/// <summary>Makes record batches as producers send them, and reads the values back out of fetched bytes.</summary>
internal static class Batches
{
    public static byte[] Make(int count = 1, long producerId = -1, short epoch = -1, int sequence = -1, bool transactional = false, long time = 1000, string prefix = "v",
        int size = 0)
    {
        var w = new ProtocolWriter();
        w.Raw(new byte[BatchHeader.Size]);
        for (var i = 0; i < count; i++) WriteRecord(w, i, System.Text.Encoding.UTF8.GetBytes($"{prefix}{i}".PadRight(size)));
        var batch = w.Written.ToArray();
        w.Abandon();
        var b = batch.AsSpan();
        BinaryPrimitives.WriteInt32BigEndian(b[8..], batch.Length - 12);
        b[16] = 2;
        BinaryPrimitives.WriteInt16BigEndian(b[21..], (short)(transactional ? 0x10 : 0));
        BinaryPrimitives.WriteInt32BigEndian(b[23..], count - 1);
        BinaryPrimitives.WriteInt64BigEndian(b[27..], time);
        BinaryPrimitives.WriteInt64BigEndian(b[35..], time + count - 1);
        BinaryPrimitives.WriteInt64BigEndian(b[43..], producerId);
        BinaryPrimitives.WriteInt16BigEndian(b[51..], epoch);
        BinaryPrimitives.WriteInt32BigEndian(b[53..], sequence);
        BinaryPrimitives.WriteInt32BigEndian(b[57..], count);
        BatchHeader.StampCrc(b);
        return batch;
    }

    private static void WriteRecord(ProtocolWriter w, int index, byte[] value)
    {
        var body = new ProtocolWriter();
        body.Int8(0);
        body.VarLong(index);
        body.VarLong(index);
        body.VarLong(-1);
        body.VarLong(value.Length);
        body.Raw(value);
        body.VarLong(0);
        w.VarLong(body.Length);
        w.Raw(body.Written);
        body.Abandon();
    }

    /// <summary>The (offset, value) pairs of fetched bytes; a marker's value is "commit PID" or "abort PID".</summary>
    public static List<(long Offset, string Value)> Read(ReadOnlyMemory<byte> bytes)
    {
        var found = new List<(long, string)>();
        while (bytes.Length >= BatchHeader.Size)
        {
            var header = BatchHeader.Read(bytes.Span);
            if (header.TotalSize > bytes.Length) throw new InvalidOperationException("a fetch gave a part of a batch");
            var batch = bytes[..(int)header.TotalSize];
            Assert.Equal(header.Crc, Crc32C.Compute(batch.Span[BatchHeader.CrcFrom..]));
            if (header.IsControl) found.Add((header.BaseOffset, $"{(ControlBatch.IsCommit(batch.Span) ? "commit" : "abort")} {header.ProducerId}"));
            else ReadRecords(batch[BatchHeader.Size..], header, found);
            bytes = bytes[(int)header.TotalSize..];
        }
        return found;
    }

    private static void ReadRecords(ReadOnlyMemory<byte> bytes, BatchHeader header, List<(long, string)> found)
    {
        var r = new ProtocolReader(bytes);
        for (var i = 0; i < header.RecordCount; i++)
        {
            r.VarLong();
            r.Int8();
            r.VarLong();
            var offset = header.BaseOffset + r.VarLong();
            Assert.Equal(-1, r.VarLong());
            var length = (int)r.VarLong();
            found.Add((offset, System.Text.Encoding.UTF8.GetString(bytes.Span.Slice(r.Position, length)).TrimEnd()));
            for (var k = 0; k < length; k++) r.Int8();
            Assert.Equal(0, r.VarLong());
        }
    }
}
