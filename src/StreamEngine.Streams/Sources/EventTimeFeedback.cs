using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// The way back from lanes to their source: the newest event time of each partition, and how far its rows were processed. A lane writes, the source reads when it is
/// woken; many reports between two looks cost one wake-up.
/// </summary>
internal sealed class EventTimeFeedback : INewestEventTimes
{
    private readonly long[] _newest;
    private readonly long[] _processed;
    private Action? _wake;
    private int _dirty;

    public EventTimeFeedback(long[] newest)
    {
        _newest = newest;
        _processed = new long[newest.Length];
    }

    /// <summary>The newest event time of a partition, microseconds; <see cref="Watermark.None"/> before the first row.</summary>
    public long this[int partition] => Volatile.Read(ref _newest[partition]);

    /// <summary>The offset behind the last batch that the partition's lane is done with; 0 before the first.</summary>
    public long ProcessedTo(int partition) => Volatile.Read(ref _processed[partition]);

    /// <summary>The lane is done with a batch up to that offset. It wakes nobody: only idleness asks for it, and looks by itself.</summary>
    public void Processed(int partition, long nextOffset) => Volatile.Write(ref _processed[partition], nextOffset);

    /// <summary>Names what wakes the source.</summary>
    public void OnReport(Action wake) => Volatile.Write(ref _wake, wake);

    public void Report(int partition, long newest)
    {
        Volatile.Write(ref _newest[partition], newest);
        if (Interlocked.Exchange(ref _dirty, 1) == 0) Volatile.Read(ref _wake)?.Invoke();
    }

    /// <summary>Called by the source before it reads: later reports wake it again.</summary>
    public void Seen() => Interlocked.Exchange(ref _dirty, 0);
}
