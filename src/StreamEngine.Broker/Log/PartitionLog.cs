using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker.Log;

/// <summary>What became of a produced batch.</summary>
internal readonly record struct AppendResult(ErrorCode Error, long BaseOffset, long AppendTime, string? Message)
{
    public static AppendResult Failed(ErrorCode error, string? message = null) => new(error, -1, -1, message);
}

/// <summary>
/// The log of one partition: segments, the producers that write to it, and from these the last stable offset and the aborted transactions.
/// One node: what is appended is at once below the high watermark.
/// </summary>
internal sealed class PartitionLog
{
    private readonly ILogStorage _storage;
    private readonly Guid _topicId;
    private readonly int _partition;
    private readonly List<LogSegment> _segments;
    private readonly List<AbortedTransaction> _aborted = [];

    private PartitionLog(ILogStorage storage, Guid topicId, int partition, int segmentBytes, long startOffset)
    {
        (_storage, _topicId, _partition, SegmentBytes, StartOffset) = (storage, topicId, partition, segmentBytes, startOffset);
        _segments = [];
    }

    public ProducerTable Producers { get; } = new();

    /// <summary>From what size on a segment is closed and the next begun.</summary>
    public int SegmentBytes { get; set; }

    public long StartOffset { get; private set; }

    /// <summary>The next offset, which on one node is the high watermark as well.</summary>
    public long EndOffset { get; private set; }

    public long EndPosition => _segments.Count == 0 ? 0 : _segments[^1].EndPosition;

    public long StableOffset => Producers.FirstUnstable is { } first ? Math.Max(first.Offset, StartOffset) : EndOffset;

    /// <summary>Up to where a reader may read, as offset and as position.</summary>
    public (long Offset, long Position) Bound(bool committed) =>
        committed && Producers.FirstUnstable is { } first ? (Math.Max(first.Offset, StartOffset), first.Position) : (EndOffset, EndPosition);

    public int SegmentCount => _segments.Count;

    public long Bytes => _segments.Sum(s => s.Size);

    /// <summary>Opens what storage holds; a tail that a crash tore off is cut, and <paramref name="note"/> is told so.</summary>
    public static PartitionLog Open(ILogStorage storage, Guid topicId, int partition, int segmentBytes, long startOffset, long now, Action<string> note)
    {
        var log = new PartitionLog(storage, topicId, partition, segmentBytes, startOffset);
        LogRecovery.Load(storage.OpenSegments(topicId, partition), log._segments, log._aborted, log.Producers, now,
            text => note($"topic {topicId} partition {partition}: {text}"));
        // A start that moved and was lost with the journal's tail: its segments are gone all the same.
        if (log._segments.Count > 0) log.StartOffset = Math.Max(startOffset, log._segments[0].BaseOffset);
        log.EndOffset = Math.Max(startOffset, log._segments.Count == 0 ? 0 : log._segments[^1].NextOffset);
        // Checkpointed positions are those of the log at that time: earlier segments may be gone since.
        foreach (var open in log.Producers.Open) open.TransactionPosition = log.PositionOf(open.TransactionOffset);
        log.DropBelowStart();
        return log;
    }

    /// <summary>Appends one produced batch; its offsets are stamped into <paramref name="data"/> itself, which spares a copy.</summary>
    public AppendResult Append(Span<byte> data, in BatchLimits limits, long now)
    {
        var (error, message) = BatchCheck.Check(data, limits, now, out var header);
        if (error != ErrorCode.None) return AppendResult.Failed(error, message);
        if (header.HasProducer)
        {
            error = Producers.Check(header, out var duplicate);
            if (error != ErrorCode.None) return AppendResult.Failed(error, SequenceMessage(header));
            if (!header.IsTransactional && Producers.Find(header.ProducerId) is { TransactionOffset: >= 0 })
                return AppendResult.Failed(ErrorCode.InvalidTxnState, $"producer {header.ProducerId} has a transaction open and sent a batch outside of it");
            if (duplicate is { } known) return new AppendResult(ErrorCode.None, known.BaseOffset, -1, null);
        }
        if (limits.LogAppendTime) BatchHeader.StampAppendTime(data, now);
        var baseOffset = EndOffset;
        Write(data, now);
        return new AppendResult(ErrorCode.None, baseOffset, limits.LogAppendTime ? now : -1, null);
    }

