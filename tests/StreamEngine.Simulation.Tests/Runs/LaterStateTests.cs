using StreamEngine.Core;
using StreamEngine.Streams;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>
/// State that was committed behind the manifest is a successor's: seed 1363 of the first campaign stood still between claim and restore, and took it for its own.
/// </summary>
public class LaterStateTests
{
    [Fact]
    public async Task State_behind_the_manifest_is_not_restored()
    {
        var last = new EpochManifest { Pipeline = "p", Slot = 0, Incarnation = 1, Epoch = 4, At = default, Sources = new Dictionary<string, SourcePosition>(),
            Inserts = new Dictionary<string, ConservationLine>(), State = new StatePositions([], 5) };
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => RestoredState.ReadAsync(new Log(5), last, CancellationToken.None));
        Assert.Contains("another incarnation", error.Message);
        Assert.Equal(1, (await RestoredState.ReadAsync(new Log(4), last, CancellationToken.None)).Pieces);
    }

    private static unsafe byte[] FrameOf(long epoch)
    {
        using var scope = new MemoryScope("test");
        using var frames = new StateFrames(scope);
        frames.For("operator", epoch).Write(0, StateKind.Delta, [1, 2, 3]);
        Assert.True(frames.TryTake(out var batch));
        using (batch) return batch!.Records!.Values[0].Span.ToArray();
    }

    private sealed class Log(long epoch) : ICommitLog
    {
        public long StateEnd => 0;

        public EpochClaim? Claim => null;

        public Task<CommitLogState> OpenAsync(EpochClaim? before, CancellationToken cancellation) => throw new InvalidOperationException();

        public Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation)
        {
            apply(0, FrameOf(epoch));
            return Task.CompletedTask;
        }

        public void Listen(ICommitLogListener listener) => throw new InvalidOperationException();

        public bool TryAppend(Batch records) => throw new InvalidOperationException();

        public void Commit(EpochManifest manifest) => throw new InvalidOperationException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
