using System.Buffers.Binary;

namespace StreamEngine.Kafka.Fetching;

/// <summary>The head of a record batch v2 (Kafka's documentation, "Record Batch").</summary>
internal readonly unsafe struct RecordBatchHead
{
    /// <summary>Bytes of the head.</summary>
    public const int Size = 61;

    /// <summary>Bytes in front of what the length counts.</summary>
    public const int LengthEnd = 12;

    /// <summary>From here on the checksum counts.</summary>
    public const int ChecksumFrom = 21;

    public RecordBatchHead(byte* batch)
    {
        var bytes = new ReadOnlySpan<byte>(batch, Size);
        BaseOffset = BinaryPrimitives.ReadInt64BigEndian(bytes);
        TotalBytes = LengthEnd + (long)BinaryPrimitives.ReadInt32BigEndian(bytes[8..]);
        LeaderEpoch = BinaryPrimitives.ReadInt32BigEndian(bytes[12..]);
        Magic = (sbyte)bytes[16];
        Checksum = BinaryPrimitives.ReadUInt32BigEndian(bytes[17..]);
        Attributes = BinaryPrimitives.ReadInt16BigEndian(bytes[21..]);
        LastOffsetDelta = BinaryPrimitives.ReadInt32BigEndian(bytes[23..]);
        BaseTimestamp = BinaryPrimitives.ReadInt64BigEndian(bytes[27..]);
        MaxTimestamp = BinaryPrimitives.ReadInt64BigEndian(bytes[35..]);
        ProducerId = BinaryPrimitives.ReadInt64BigEndian(bytes[43..]);
        RecordCount = BinaryPrimitives.ReadInt32BigEndian(bytes[57..]);
    }

    public long BaseOffset { get; }

    public long TotalBytes { get; }

    public int LeaderEpoch { get; }

    public sbyte Magic { get; }

    public uint Checksum { get; }

    public short Attributes { get; }

    public int LastOffsetDelta { get; }

    public long BaseTimestamp { get; }

    public long MaxTimestamp { get; }

    public long ProducerId { get; }

    public int RecordCount { get; }

    public long LastOffset => BaseOffset + LastOffsetDelta;

    public int Codec => Attributes & 0x07;

    public bool IsLogAppendTime => (Attributes & 0x08) != 0;

    public bool IsTransactional => (Attributes & 0x10) != 0;

    public bool IsControl => (Attributes & 0x20) != 0;

    public bool HasProducer => ProducerId >= 0;

    /// <summary>The offset and the whole size of the batch that begins here, of which twelve bytes are there.</summary>
    public static (long BaseOffset, long TotalBytes) Peek(byte* batch) => (BinaryPrimitives.ReadInt64BigEndian(new ReadOnlySpan<byte>(batch, 8)),
        LengthEnd + (long)BinaryPrimitives.ReadInt32BigEndian(new ReadOnlySpan<byte>(batch + 8, 4)));

    /// <summary>What is wrong with the head; null for nothing.</summary>
    public string? Fault()
    {
        if (Magic is 0 or 1)
            return $"the batch at offset {BaseOffset} has message format {Magic}, which Kafka wrote before 0.11; only format 2 is read: copy the topic with a current producer";
        if (Magic != 2) return $"the batch at offset {BaseOffset} has the unknown format {Magic}";
        if (TotalBytes < Size) return $"the batch at offset {BaseOffset} is {TotalBytes} bytes long, less than its head";
        if (BaseOffset < 0 || LastOffsetDelta < 0 || BaseOffset > long.MaxValue - 1 - LastOffsetDelta)
            return $"the batch at offset {BaseOffset} ends {LastOffsetDelta} offsets behind it";
        if (RecordCount < 0 || RecordCount > (long)LastOffsetDelta + 1)
            return $"the batch from offset {BaseOffset} to {LastOffset} says that it has {RecordCount} records";
        return null;
    }
}
