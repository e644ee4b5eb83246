namespace StreamEngine.Core;

/// <summary>
/// Where epochs are committed: one transaction holds outputs, dead letters, changelog, manifest and source offsets. Of one worker slot, which alone writes its partition
/// of the state and epochs topics. Opening and reading are done before the graph runs; while it runs nothing blocks, and answers come by the listener from any thread.
/// </summary>
internal interface ICommitLog : IAsyncDisposable
{
    /// <summary>Fences the incarnation before, writes this one's claim, and reads what was committed last.</summary>
    /// <param name="before">What this worker claimed last, perhaps without an answer; null for its first opening. Any other claim since is another worker's, which must
    /// not be fenced.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="FencedException">Another incarnation has claimed the slot since.</exception>
    Task<CommitLogState> OpenAsync(EpochClaim? before, CancellationToken cancellation);

    /// <summary>What it claims, from just before the claim is sent: whether an opening that failed has written it cannot be known.</summary>
    EpochClaim? Claim { get; }

    /// <summary>Hands every committed record of the slot's state partition from that offset to the end to <paramref name="apply"/>, in order.</summary>
    Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation);

    /// <summary>Names the listener; called once, before the first append.</summary>
    void Listen(ICommitLogListener listener);

    /// <summary>The offset that the next record of the state partition will have. Exact: this slot is its only writer.</summary>
    long StateEnd { get; }

    /// <summary>
    /// Takes over encoded records (of any role but Main and Raw; changelog records go to the slot's state partition whatever their topic) into the open transaction,
    /// beginning one where none is open. False when the client's queue is full: the batch stays the caller's, who tries again after
    /// <see cref="ICommitLogListener.OnWritable"/>.
    /// </summary>
    bool TryAppend(Batch records);

    /// <summary>
    /// Waits for every delivery, adds manifest and offsets, and commits. Nothing may be appended until the answer. One answer comes: OnCommitted or OnFailed.
    /// </summary>
    void Commit(EpochManifest manifest);
}

/// <summary>A record of the state topic.</summary>
internal delegate void StateRecordHandler(long offset, ReadOnlySpan<byte> value);

/// <summary>What was found when a commit log was opened.</summary>
/// <param name="Incarnation">This incarnation's number, one above the last claim's.</param>
/// <param name="Last">The last committed manifest; null for a pipeline that never committed.</param>
internal sealed record CommitLogState(long Incarnation, EpochManifest? Last);

/// <summary>Called by a commit log from any thread; must only hand over to the graph.</summary>
internal interface ICommitLogListener
{
    void OnWritable();

    void OnCommitted(long epoch);

    /// <summary>
    /// The outcome of the open transaction is unknown or it failed: the worker is to be started anew. <see cref="FencedException"/>: another incarnation took over.
    /// </summary>
    void OnFailed(Exception cause);
}

/// <summary>Another worker has taken over the pipeline, which the message names. This one must not be started again: they would fence each other in turns.</summary>
/// <param name="message">Who took over.</param>
/// <param name="cause">How it was learnt.</param>
public sealed class FencedException(string message, Exception? cause = null) : Exception(message, cause);
