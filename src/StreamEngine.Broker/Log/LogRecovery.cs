using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker.Log;

/// <summary>Storage holds bytes that cannot be served as they are; the message names the file or partition and what can be done.</summary>
internal sealed class BrokerStorageException(string message) : IOException(message);

/// <summary>Rebuilds index, producers and aborted transactions of a log at start: from checkpoints where they cover a segment, else from the batches.</summary>
internal static class LogRecovery
{
    public static void Load(List<ISegment> stored, List<LogSegment> segments, List<AbortedTransaction> aborted, ProducerTable producers, long now, Action<string> note)
    {
        long position = 0;
        for (var i = 0; i < stored.Count; i++)
        {
            var segment = new LogSegment(stored[i], position);
            var isLast = i == stored.Count - 1;
            if (segments.Count > 0 && segments[^1].NextOffset != segment.BaseOffset && segments[^1].Size > 0)
                throw new BrokerStorageException(
                    $"the segment that starts at offset {segment.BaseOffset} does not follow the one that ends at {segments[^1].NextOffset}: " +
                    "restore the missing segment, or delete the topic's folder to lose the topic");
            LoadSegment(segment, isLast, aborted, producers, now, note);
            position = segment.EndPosition;
            segments.Add(segment);
        }
    }

    private static void LoadSegment(LogSegment segment, bool isLast, List<AbortedTransaction> aborted, ProducerTable producers, long now, Action<string> note)
    {
        var covered = Checkpoint.Load(segment, aborted, producers);
        var end = Replay(segment, Math.Max(0, covered), aborted, producers, now);
        if (end == segment.Size)
        {
            if (covered < 0) Keep(segment, aborted, producers);
            return;
        }
        if (!isLast)
            throw new BrokerStorageException(
                $"the segment that starts at offset {segment.BaseOffset} has a bad batch at byte {end} of {segment.Size}, and later segments follow it: " +
                "restore the file from a copy, or delete the topic's folder to lose the topic");
        note($"cut {segment.Size - end} bytes off the tail, which is torn or does not match its checksum; the log ends at offset {segment.NextOffset}");
        segment.Store.Truncate(end);
        Keep(segment, aborted, producers);
    }

    /// <summary>A checkpoint that did not fit must not stay: the segment may grow past the size that it speaks of, with other batches in it.</summary>
    private static void Keep(LogSegment segment, List<AbortedTransaction> aborted, ProducerTable producers) =>
        segment.Store.WriteCheckpoint(Checkpoint.Write(segment, aborted.Where(a => a.LastOffset >= segment.BaseOffset), producers));

    /// <summary>Takes batches from a position on into account and gives the position of the first that is not whole and sound.</summary>
    private static long Replay(LogSegment segment, long from, List<AbortedTransaction> aborted, ProducerTable producers, long now)
    {
        var buffer = new byte[64 * 1024];
        for (var position = from; ;)
        {
            if (segment.Size - position < BatchHeader.Size) return position;
            segment.Store.Read(position, buffer.AsSpan(0, BatchHeader.Size));
            var header = BatchHeader.Read(buffer);
            if (header.Magic != 2 || header.TotalSize < BatchHeader.Size || header.TotalSize > segment.Size - position) return position;
            if (header.BaseOffset != segment.NextOffset || header.LastOffsetDelta < 0) return position;
            var size = (int)header.TotalSize;
            if (buffer.Length < size) buffer = new byte[size];
            segment.Store.Read(position, buffer.AsSpan(0, size));
            if (Crc32C.Compute(buffer.AsSpan(BatchHeader.CrcFrom, size - BatchHeader.CrcFrom)) != header.Crc) return position;
            segment.Note(header, (int)position);
            if (header.HasProducer)
            {
                var ended = producers.Apply(header, segment.StartPosition + position, now);
                if (ended >= 0 && !ControlBatch.IsCommit(buffer.AsSpan(0, size))) aborted.Add(new AbortedTransaction(header.ProducerId, ended, header.BaseOffset));
            }
            position += size;
        }
    }
}
