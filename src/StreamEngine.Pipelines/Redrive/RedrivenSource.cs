using StreamEngine.Core;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>What the rows of a redrive topic can go into.</summary>
/// <param name="Source">The source that is read for.</param>
/// <param name="Inserts">The INSERTs that read this source.</param>
/// <param name="Sources">All sources of the pipeline.</param>
/// <param name="TakesOrphans">This source also takes the rows that are none's, to make dead letters of them again.</param>
internal sealed record RedriveTargets(string Source, IReadOnlySet<string> Inserts, IReadOnlySet<string> Sources, bool TakesOrphans);

/// <summary>
/// The redrive topic as a source stage takes it: the rows of one source, in raw batches that say the original place, with rows of one partition and one INSERT each. The
/// topic has one partition, so that rows come in the order in which they were redriven.
/// </summary>
internal sealed class RedrivenSource(ISource inner, RedriveTargets targets, MemoryScope scope) : IBoundedSource, ISourceListener
{
    private readonly Lock _lock = new();
    // Filled and emptied by the one thread that takes; the lock is for those that tell of an end meanwhile.
    private readonly Queue<Batch> _ready = new();
    private ISourceListener? _listener;
    private bool _taking;
    private long _end = -1;

    public string Name => targets.Source;

    public Task<SourceLayout> OpenAsync(CancellationToken cancellation) => inner.OpenAsync(cancellation);

    public void Start(IReadOnlyDictionary<int, OffsetAndEpoch> positions, ISourceListener listener)
    {
        _listener = listener;
        inner.Start(positions, this);
    }

    public long EndOf(int partition) => inner is IBoundedSource bounded ? bounded.EndOf(partition) : long.MaxValue;

    public long? Behind => inner.Behind;

    public void QueryEnds(int partition) => inner.QueryEnds(partition);

    public bool TryTake(int partition, out Batch? batch)
    {
        lock (_lock) _taking = true;
        // Outside of the lock: the one who is asked may hold one of its own while it tells of an end.
        while (_ready.Count == 0 && inner.TryTake(partition, out var raw))
        {
            using (raw) Divide(raw!.Records!);
        }
        bool taken;
        long end = -1;
        lock (_lock)
        {
            _taking = false;
            taken = _ready.TryDequeue(out batch);
            if (_ready.Count == 0) (end, _end) = (_end, -1);
        }
        if (end >= 0) _listener!.OnEndOfPartition(partition, end);
        return taken;
    }

    /// <summary>The end must not overtake the batches before it, nor what is just being divided.</summary>
    void ISourceListener.OnEndOfPartition(int partition, long offset)
    {
        lock (_lock)
        {
            // One that was told before may come behind a later one.
            if (_taking || _ready.Count > 0) _end = Math.Max(_end, offset);
            else _listener!.OnEndOfPartition(partition, offset);
        }
    }

    void ISourceListener.OnReady(int partition) => _listener!.OnReady(partition);

    void ISourceListener.OnEnds(int partition, long lastStableOffset, long highWatermark) => _listener!.OnEnds(partition, lastStableOffset, highWatermark);

    void ISourceListener.OnFailed(Exception cause) => _listener!.OnFailed(cause);

    /// <summary>A record with what is known of it.</summary>
    private readonly record struct Row(int Index, string Topic, int Partition, long Offset, long Timestamp, int Headers, RedrivenRows Redrive)
    {
        public bool Follows(Row before) => Topic == before.Topic && Partition == before.Partition && Redrive.Insert == before.Redrive.Insert
            && Redrive.Refusal == before.Redrive.Refusal;
    }

    private unsafe void Divide(LogRecords raw)
    {
        var rows = new List<Row>();
        for (var i = 0; i < raw.Count; i++)
            if (RowOf(raw, i) is { } row) rows.Add(row);
        for (var from = 0; from < rows.Count;)
        {
            var to = from + 1;
            while (to < rows.Count && rows[to].Follows(rows[to - 1])) to++;
            _ready.Enqueue(ToBatch(raw, rows, from, to));
            from = to;
        }
    }

    private unsafe Row? RowOf(LogRecords raw, int i)
    {
        var mark = RedriveHeaders.Read(raw.HeadersAt(i).Span, out var headers, out var error);
        if (mark is null)
        {
            return targets.TakesOrphans ? new Row(i, raw.Topic, raw.Partition, raw.Offsets[i], raw.Timestamps is null ? -1 : raw.Timestamps[i], headers,
                new RedrivenRows(null, error)) : null;
        }
        if (mark.Source != targets.Source && (!targets.TakesOrphans || targets.Sources.Contains(mark.Source))) return null;
        return new Row(i, mark.Topic, mark.Partition, mark.Offset, mark.Timestamp, headers, new RedrivenRows(mark.Insert, RefusalOf(mark)));
    }

    private string? RefusalOf(RedriveMark mark) => mark.Source != targets.Source ? $"it was redriven, but the pipeline has no source '{mark.Source}' any more"
        : mark.Insert is { } insert && !targets.Inserts.Contains(insert) ? $"it was redriven, but the pipeline has no INSERT INTO {insert} from {mark.Source} any more" : null;

    private unsafe Batch ToBatch(LogRecords raw, List<Row> rows, int from, int to)
    {
        var arena = scope.RentArena();
        var count = to - from;
        var offsets = arena.Allocate<long>(count);
        var timestamps = arena.Allocate<long>(count);
        var keys = arena.Allocate<Bytes>(count);
        var values = arena.Allocate<Bytes>(count);
        var headers = arena.Allocate<Bytes>(count);
        for (var i = 0; i < count; i++)
        {
            var row = rows[from + i];
            (offsets[i], timestamps[i]) = (row.Offset, row.Timestamp);
            keys[i] = Copy(raw.KeyAt(row.Index), arena);
            values[i] = Copy(raw.Values[row.Index], arena);
            headers[i] = row.Headers == 0 ? default : Copy(new Bytes(raw.HeadersAt(row.Index).Pointer, row.Headers), arena);
        }
        return Batch.OfRecords(new LogRecords(count, rows[from].Topic)
        {
            Partition = rows[from].Partition, Name = targets.Source, Offsets = offsets, Timestamps = timestamps, Keys = keys, Values = values, Headers = headers,
            Redrive = rows[from].Redrive, NextOffset = to == rows.Count ? raw.NextOffset : raw.Offsets[rows[to].Index],
        }, arena, BatchRole.Raw);
    }

    private static unsafe Bytes Copy(Bytes bytes, Arena arena) => bytes.Length <= 0 ? bytes : new Bytes(arena.Copy(bytes.Span), bytes.Length);

    public async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync();
        lock (_lock)
            while (_ready.TryDequeue(out var batch)) batch.Dispose();
    }
}
