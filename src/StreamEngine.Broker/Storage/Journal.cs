using System.Buffers.Binary;
using StreamEngine.Broker.Log;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Storage;

/// <summary>What the journal's records say; the numbers are on disk and never change their meaning.</summary>
internal enum JournalEntry : byte
{
    Identity = 1,
    TopicCreated = 2,
    TopicDeleted = 3,
    PartitionsAdded = 4,
    LogStart = 5,
    TopicConfig = 6,
    ProducerIds = 10,
    Transaction = 11,
    TransactionForgotten = 12,
    TransactionOffsets = 13,
    GroupOffsets = 20,
    GroupDeleted = 21,
}

/// <summary>
/// The broker's memory of everything but records: one versioned, checksummed record per change, in the order of the changes. A torn last record is
/// what a crash leaves, and is cut; state is small, so that when the journal has outgrown it the state is written anew.
/// </summary>
internal sealed class Journal(IJournalFile file)
{
    private const int HeadSize = 10;
    private const int CompactFrom = 4 << 20;
    private long _compactAt = CompactFrom;

    public delegate void Replayer(JournalEntry entry, byte version, ref ProtocolReader reader);

    public bool WantsCompaction => file.Size > _compactAt;

    /// <summary>Replays what is there. A torn last record is cut and noted; a bad one with others after it is no crash's doing, and refused.</summary>
    public void Replay(Replayer replayer, Action<string> note)
    {
        var bytes = file.ReadAll();
        var at = 0;
        while (bytes.Length - at >= HeadSize)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(at));
            if (length < 2 || length > bytes.Length - at - 8) break;
            if (Crc32C.Compute(bytes.AsSpan(at + 8, length)) != BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at + 4)))
            {
                if (at + 8 + length == bytes.Length) break;
                throw new BrokerStorageException($"the journal has a bad record at byte {at} of {bytes.Length}, and others follow it: " +
                    "restore the file from a copy, or begin with an empty data directory");
            }
            var reader = new ProtocolReader(bytes.AsMemory(at + HeadSize, length - 2));
            replayer((JournalEntry)bytes[at + 8], bytes[at + 9], ref reader);
            at += 8 + length;
        }
        if (at == bytes.Length) return;
        note($"journal: cut {bytes.Length - at} of {bytes.Length} bytes off the tail, which is torn or does not match its checksum");
        file.Truncate(at);
    }

    public void Append(JournalEntry entry, byte version, Action<ProtocolWriter> write)
    {
        var w = new ProtocolWriter();
        Frame(w, entry, version, write);
        file.Append(w.Written);
        w.Abandon();
    }

    /// <summary>Replaces the journal by records that give the same state.</summary>
    public void Compact(IEnumerable<(JournalEntry Entry, byte Version, Action<ProtocolWriter> Write)> state)
    {
        using var all = new MemoryStream();
        foreach (var (entry, version, write) in state)
        {
            var w = new ProtocolWriter();
            Frame(w, entry, version, write);
            all.Write(w.Written);
            w.Abandon();
        }
        file.Replace(all.GetBuffer().AsSpan(0, (int)all.Length));
        _compactAt = Math.Max(CompactFrom, 4 * file.Size);
    }

    private static void Frame(ProtocolWriter w, JournalEntry entry, byte version, Action<ProtocolWriter> write)
    {
        w.Int64(0);
        w.UInt8((byte)entry);
        w.UInt8(version);
        write(w);
        var frame = w.Writable;
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length - 8);
        BinaryPrimitives.WriteUInt32BigEndian(frame[4..], Crc32C.Compute(frame[8..]));
    }
}
