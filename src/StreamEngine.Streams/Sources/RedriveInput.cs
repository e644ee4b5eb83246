using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>How the redrive topic is read beside a source's partitions.</summary>
/// <param name="Source">Gives the rows that are this source's, as raw batches with their original places, in one partition. Opened, not started.</param>
/// <param name="TopicId">The topic's id.</param>
/// <param name="From">Where the pipeline began with it.</param>
/// <param name="Start">The next offset to read.</param>
internal sealed record RedriveRun(ISource Source, string TopicId, long From, long Start)
{
    /// <summary>Of a replay: everything is read before the partitions, while every window is open, and no row is late.</summary>
    public bool ComesFirst { get; init; }
}

/// <summary>The redrive topic as a source stage reads it: outside of watermarks, idleness and alignment.</summary>
internal sealed class RedriveInput : ISourceListener
{
    private readonly RedriveRun _run;
    private readonly Action _onReady;
    private readonly Action<long> _onEnd;
    private readonly Action<Exception> _onFailed;
    private long _offset;
    private bool _isTurn;

    /// <param name="run">What to read.</param>
    /// <param name="onReady">Called from any thread when there is something to take.</param>
    /// <param name="onEnd">Called from any thread with an offset for <see cref="Reached"/>.</param>
    /// <param name="onFailed">Called from any thread.</param>
    public RedriveInput(RedriveRun run, Action onReady, Action<long> onEnd, Action<Exception> onFailed)
    {
        _run = run;
        _offset = run.Start;
        _onReady = onReady;
        _onEnd = onEnd;
        _onFailed = onFailed;
    }

    /// <summary>A bounded run has read everything.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>The source's partitions wait for it.</summary>
    public bool HoldsBack => _run.ComesFirst && !IsFinished;

    /// <summary>For the manifest; null while nothing was read and nothing is left out.</summary>
    public RedrivePosition? Position => _offset == 0 ? null : new RedrivePosition(_run.TopicId, _run.From, _offset);

    public void Start() => _run.Source.Start(new Dictionary<int, OffsetAndEpoch> { [0] = _run.Start }, this);

    /// <summary>The next batch, where it is its turn: rows of the partitions and redriven ones go by turns, so that neither waits for all of the other.</summary>
    /// <param name="watermark">What the source has issued.</param>
    /// <param name="whateverTurn">The partitions have nothing.</param>
    public Batch? TryTake(long watermark, bool whateverTurn)
    {
        if (!whateverTurn && !_isTurn && !HoldsBack)
        {
            _isTurn = true;
            return null;
        }
        _isTurn = false;
        if (!_run.Source.TryTake(0, out var batch)) return null;
        var records = batch!.Records!;
        records.Redrive!.Watermark = _run.ComesFirst ? Watermark.None : watermark;
        _offset = records.NextOffset;
        return batch;
    }

    /// <summary>Everything before the offset was taken, or was no row of this source.</summary>
    public void Reached(long offset)
    {
        _offset = Math.Max(_offset, offset);
        IsFinished |= _run.Source is IBoundedSource bounded && offset >= bounded.EndOf(0);
    }

    void ISourceListener.OnReady(int partition) => _onReady();

    void ISourceListener.OnEndOfPartition(int partition, long offset) => _onEnd(offset);

    void ISourceListener.OnEnds(int partition, long lastStableOffset, long highWatermark)
    {
        // Nobody asks: it is never idle.
    }

    void ISourceListener.OnFailed(Exception cause) => _onFailed(cause);
}