    private string SequenceMessage(in BatchHeader header)
    {
        var known = Producers.Find(header.ProducerId)!;
        return $"producer {header.ProducerId} sent epoch {header.ProducerEpoch} sequence {header.BaseSequence}, " +
            $"the partition knows epoch {known.Epoch} sequence {known.LastSequence}";
    }

    /// <summary>Ends a producer's transaction here; the marker takes one offset.</summary>
    public void AppendMarker(long producerId, short epoch, bool commit, int coordinatorEpoch, long now)
    {
        Write(ControlBatch.Create(producerId, epoch, commit, coordinatorEpoch, now), now, commit);
        if (Producers.Find(producerId) is { } entry) entry.CoordinatorEpoch = coordinatorEpoch;
    }

    private void Write(Span<byte> batch, long now, bool commit = true)
    {
        BatchHeader.StampOffset(batch, EndOffset);
        var header = BatchHeader.Read(batch);
        var segment = _segments.Count > 0 ? _segments[^1] : null;
        if (segment is null || !segment.Store.HasRoom(batch.Length) || (segment.Size > 0 && segment.Size + batch.Length > SegmentBytes)) segment = Roll(batch.Length);
        var position = segment.EndPosition;
        segment.Append(batch, header);
        EndOffset = header.LastOffset + 1;
        if (!header.HasProducer) return;
        var ended = Producers.Apply(header, position, now);
        if (ended >= 0 && header.IsControl && !commit) _aborted.Add(new AbortedTransaction(header.ProducerId, ended, header.BaseOffset));
    }

    private LogSegment Roll(int firstBatch)
    {
        if (_segments.Count > 0) WriteCheckpoint();
        var segment = new LogSegment(_storage.CreateSegment(_topicId, _partition, EndOffset, firstBatch), EndPosition);
        _segments.Add(segment);
        return segment;
    }

    /// <summary>Keeps the derived state of the newest segment, so that the next start need not replay it.</summary>
    public void WriteCheckpoint()
    {
        if (_segments.Count == 0) return;
        var last = _segments[^1];
        last.Store.WriteCheckpoint(Checkpoint.Write(last, _aborted.Where(a => a.LastOffset >= last.BaseOffset), Producers));
    }

    /// <summary>
    /// Whole batches from the one that holds <paramref name="offset"/> up to the bound, about <paramref name="maxBytes"/> of them; a first batch that is
    /// larger comes whole if <paramref name="atLeastOne"/> (KIP-74). Adds to <paramref name="slices"/> and gives their bytes and the offset after them.
    /// </summary>
    public (int Bytes, long NextOffset) Read(long offset, int maxBytes, bool committed, bool atLeastOne, List<LogSlice> slices)
    {
        var bound = Bound(committed);
        if (offset >= bound.Offset || _segments.Count == 0) return (0, offset);
        var index = SegmentOf(offset);
        var total = 0;
        var next = offset;
        for (; index < _segments.Count && (total < maxBytes || (total == 0 && atLeastOne)); index++)
        {
            var segment = _segments[index];
            var size = Math.Min(segment.Size, bound.Position - segment.StartPosition);
            var from = total == 0 ? segment.PositionOf(offset) : 0;
            if (from >= size)
            {
                if (bound.Position <= segment.EndPosition) break;
                continue;
            }
            var to = from + (maxBytes - total) >= size ? size : segment.EndWithin(from, from + (maxBytes - total), atLeastOne && total == 0);
            if (to <= from) break;
            slices.Add(segment.Store.Slice(from, (int)(to - from)));
            total += (int)(to - from);
            next = to == segment.Size ? segment.NextOffset : to == size ? bound.Offset : segment.HeaderAt(to).BaseOffset;
            if (to < segment.Size) break;
        }
        return (total, next);
    }

