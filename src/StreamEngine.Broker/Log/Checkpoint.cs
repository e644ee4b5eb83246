using System.Buffers.Binary;
using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker.Log;

/// <summary>A transaction that was aborted: readers of committed records drop the producer's records from the first offset to the marker.</summary>
internal readonly record struct AbortedTransaction(long ProducerId, long FirstOffset, long LastOffset);

/// <summary>
/// What a replay of a segment would find out, kept beside it: the index, the aborted transactions whose markers lie in it, and the table of producers
/// after the bytes that it covers. Versioned and checksummed; a bad or missing one costs a replay, nothing else.
/// </summary>
internal static class Checkpoint
{
    private const int Version = 1;

    public static byte[] Write(LogSegment segment, IEnumerable<AbortedTransaction> aborted, ProducerTable producers)
    {
        var w = new ProtocolWriter();
        w.Int32(0);
        w.Int16(Version);
        w.Int64(segment.BaseOffset);
        w.Int64(segment.Size);
        w.Int64(segment.NextOffset);
        w.Count(segment.Index.Entries.Count);
        foreach (var entry in segment.Index.Entries)
        {
            w.Int64(entry.Offset);
            w.Int32(entry.Position);
            w.Int64(entry.MaxTimestamp);
        }
        var list = aborted.ToList();
        w.Count(list.Count);
        foreach (var a in list)
        {
            w.Int64(a.ProducerId);
            w.Int64(a.FirstOffset);
            w.Int64(a.LastOffset);
        }
        w.Count(producers.Entries.Count);
        foreach (var entry in producers.Entries) WriteProducer(w, entry);
        var bytes = w.Written.ToArray();
        w.Abandon();
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Crc32C.Compute(bytes.AsSpan(4)));
        return bytes;
    }

    /// <summary>Fills segment and table from the segment's checkpoint and gives how many bytes of the segment it covers; -1 when there is none that fits.</summary>
    public static long Load(LogSegment segment, List<AbortedTransaction> aborted, ProducerTable producers)
    {
        var bytes = segment.Store.ReadCheckpoint();
        if (bytes is null || bytes.Length < 8 || BinaryPrimitives.ReadUInt32BigEndian(bytes) != Crc32C.Compute(bytes.AsSpan(4))) return -1;
        var r = new ProtocolReader(bytes.AsMemory(4));
        if (r.Int16() != Version || r.Int64() != segment.BaseOffset) return -1;
        var covered = r.Int64();
        if (covered > segment.Size) return -1;
        segment.NextOffset = r.Int64();
        foreach (var entry in r.Array(static (ref ProtocolReader x) => new IndexEntry(x.Int64(), x.Int32(), x.Int64()))) segment.Index.Restore(entry);
        aborted.AddRange(r.Array(static (ref ProtocolReader x) => new AbortedTransaction(x.Int64(), x.Int64(), x.Int64())));
        producers.Clear();
        foreach (var entry in r.Array(static (ref ProtocolReader x) => ReadProducer(ref x))) producers.Restore(entry);
        return covered;
    }

    private static void WriteProducer(ProtocolWriter w, ProducerEntry entry)
    {
        w.Int64(entry.ProducerId);
        w.Int16(entry.Epoch);
        w.Int64(entry.LastTimestamp);
        w.Int32(entry.CoordinatorEpoch);
        w.Int64(entry.TransactionOffset);
        w.Int64(entry.TransactionPosition);
        w.Count(entry.Batches.Count);
        foreach (var batch in entry.Batches)
        {
            w.Int32(batch.FirstSequence);
            w.Int32(batch.LastSequence);
            w.Int64(batch.BaseOffset);
            w.Int64(batch.LastOffset);
        }
    }

    private static ProducerEntry ReadProducer(ref ProtocolReader r)
    {
        var entry = new ProducerEntry(r.Int64())
        {
            Epoch = r.Int16(),
            LastTimestamp = r.Int64(),
            CoordinatorEpoch = r.Int32(),
            TransactionOffset = r.Int64(),
            TransactionPosition = r.Int64(),
        };
        foreach (var batch in r.Array(static (ref ProtocolReader x) => new ProducedBatch(x.Int32(), x.Int32(), x.Int64(), x.Int64()))) entry.Add(batch);
        return entry;
    }
}
