using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>What a running graph tells the outside, updated by its stages and read by anybody: no locks, each figure for itself.</summary>
/// <param name="epoch">The epoch from which it goes on.</param>
/// <param name="restored">The state with which it begins; null for none.</param>
internal sealed class RunProgress(long epoch = 0, RestoredState? restored = null)
{
    private long _rowsIn;
    private long _recordsOut;
    private long _deadLetters;
    private long _late;
    private long _epoch = epoch;
    private long _ended;
    private long _watermark = Watermark.None;
    private EpochManifest? _last;

    public long RowsIn => Interlocked.Read(ref _rowsIn);

    public long RecordsOut => Interlocked.Read(ref _recordsOut);

    public long DeadLetters => Interlocked.Read(ref _deadLetters);

    public long Late => Interlocked.Read(ref _late);

    /// <summary>The last committed epoch.</summary>
    public long Epoch => Interlocked.Read(ref _epoch);

    /// <summary>The last epoch that ended: committed, or found to change nothing.</summary>
    public long Ended => Interlocked.Read(ref _ended);

    /// <summary>The least watermark that reached the commit, microseconds.</summary>
    public long WatermarkTime => Interlocked.Read(ref _watermark);

    /// <summary>The state with which it began: how much that was, and whether the operators have taken it all.</summary>
    public RestoredState Restored { get; } = restored ?? RestoredState.Empty;

    /// <summary>The last manifest that was committed by this run.</summary>
    public EpochManifest? LastManifest => Volatile.Read(ref _last);

    internal void AddRowsIn(long rows) => Interlocked.Add(ref _rowsIn, rows);

    internal void AddOut(BatchRole role, long records)
    {
        if (role == BatchRole.Output) Interlocked.Add(ref _recordsOut, records);
        else if (role == BatchRole.DeadLetter) Interlocked.Add(ref _deadLetters, records);
        else if (role == BatchRole.Late) Interlocked.Add(ref _late, records);
    }

    internal void SetWatermark(long time) => Interlocked.Exchange(ref _watermark, time);

    internal void EpochEnded(long epoch) => Interlocked.Exchange(ref _ended, epoch);

    internal void Committed(EpochManifest manifest)
    {
        Volatile.Write(ref _last, manifest);
        Interlocked.Exchange(ref _epoch, manifest.Epoch);
    }
}