    /// <summary>Where the batch that holds an offset lies in the log; the end for offsets at or past it.</summary>
    public long PositionOf(long offset)
    {
        if (offset >= EndOffset || _segments.Count == 0) return EndPosition;
        var segment = _segments[SegmentOf(offset)];
        return segment.StartPosition + segment.PositionOf(offset);
    }

    /// <summary>The aborted transactions that a reader of [from, to) has to know.</summary>
    public List<AbortedTransaction> AbortedWithin(long from, long to)
    {
        // Ordered by the offset of the marker: a transaction whose marker lies before `from` has no record after it.
        int low = 0, high = _aborted.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_aborted[middle].LastOffset >= from) high = middle;
            else low = middle + 1;
        }
        var found = new List<AbortedTransaction>();
        for (; low < _aborted.Count; low++)
            if (_aborted[low].FirstOffset < to) found.Add(_aborted[low]);
        return found;
    }

    /// <summary>The first record at or after a time, as (offset, timestamp); null when there is none.</summary>
    public (long Offset, long Timestamp)? FindByTime(long timestamp)
    {
        foreach (var segment in _segments)
        {
            if (segment.Index.PositionByTime(timestamp) is not { } start) continue;
            for (long position = start; position < segment.Size;)
            {
                var header = segment.HeaderAt(position);
                if (header.MaxTimestamp >= timestamp && header.LastOffset >= StartOffset
                    && RecordTimes.Find(segment, position, header, timestamp, StartOffset) is { } found) return found;
                position += header.TotalSize;
            }
        }
        return null;
    }

    /// <summary>The newest timestamp of the log (ListOffsets -3), with the first record that carries it.</summary>
    public (long Offset, long Timestamp)? FindNewest()
    {
        var newest = long.MinValue;
        foreach (var segment in _segments)
            newest = Math.Max(newest, segment.Index.Newest);
        return newest < 0 ? null : FindByTime(newest);
    }

    /// <summary>
    /// Where the log would begin if what is too old, or too much, were gone: whole segments from the oldest on, none of them with records that are not
    /// decided. By size the newest segment stays, as in Kafka; by time it goes as well when its newest record is too old. A segment whose records carry no
    /// time does not age.
    /// </summary>
    public long StartWithin(in RetentionLimits limits, long now)
    {
        var (start, bytes, stable) = (StartOffset, Bytes, StableOffset);
        foreach (var segment in _segments)
        {
            if (segment.Size == 0 || segment.NextOffset > stable) break;
            var isTooOld = limits.Milliseconds >= 0 && segment.Index.Newest is >= 0 and var newest && now - newest > limits.Milliseconds;
            var isTooMuch = limits.Bytes >= 0 && segment != _segments[^1] && bytes - segment.Size >= limits.Bytes;
            if (!isTooOld && !isTooMuch) break;
            bytes -= segment.Size;
            start = Math.Max(start, segment.NextOffset);
        }
        return start;
    }

    /// <summary>DeleteRecords and retention: the log begins at <paramref name="offset"/>; segments wholly before it are freed.</summary>
    public void MoveStart(long offset)
    {
        if (offset <= StartOffset) return;
        StartOffset = offset;
        DropBelowStart();
    }

    private void DropBelowStart()
    {
        if (_segments.Count == 0 || _segments[0].NextOffset > StartOffset) return;
        // The table of producers survives its segments: it stands in the checkpoint of the one that stays.
        if (_segments[^1].NextOffset <= StartOffset && _segments[^1].Size > 0) Roll(0);
        WriteCheckpoint();
        while (_segments.Count > 1 && _segments[0].NextOffset <= StartOffset)
        {
            _segments[0].Store.Delete();
            _segments.RemoveAt(0);
        }
        _aborted.RemoveAll(a => a.LastOffset < StartOffset);
    }

    private int SegmentOf(long offset)
    {
        int low = 0, high = _segments.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_segments[middle].BaseOffset <= offset) low = middle;
            else high = middle - 1;
        }
        return low;
    }
}
