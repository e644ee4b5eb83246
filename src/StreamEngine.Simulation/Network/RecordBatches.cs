using System.Buffers.Binary;
using StreamEngine.Broker.Log;
using StreamEngine.Broker.Protocol;
using StreamEngine.Core;

namespace StreamEngine.Simulation.Network;

/// <summary>A record as a client sees it. Headers are in the form of <see cref="RecordHeaders"/>.</summary>
internal sealed record LogRecord(byte[]? Key, byte[]? Value, byte[] Headers, long Timestamp)
{
    /// <summary>Where it was read from.</summary>
    public long Offset { get; init; } = -1;
}

/// <summary>Who writes a batch: all of them -1 for nobody in particular.</summary>
internal readonly record struct BatchProducer(long Id, short Epoch, int Sequence, bool Transactional)
{
    public static BatchProducer None => new(-1, -1, -1, false);
}

/// <summary>What a read_committed client makes of fetched bytes.</summary>
/// <param name="Records">The records that count, from the asked offset on.</param>
/// <param name="NextOffset">Behind the last batch, whatever it held.</param>
internal sealed record ReadBatches(List<LogRecord> Records, long NextOffset);

/// <summary>Record batches of format 2 without compression (Kafka's protocol guide, "Record Batch"), as clients write and read them.</summary>
internal static class RecordBatches
{
    private const short Transactional = 0x10;

    public static byte[] Write(IReadOnlyList<LogRecord> records, BatchProducer producer)
    {
        var w = new ProtocolWriter();
        w.Raw(new byte[BatchHeader.Size]);
        var first = records[0].Timestamp;
        for (var i = 0; i < records.Count; i++) WriteRecord(w, i, records[i], first);
        var bytes = w.Written.ToArray();
        w.Abandon();
        var b = bytes.AsSpan();
        BinaryPrimitives.WriteInt32BigEndian(b[8..], bytes.Length - 12);
        b[16] = 2;
        BinaryPrimitives.WriteInt16BigEndian(b[21..], producer.Transactional ? Transactional : (short)0);
        BinaryPrimitives.WriteInt32BigEndian(b[23..], records.Count - 1);
        BinaryPrimitives.WriteInt64BigEndian(b[27..], first);
        BinaryPrimitives.WriteInt64BigEndian(b[35..], records.Max(r => r.Timestamp));
        BinaryPrimitives.WriteInt64BigEndian(b[43..], producer.Id);
        BinaryPrimitives.WriteInt16BigEndian(b[51..], producer.Epoch);
        BinaryPrimitives.WriteInt32BigEndian(b[53..], producer.Sequence);
        BinaryPrimitives.WriteInt32BigEndian(b[57..], records.Count);
        BatchHeader.StampCrc(b);
        return bytes;
    }

    private static void WriteRecord(ProtocolWriter w, int index, LogRecord record, long first)
    {
        var body = new ProtocolWriter();
        body.Int8(0);
        body.VarLong(record.Timestamp - first);
        body.VarLong(index);
        WriteBytes(body, record.Key);
        WriteBytes(body, record.Value);
        var count = 0;
        foreach (var _ in RecordHeaders.Read(record.Headers)) count++;
        body.VarLong(count);
        foreach (var header in RecordHeaders.Read(record.Headers))
        {
            body.VarLong(header.Name.Length);
            body.Raw(header.Name);
            body.VarLong(header.IsNull ? -1 : header.Value.Length);
            body.Raw(header.Value);
        }
        w.VarLong(body.Length);
        w.Raw(body.Written);
        body.Abandon();
    }

    private static void WriteBytes(ProtocolWriter w, byte[]? bytes)
    {
        w.VarLong(bytes?.Length ?? -1);
        if (bytes is not null) w.Raw(bytes);
    }

    /// <summary>Reads fetched batches from an offset on, without control records and without those of the aborted transactions.</summary>
    public static ReadBatches Read(ReadOnlyMemory<byte> bytes, long from, IReadOnlyList<(long ProducerId, long FirstOffset)> aborted)
    {
        var records = new List<LogRecord>();
        var next = from;
        var begins = new Queue<(long ProducerId, long FirstOffset)>(aborted.OrderBy(a => a.FirstOffset));
        var dropping = new HashSet<long>();
        while (bytes.Length >= BatchHeader.Size)
        {
            var header = BatchHeader.Read(bytes.Span);
            if (header.TotalSize > bytes.Length) break;
            var batch = bytes[..(int)header.TotalSize];
            if (Crc32C.Compute(batch.Span[BatchHeader.CrcFrom..]) != header.Crc)
                throw new InvalidDataException($"the batch at offset {header.BaseOffset} does not match its checksum");
            while (begins.TryPeek(out var begin) && begin.FirstOffset <= header.LastOffset) dropping.Add(begins.Dequeue().ProducerId);
            if (header.IsControl)
            {
                if (!ControlBatch.IsCommit(batch.Span)) dropping.Remove(header.ProducerId);
            }
            else if (!header.IsTransactional || !dropping.Contains(header.ProducerId)) ReadRecords(batch[BatchHeader.Size..], header, from, records);
            next = Math.Max(next, header.LastOffset + 1);
            bytes = bytes[(int)header.TotalSize..];
        }
        return new ReadBatches(records, next);
    }

    private static void ReadRecords(ReadOnlyMemory<byte> bytes, BatchHeader header, long from, List<LogRecord> records)
    {
        var at = new Reader(bytes.Span);
        for (var i = 0; i < header.RecordCount; i++)
        {
            _ = at.VarLong();
            at.Skip(1);
            var timestamp = header.BaseTimestamp + at.VarLong();
            var offset = header.BaseOffset + at.VarLong();
            var (key, value) = (at.Bytes(), at.Bytes());
            var record = new LogRecord(key, value, ReadHeaders(ref at), timestamp) { Offset = offset };
            if (offset >= from) records.Add(record);
        }
    }

    private static byte[] ReadHeaders(ref Reader at)
    {
        var count = at.VarLong();
        if (count == 0) return [];
        var headers = new List<(byte[] Name, byte[]? Value)>();
        for (var i = 0; i < count; i++) headers.Add((at.Bytes()!, at.Bytes()));
        var bytes = new byte[headers.Sum(h => RecordHeaders.SizeOf(h.Name.Length, h.Value?.Length ?? 0))];
        var rest = bytes.AsSpan();
        foreach (var (name, value) in headers) rest = RecordHeaders.Write(rest, name, value, value is null);
        return bytes;
    }

    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;
        private int _at;

        public void Skip(int count) => _at += count;

        public long VarLong()
        {
            ulong value = 0;
            for (var shift = 0; ; shift += 7)
            {
                var b = _bytes[_at++];
                value |= (ulong)(b & 0x7F) << shift;
                if (b < 0x80) return (long)(value >> 1) ^ -(long)(value & 1);
            }
        }

        public byte[]? Bytes()
        {
            var length = (int)VarLong();
            if (length < 0) return null;
            _at += length;
            return _bytes.Slice(_at - length, length).ToArray();
        }
    }
}
