using System.Buffers.Binary;

namespace StreamEngine.Broker.Log;

/// <summary>The commit or abort marker that ends a transaction in one partition (KIP-98, "Control Messages"): a batch of one record.</summary>
internal static class ControlBatch
{
    /// <summary>Head, and a record of length, attributes, timestamp delta, offset delta, key (4 bytes), value (6 bytes), no headers.</summary>
    public const int Size = BatchHeader.Size + 1 + 1 + 1 + 1 + 1 + 4 + 1 + 6 + 1;

    private const short TransactionalControl = 0x30;

    public static byte[] Create(long producerId, short producerEpoch, bool commit, int coordinatorEpoch, long now)
    {
        var batch = new byte[Size];
        var b = batch.AsSpan();
        BinaryPrimitives.WriteInt32BigEndian(b[8..], Size - 12);
        b[16] = 2;
        BinaryPrimitives.WriteInt16BigEndian(b[21..], TransactionalControl);
        BinaryPrimitives.WriteInt64BigEndian(b[27..], now);
        BinaryPrimitives.WriteInt64BigEndian(b[35..], now);
        BinaryPrimitives.WriteInt64BigEndian(b[43..], producerId);
        BinaryPrimitives.WriteInt16BigEndian(b[51..], producerEpoch);
        BinaryPrimitives.WriteInt32BigEndian(b[53..], -1);
        BinaryPrimitives.WriteInt32BigEndian(b[57..], 1);
        var r = b[BatchHeader.Size..];
        r[0] = (Size - BatchHeader.Size - 1) << 1;
        r[4] = 4 << 1;
        BinaryPrimitives.WriteInt16BigEndian(r[7..], (short)(commit ? 1 : 0));
        r[9] = 6 << 1;
        BinaryPrimitives.WriteInt32BigEndian(r[12..], coordinatorEpoch);
        BatchHeader.StampCrc(b);
        return batch;
    }

    /// <summary>Whether the marker commits: the type in the key of its only record.</summary>
    public static bool IsCommit(ReadOnlySpan<byte> batch) =>
        batch.Length >= BatchHeader.Size + 9 && BinaryPrimitives.ReadInt16BigEndian(batch[(BatchHeader.Size + 7)..]) == 1;
}
