using StreamEngine.Core;
using StreamEngine.Kafka.Fetching;

namespace StreamEngine.Kafka.Sources;

/// <summary>Makes batches of raw records out of what was fetched of one partition. All of them is copied, so that a batch holds nothing of a response.</summary>
internal sealed unsafe class RecordBatcher(FetchClient client, RecordCursor cursor, PartitionQueue queue, KafkaSourceOptions options)
{
    private const int RowBytes = 2 * sizeof(long) + 2 * 16;
    private const int SmallestArena = 4 << 10;
    private const int LargestArena = 1 << 20;

    private bool _isEnd;

    /// <summary>Everything before this offset was made into batches, or is invisible.</summary>
    public long Position => cursor.Position;

    /// <summary>The next batch; null where nothing visible is there now.</summary>
    /// <exception cref="FetchException">The broker has sent something that is no record batch.</exception>
    public Batch? Next()
    {
        try
        {
            return MoveToRecord() ? Fill() : null;
        }
        catch (MalformedException e)
        {
            throw new FetchException($"{cursor.Source} has sent of {options.Topic}-{queue.Partition} at offset {cursor.Position}: {e.Message}", e);
        }
    }

    /// <summary>The partition's end, where all before it was made into batches and the last fetch found nothing behind it; -1 otherwise. It is told once.</summary>
    public long TakeEnd()
    {
        // What is opened meanwhile may say that there is more.
        if (!_isEnd || MoveToRecord() || !_isEnd) return -1;
        _isEnd = false;
        return cursor.Position;
    }

    /// <summary>Nothing more is wanted: gives back what was fetched.</summary>
    public void Close() => cursor.Dispose();

    private bool MoveToRecord()
    {
        while (!cursor.MoveToRecord())
        {
            if (!client.TryTake(queue.Partition, out var raw)) return false;
            _isEnd = raw!.Next >= raw.StableOffset;
            cursor.Open(raw);
        }
        return true;
    }

    private Batch? Fill()
    {
        var capacity = client.HasMore(queue.Partition) ? options.BatchRows : (int)Math.Clamp(cursor.RecordsLeft, 1, options.BatchRows);
        var hint = capacity * (long)RowBytes + Math.Min(options.BatchBytes, cursor.BytesLeft);
        var arena = client.Memory.RentArena((int)Math.Clamp(hint, SmallestArena, LargestArena));
        try
        {
            var columns = new RecordColumns(arena, capacity, options.BatchBytes);
            do
            {
                Read(ref columns);
            }
            while (!columns.IsFull && columns.Count < capacity && MoveToRecord());
            if (columns.Count > 0) return ToBatch(columns, arena);
        }
        catch
        {
            arena.Release();
            throw;
        }
        arena.Release();
        return null;
    }

    private void Read(ref RecordColumns columns)
    {
        while (true)
        {
            // Of a batch that has begun the first record decides where it has to end.
            var cut = queue.NextCut(columns.Count > 0 ? columns.Offsets[0] : cursor.Position);
            var read = cursor.Stretch.ReadInto(ref columns, cursor.Position, cut, out var next);
            cursor.Took(next, read);
            if (columns.Count > 0 || !columns.IsFull) return;
            // Nothing stands before the cut: the batch begins behind it, unless that is the bound.
            cursor.Took(cut, 0);
            if (cut >= queue.End) return;
            columns.IsFull = false;
        }
    }

    private Batch ToBatch(in RecordColumns columns, Arena arena) => Batch.OfRecords(new LogRecords(columns.Count, options.Topic)
    {
        Partition = queue.Partition, Name = options.Name, Offsets = columns.Offsets, Timestamps = columns.Timestamps, Keys = columns.Keys, Values = columns.Values,
        Headers = columns.Headers, NextOffset = columns.Offsets[columns.Count - 1] + 1,
    }, arena, BatchRole.Raw);
}
