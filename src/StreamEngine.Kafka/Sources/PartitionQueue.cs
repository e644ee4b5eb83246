using StreamEngine.Core;

namespace StreamEngine.Kafka.Sources;

/// <summary>Batches of one partition between the client's thread and the graph.</summary>
internal sealed class PartitionQueue(int partition, long offset) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<Batch> _batches = new();
    private bool _starved = true;
    private long _end = -1;

    public int Partition => partition;

    /// <summary>The next offset that the client will read.</summary>
    public long Offset { get; private set; } = offset;

    /// <summary>The offset behind the last record to be read.</summary>
    public long End { get; init; } = long.MaxValue;

    /// <summary>Offsets at which a batch has to begin, growing.</summary>
    public long[] Cuts { get; init; } = [];

    /// <summary>The client's thread has read up to the bound.</summary>
    public bool IsFinished { get; set; }

    /// <summary>The first offset behind this one where a batch ends: a cut or the bound.</summary>
    public long NextCut(long offset)
    {
        foreach (var cut in Cuts)
            if (cut > offset) return Math.Min(cut, End);
        return End;
    }

    public int Waiting
    {
        get { lock (_lock) return _batches.Count; }
    }

    /// <summary>Adds a batch; true when somebody looked for one before and found nothing.</summary>
    public bool Add(Batch batch)
    {
        lock (_lock)
        {
            _batches.Enqueue(batch);
            _end = -1;
            Offset = batch.Records!.NextOffset;
            var wake = _starved;
            _starved = false;
            return wake;
        }
    }

    /// <summary>The oldest batch; with the last one the offset of the partition's end where that was reached behind it, else -1.</summary>
    public bool TryTake(out Batch? batch, out long end)
    {
        end = -1;
        lock (_lock)
        {
            if (!_batches.TryDequeue(out batch))
            {
                _starved = true;
                return false;
            }
            if (_batches.Count == 0) (end, _end) = (_end, -1);
            return true;
        }
    }

    /// <summary>
    /// The partition's end was reached at that offset, perhaps behind control records. True when no batch waits before it, so that it can be told at once.
    /// </summary>
    public bool ReachedEnd(long offset)
    {
        lock (_lock)
        {
            Offset = Math.Max(Offset, offset);
            if (_batches.Count == 0) return true;
            var last = _batches.Last().Records!;
            last.NextOffset = Math.Max(last.NextOffset, offset);
            _end = offset;
            return false;
        }
    }

    public void Dispose()
    {
        lock (_lock)
            while (_batches.TryDequeue(out var batch)) batch.Dispose();
    }
}
