using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Log;

/// <summary>The limits that a topic sets on what is produced to it.</summary>
internal readonly record struct BatchLimits(int MaxBytes, long TimestampAheadMs, long TimestampBehindMs, bool LogAppendTime)
{
    /// <summary>Kafka 4's defaults: 1 MiB and the head of a batch, an hour into the future, any past.</summary>
    public static readonly BatchLimits Default = new(1_048_588, 3_600_000, long.MaxValue, false);
}

/// <summary>Holds a produced batch against the protocol and the topic's limits, by its head and checksum alone.</summary>
internal static class BatchCheck
{
    public static (ErrorCode Error, string? Message) Check(ReadOnlySpan<byte> data, in BatchLimits limits, long now, out BatchHeader header)
    {
        header = default;
        if (data.Length < BatchHeader.Size) return (ErrorCode.CorruptMessage, $"{data.Length} bytes are no record batch");
        header = BatchHeader.Read(data);
        if (header.Magic != 2) return (ErrorCode.UnsupportedForMessageFormat, $"record format {header.Magic}: only format 2 is supported");
        if (header.TotalSize < BatchHeader.Size || header.TotalSize > data.Length)
            return (ErrorCode.CorruptMessage, $"the batch claims {header.TotalSize} bytes, {data.Length} came");
        if (header.TotalSize != data.Length) return (ErrorCode.InvalidRecord, "a produce request carries exactly one batch for each partition");
        if (data.Length > limits.MaxBytes) return (ErrorCode.MessageTooLarge, $"the batch has {data.Length} bytes, max.message.bytes is {limits.MaxBytes}");
        if (Crc32C.Compute(data[BatchHeader.CrcFrom..]) != header.Crc) return (ErrorCode.CorruptMessage, "the batch does not match its checksum");
        if (header.RecordCount <= 0 || header.LastOffsetDelta != header.RecordCount - 1)
            return (ErrorCode.InvalidRecord, $"{header.RecordCount} records with a last offset delta of {header.LastOffsetDelta}");
        if (header.Codec > 4) return (ErrorCode.InvalidRecord, $"compression codec {header.Codec} is not known");
        if (header.IsControl) return (ErrorCode.InvalidRecord, "clients cannot write control records");
        if (header.IsTransactional && !header.HasProducer) return (ErrorCode.InvalidRecord, "a transactional batch without a producer id");
        if (header.HasProducer && (header.ProducerEpoch < 0 || header.BaseSequence < 0))
            return (ErrorCode.InvalidRecord, $"producer epoch {header.ProducerEpoch}, base sequence {header.BaseSequence}");
        return limits.LogAppendTime ? (ErrorCode.None, null) : CheckTime(header, limits, now);
    }

    private static (ErrorCode Error, string? Message) CheckTime(in BatchHeader header, in BatchLimits limits, long now)
    {
        // Differences could overflow with hostile stamps: the sums of now and a limit cannot, as limits are capped by 2^62.
        if (header.MaxTimestamp > now + Math.Min(limits.TimestampAheadMs, 1L << 62))
            return (ErrorCode.InvalidTimestamp, $"timestamp {header.MaxTimestamp} is more than {limits.TimestampAheadMs} ms ahead of the broker's clock");
        if (header.BaseTimestamp >= 0 && header.BaseTimestamp < now - Math.Min(limits.TimestampBehindMs, 1L << 62))
            return (ErrorCode.InvalidTimestamp, $"timestamp {header.BaseTimestamp} is more than {limits.TimestampBehindMs} ms behind the broker's clock");
        return (ErrorCode.None, null);
    }
}
