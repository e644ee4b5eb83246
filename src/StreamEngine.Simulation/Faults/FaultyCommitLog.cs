using StreamEngine.Core;
using StreamEngine.Pipelines.Testing;

namespace StreamEngine.Simulation.Faults;

/// <summary>A commit log behind a bad network: delays, refusals, lost and unknown commits, and fencing by a later claim.</summary>
internal sealed class FaultyCommitLog(MemoryCommitLog inner, string slot, FaultyBroker broker) : ICommitLog, ICommitLogListener
{
    private ICommitLogListener? _listener;
    private long _claim;
    private bool _refusing;
    private bool _disposed;

    public long StateEnd => inner.StateEnd;

    public EpochClaim? Claim => inner.Claim;

    public async Task<CommitLogState> OpenAsync(EpochClaim? before, CancellationToken cancellation)
    {
        await broker.DelayAsync(broker.Plan.OpenDelay);
        cancellation.ThrowIfCancellationRequested();
        inner.CheckSuccessor(before);
        _claim = broker.Claim(slot);
        return await inner.OpenAsync(before, cancellation);
    }

    public async Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation)
    {
        await broker.DelayAsync(broker.Plan.OpenDelay);
        await inner.ReadStateAsync(from, apply, cancellation);
    }

    public void Listen(ICommitLogListener listener)
    {
        _listener = listener;
        inner.Listen(this);
    }

    public bool TryAppend(Batch records)
    {
        if (_refusing) throw new InvalidOperationException("appended again before the log said that it is writable");
        if (!broker.Refuses()) return inner.TryAppend(records);
        _refusing = true;
        broker.After(TimeSpan.FromMilliseconds(50), () =>
        {
            _refusing = false;
            Tell(l => l.OnWritable());
        });
        return false;
    }

    public void Commit(EpochManifest manifest)
    {
        var fate = broker.DrawFate();
        // Fenced while it was on its way: the transaction was aborted or completed by the later claim, and the client may not know which.
        var pending = broker.Send(slot, _claim, () => inner.Commit(manifest));
        broker.After(broker.Plan.CommitDelay, () =>
        {
            if (!broker.TryReceive(slot, pending) || broker.IsFenced(slot, _claim))
            {
                Tell(l => l.OnFailed(new FencedException($"epoch {manifest.Epoch}: another incarnation of {slot} has claimed it")));
                return;
            }
            if (fate != CommitFate.Lost) pending.Apply();
            Answer(manifest.Epoch, fate);
        });
    }

    private void Answer(long epoch, CommitFate fate) => broker.After(broker.Plan.CommitDelay, () =>
    {
        if (fate == CommitFate.Applied) Tell(l => l.OnCommitted(epoch));
        else Tell(l => l.OnFailed(new TimeoutException($"the outcome of epoch {epoch} is unknown")));
    });

    private void Tell(Action<ICommitLogListener> tell)
    {
        if (!_disposed && _listener is not null) tell(_listener);
    }

    // The log below answers at once; the answer that counts is given above.
    void ICommitLogListener.OnCommitted(long epoch)
    {
    }

    void ICommitLogListener.OnWritable() => Tell(l => l.OnWritable());

    void ICommitLogListener.OnFailed(Exception cause) => Tell(l => l.OnFailed(cause));

    public ValueTask DisposeAsync()
    {
        _disposed = true;
        return inner.DisposeAsync();
    }
}
