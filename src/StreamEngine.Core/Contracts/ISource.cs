namespace StreamEngine.Core;

/// <summary>
/// A partitioned, replayable log. It fetches ahead on threads of its own, a bounded amount per partition, and never blocks the graph: the stage takes what is ready, and
/// is told by callbacks (from any thread) when there is something to take. A partition that is not taken from is not fetched further: that is the back-pressure.
/// </summary>
internal interface ISource : IAsyncDisposable
{
    /// <summary>The source's name in the pipeline.</summary>
    string Name { get; }

    /// <summary>Checks the topic and finds its partitions. Fails with a <see cref="StartupException"/> that says what to do.</summary>
    Task<SourceLayout> OpenAsync(CancellationToken cancellation);

    /// <summary>Begins to fetch these partitions at these positions, and no others. Called once.</summary>
    void Start(IReadOnlyDictionary<int, OffsetAndEpoch> positions, ISourceListener listener);

    /// <summary>The next raw batch of a partition if one is ready: of this partition only, with offsets, timestamps, keys and headers. The caller owns it.</summary>
    bool TryTake(int partition, out Batch? batch);

    /// <summary>
    /// The leader's epoch for the manifest, of the record before an offset that everything was delivered up to; -1 where nobody knows. The offsets asked for grow.
    /// </summary>
    int LeaderEpochBefore(int partition, long offset) => -1;

    /// <summary>Records that are in the log and were not read yet, as far as the last fetches told; null where nobody knows.</summary>
    long? Behind => null;

    /// <summary>Asks the log for the partition's ends, to be answered by <see cref="ISourceListener.OnEnds"/>.</summary>
    void QueryEnds(int partition);
}

/// <summary>A source that comes to an end: a test's rows, a file, a replay's range.</summary>
internal interface IBoundedSource : ISource
{
    /// <summary>The offset behind the last record to be read of the partition.</summary>
    long EndOf(int partition);
}

/// <summary>What a source's topic looks like.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="TopicId">Its id: another one after it was deleted and created again.</param>
/// <param name="Partitions">The number of partitions.</param>
/// <param name="Starts">Per partition the offset where a pipeline that has no manifest starts, by the source's policy.</param>
internal sealed record SourceLayout(string Topic, string TopicId, int Partitions, IReadOnlyDictionary<int, long> Starts)
{
    /// <summary>Per partition its first offset, where a partition starts that was added after the pipeline had begun.</summary>
    public IReadOnlyDictionary<int, long> Begins { get; init; } = Starts;
}

/// <summary>Called by a source from any thread; must only hand over to the graph.</summary>
internal interface ISourceListener
{
    /// <summary>The partition has a batch to take.</summary>
    void OnReady(int partition);

    /// <summary>Everything before this offset was delivered, and the partition had no more when it was fetched.</summary>
    void OnEndOfPartition(int partition, long offset);

    /// <summary>The answer to <see cref="ISource.QueryEnds"/>.</summary>
    void OnEnds(int partition, long lastStableOffset, long highWatermark);

    /// <summary>The source cannot go on.</summary>
    void OnFailed(Exception cause);
}

/// <summary>A pipeline cannot start, or not go on, for a reason that a person has to act on. The message names it and says what to do.</summary>
public sealed class StartupException : Exception
{
    /// <summary>A reason with what to do about it.</summary>
    public StartupException(string message)
        : base(message)
    {
    }

    /// <summary>It may pass by itself (no broker answers): a pipeline that ran already tries again, where one that starts gives up.</summary>
    internal bool MayPass { get; init; }

    /// <summary>A reason with what to do about it, and what caused it.</summary>
    public StartupException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
