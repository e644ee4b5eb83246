using System.IO.Compression;
using K4os.Compression.LZ4.Streams;
using Snappier;
using ZstdSharp;

namespace StreamEngine.Broker.Log;

/// <summary>
/// Finds a record by time inside of one batch: the only place where records are read one by one, and only for ListOffsets. A batch whose payload does
/// not decode is answered by its first offset: its readers will see for themselves.
/// </summary>
internal static class RecordTimes
{
    private static ReadOnlySpan<byte> XerialMagic => [0x82, (byte)'S', (byte)'N', (byte)'A', (byte)'P', (byte)'P', (byte)'Y', 0];

    public static (long Offset, long Timestamp)? Find(LogSegment segment, long position, in BatchHeader header, long timestamp, long startOffset)
    {
        var first = Math.Max(header.BaseOffset, startOffset);
        if (header.IsLogAppendTime) return (first, header.MaxTimestamp);
        if (header.BaseTimestamp >= timestamp && header.BaseOffset >= startOffset) return (header.BaseOffset, header.BaseTimestamp);
        var payload = new byte[header.TotalSize - BatchHeader.Size];
        segment.Store.Read(position + BatchHeader.Size, payload);
        try
        {
            using var stream = Open(payload, header.Codec);
            return Scan(new RecordStream(stream), header, timestamp, startOffset);
        }
        catch (Exception error) when (error is IOException or InvalidDataException or ZstdException
            or ArgumentException or NotSupportedException or InvalidOperationException)
        {
            return (first, header.BaseTimestamp);
        }
    }

    private static (long Offset, long Timestamp)? Scan(RecordStream records, in BatchHeader header, long timestamp, long startOffset)
    {
        for (var i = 0; i < header.RecordCount; i++)
        {
            var length = records.VarLong();
            var before = records.Consumed;
            records.Skip(1);
            var time = header.BaseTimestamp + records.VarLong();
            var offset = header.BaseOffset + records.VarLong();
            if (time >= timestamp && offset >= startOffset) return (offset, time);
            records.Skip(length - (records.Consumed - before));
        }
        return null;
    }

    private static Stream Open(byte[] payload, int codec) => codec switch
    {
        0 => new MemoryStream(payload),
        1 => new GZipStream(new MemoryStream(payload), CompressionMode.Decompress),
        2 => new MemoryStream(Unsnap(payload)),
        3 => LZ4Stream.Decode(new MemoryStream(payload)),
        4 => new DecompressionStream(new MemoryStream(payload)),
        _ => throw new InvalidDataException($"codec {codec}"),
    };

    /// <summary>Snappy comes as one raw block (librdkafka) or in snappy-java's framing: magic, two versions, then blocks with their length in front.</summary>
    private static byte[] Unsnap(byte[] payload)
    {
        if (!payload.AsSpan().StartsWith(XerialMagic)) return Block(payload);
        using var output = new MemoryStream();
        for (var at = 16; at + 4 <= payload.Length;)
        {
            var size = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(payload.AsSpan(at));
            if (size < 0 || size > payload.Length - at - 4 || output.Length > MaxUnpacked) throw new InvalidDataException("a snappy block does not fit");
            output.Write(Block(payload.AsSpan(at + 4, size)));
            at += 4 + size;
        }
        return output.ToArray();
    }

    private const int MaxUnpacked = 256 << 20;

    private static byte[] Block(ReadOnlySpan<byte> block) =>
        Snappy.GetUncompressedLength(block) <= MaxUnpacked ? Snappy.DecompressToArray(block) : throw new InvalidDataException("a snappy block is too large");

    /// <summary>Reads varints from a stream and steps over the rest without keeping it, so that a compression bomb costs no memory.</summary>
    private sealed class RecordStream(Stream stream)
    {
        private readonly byte[] _buffer = new byte[16 * 1024];
        private int _at;
        private int _end;

        public long Consumed { get; private set; }

        private byte Next()
        {
            if (_at == _end) Fill();
            Consumed++;
            return _buffer[_at++];
        }

        private void Fill()
        {
            if (Consumed > MaxUnpacked) throw new InvalidDataException("a batch unpacks to too many bytes");
            _end = stream.Read(_buffer);
            _at = 0;
            if (_end == 0) throw new InvalidDataException("the batch ends inside of a record");
        }

        public long VarLong()
        {
            ulong value = 0;
            for (var shift = 0; shift < 70; shift += 7)
            {
                var b = Next();
                value |= (ulong)(b & 0x7F) << shift;
                if (b < 0x80) return (long)(value >> 1) ^ -(long)(value & 1);
            }
            throw new InvalidDataException("a varint is longer than 64 bits");
        }

        public void Skip(long count)
        {
            if (count < 0) throw new InvalidDataException("a record is longer than its length");
            while (count > 0)
            {
                if (_at == _end) Fill();
                var step = (int)Math.Min(count, _end - _at);
                _at += step;
                Consumed += step;
                count -= step;
            }
        }
    }
}
