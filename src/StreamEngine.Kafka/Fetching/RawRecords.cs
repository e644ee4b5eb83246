using StreamEngine.Core;

namespace StreamEngine.Kafka.Fetching;

/// <summary>What one fetch brought of one partition, as it came from the broker: whole record batches, one after the other.</summary>
/// <param name="Source">Broker, topic and partition, for messages.</param>
/// <param name="Block">Where the bytes lie; null where there are none. The owner releases it.</param>
/// <param name="Length">Bytes of whole batches.</param>
/// <param name="Next">The offset behind the last of them.</param>
/// <param name="Records">Records that their heads count, to know how much room they take.</param>
/// <param name="StableOffset">The last stable offset when this was fetched.</param>
/// <param name="Aborted">The aborted transactions among them.</param>
internal sealed record RawRecords(string Source, NativeBlock? Block, int Length, long Next, long Records, long StableOffset, AbortedTransaction[] Aborted)
{
    /// <summary>Goes through the heads of the batches without trusting anything else in them.</summary>
    /// <param name="block">The bytes.</param>
    /// <param name="length">How many; the last batch may be cut off.</param>
    /// <param name="position">The offset that was asked for.</param>
    public static unsafe Scanned Scan(NativeBlock block, int length, long position)
    {
        var start = block.Pointer;
        var (at, next, records, first, epoch, cutOff) = (0, 0L, 0L, -1, -1, 0L);
        var change = false;
        while (length - at >= RecordBatchHead.LengthEnd)
        {
            var (offset, total) = RecordBatchHead.Peek(start + at);
            if (total < RecordBatchHead.Size) throw new MalformedException($"the batch at offset {offset} is {total} bytes long, less than its head");
            if (total > length - at)
            {
                cutOff = total;
                break;
            }
            var head = new RecordBatchHead(start + at);
            if (head.Fault() is { } fault) throw new MalformedException(fault);
            // The first ones may begin before what was asked for.
            if (head.BaseOffset < next)
                throw new MalformedException($"the batch from offset {head.BaseOffset} to {head.LastOffset} came where offset {next} was next");
            next = head.LastOffset + 1;
            records += head.RecordCount;
            if (at == 0) first = head.LeaderEpoch;
            else change |= head.LeaderEpoch != epoch;
            epoch = head.LeaderEpoch;
            at += (int)total;
        }
        if (at > 0 && next <= position) throw new MalformedException($"batches that end before offset {next}, where offset {position} was asked for");
        return new Scanned(at, Math.Max(next, position), records, first, change, cutOff);
    }

    /// <summary>Adds the epochs of the leaders that took the batches, which were scanned.</summary>
    public static unsafe void AddEpochs(NativeBlock block, in Scanned scanned, LeaderEpochs epochs)
    {
        if (!scanned.HasManyEpochs && scanned.FirstEpoch == epochs.Last) return;
        for (var at = 0; at < scanned.Length;)
        {
            var head = new RecordBatchHead(block.Pointer + at);
            epochs.Add(head.BaseOffset, head.LeaderEpoch);
            at += (int)head.TotalBytes;
        }
    }

    /// <summary>What the heads say.</summary>
    /// <param name="Length">Bytes of whole batches.</param>
    /// <param name="Next">The offset behind them.</param>
    /// <param name="Records">How many records they count.</param>
    /// <param name="FirstEpoch">The epoch of the leader that took the first of them; -1 for not known.</param>
    /// <param name="HasManyEpochs">Not all of them are of that epoch.</param>
    /// <param name="CutOff">The size of the batch that is not whole; 0 where that cannot be told or there is none.</param>
    internal readonly record struct Scanned(int Length, long Next, long Records, int FirstEpoch, bool HasManyEpochs, long CutOff);
}
