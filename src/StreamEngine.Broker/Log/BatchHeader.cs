using System.Buffers.Binary;

namespace StreamEngine.Broker.Log;

/// <summary>The fixed head of a record batch v2 (Kafka documentation, "Record Batch"): all that the broker reads of one.</summary>
internal readonly struct BatchHeader
{
    public const int Size = 61;
    public const int CrcFrom = 21;
    private const int LengthFrom = 12;

    private BatchHeader(ReadOnlySpan<byte> b)
    {
        BaseOffset = BinaryPrimitives.ReadInt64BigEndian(b);
        BatchLength = BinaryPrimitives.ReadInt32BigEndian(b[8..]);
        Magic = (sbyte)b[16];
        Crc = BinaryPrimitives.ReadUInt32BigEndian(b[17..]);
        Attributes = BinaryPrimitives.ReadInt16BigEndian(b[21..]);
        LastOffsetDelta = BinaryPrimitives.ReadInt32BigEndian(b[23..]);
        BaseTimestamp = BinaryPrimitives.ReadInt64BigEndian(b[27..]);
        MaxTimestamp = BinaryPrimitives.ReadInt64BigEndian(b[35..]);
        ProducerId = BinaryPrimitives.ReadInt64BigEndian(b[43..]);
        ProducerEpoch = BinaryPrimitives.ReadInt16BigEndian(b[51..]);
        BaseSequence = BinaryPrimitives.ReadInt32BigEndian(b[53..]);
        RecordCount = BinaryPrimitives.ReadInt32BigEndian(b[57..]);
    }

    public long BaseOffset { get; }
    public int BatchLength { get; }
    public sbyte Magic { get; }
    public uint Crc { get; }
    public short Attributes { get; }
    public int LastOffsetDelta { get; }
    public long BaseTimestamp { get; }
    public long MaxTimestamp { get; }
    public long ProducerId { get; }
    public short ProducerEpoch { get; }
    public int BaseSequence { get; }
    public int RecordCount { get; }

    /// <summary>Bytes of the whole batch; long, since the field of a torn or hostile one may be anything.</summary>
    public long TotalSize => (long)BatchLength + LengthFrom;

    public long LastOffset => BaseOffset + LastOffsetDelta;
    public int Codec => Attributes & 0x07;
    public bool IsLogAppendTime => (Attributes & 0x08) != 0;
    public bool IsTransactional => (Attributes & 0x10) != 0;
    public bool IsControl => (Attributes & 0x20) != 0;
    public bool HasProducer => ProducerId >= 0;

    /// <summary>Sequence numbers wrap at 2^31.</summary>
    public int LastSequence => (int)(((long)BaseSequence + LastOffsetDelta) & int.MaxValue);

    public static BatchHeader Read(ReadOnlySpan<byte> bytes) => new(bytes[..Size]);

    public static void StampOffset(Span<byte> batch, long baseOffset)
    {
        BinaryPrimitives.WriteInt64BigEndian(batch, baseOffset);
        // Partition leader epoch: one node leads for ever.
        BinaryPrimitives.WriteInt32BigEndian(batch[12..], 0);
    }

    /// <summary>message.timestamp.type=LogAppendTime: readers take the batch's maximum for every record; the checksum covers it.</summary>
    public static void StampAppendTime(Span<byte> batch, long now)
    {
        var attributes = BinaryPrimitives.ReadInt16BigEndian(batch[21..]);
        BinaryPrimitives.WriteInt16BigEndian(batch[21..], (short)(attributes | 0x08));
        BinaryPrimitives.WriteInt64BigEndian(batch[35..], now);
        StampCrc(batch);
    }

    public static void StampCrc(Span<byte> batch) => BinaryPrimitives.WriteUInt32BigEndian(batch[17..], Crc32C.Compute(batch[CrcFrom..]));
}
