using StreamEngine.Core;

namespace StreamEngine.Streams.Suite;

/// <summary>A commit log that can only be read back: frames at offsets of their own.</summary>
internal sealed class StateLog : ICommitLog
{
    public List<(long Offset, byte[] Value)> Records { get; } = [];

    /// <summary>Where it was read from.</summary>
    public List<long> Reads { get; } = [];

    public long StateEnd => Records.Count == 0 ? 0 : Records[^1].Offset + 1;

    public EpochClaim? Claim => null;

    public unsafe void Add(MemoryScope scope, string id, int keyGroup, StateKind kind, params byte[] payload)
    {
        using var frames = new StateFrames(scope);
        frames.For(id, 1).Write(keyGroup, kind, payload);
        frames.TryTake(out var batch);
        // Two apart: control records lie between.
        for (var i = 0; i < batch!.Records!.Count; i++) Records.Add((Records.Count * 2, batch.Records.Values[i].Span.ToArray()));
        batch.Dispose();
    }

    public Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation)
    {
        Reads.Add(from);
        foreach (var (offset, value) in Records.Where(r => r.Offset >= from)) apply(offset, value);
        return Task.CompletedTask;
    }

    public Task<CommitLogState> OpenAsync(EpochClaim? before, CancellationToken cancellation) => throw new NotSupportedException();

    public void Listen(ICommitLogListener listener) => throw new NotSupportedException();

    public bool TryAppend(Batch records) => throw new NotSupportedException();

    public void Commit(EpochManifest manifest) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
