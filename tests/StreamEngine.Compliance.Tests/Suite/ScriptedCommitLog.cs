using StreamEngine.Core;

namespace StreamEngine.Compliance.Tests.Suite;

/// <summary>A commit log that answers when the test says so.</summary>
internal sealed class ScriptedCommitLog : ICommitLog
{
    public ICommitLogListener Listener { get; private set; } = null!;

    public bool Writable { get; set; } = true;

    /// <summary>Topics of the appended batches, in order.</summary>
    public List<string> Appended { get; } = [];

    public List<EpochManifest> Commits { get; } = [];

    public long StateEnd { get; private set; }

    public EpochClaim? Claim => null;

    public Task<CommitLogState> OpenAsync(EpochClaim? before, CancellationToken cancellation) => throw new NotSupportedException("the test opens nothing");

    public Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation) => throw new NotSupportedException("the test reads nothing");

    public void Listen(ICommitLogListener listener) => Listener = listener;

    public bool TryAppend(Batch records)
    {
        if (!Writable) return false;
        Appended.Add(records.Records!.Topic);
        if (records.Role == BatchRole.Changelog) StateEnd += records.Count;
        records.Dispose();
        return true;
    }

    public void Commit(EpochManifest manifest) => Commits.Add(manifest);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
