using System.Text;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Compliance.Tests.Connectors;

/// <summary>What every commit log keeps to: see <see cref="ICommitLog"/>.</summary>
public abstract class CommitLogContract : IAsyncLifetime
{
    private static int _names;

    private readonly MemoryScope _scope = new();
    private readonly string _pipeline = $"contract-{Interlocked.Increment(ref _names)}-{Environment.ProcessId}";
    private readonly List<ICommitLog> _logs = [];
    private IConnectorWorld _world = null!;
    private int _processes;

    internal abstract Task<IConnectorWorld> CreateAsync();

    private string Out => $"{_pipeline}.out";

    public async Task InitializeAsync() => _world = await CreateAsync();

    public async Task DisposeAsync()
    {
        foreach (var log in _logs) await EndAsync(log);
        await _world.DisposeAsync();
        // Whatever was taken over has been given back, also by logs that failed.
        Assert.Equal(0, _scope.BlocksOut);
        _scope.Dispose();
    }

    private async Task EndAsync(ICommitLog log) => await _world.CallAsync(async () =>
    {
        await log.DisposeAsync();
        return true;
    });

    private async Task<(ICommitLog Log, CommitLogState State, Heard Heard)> OpenAsync(EpochClaim? before = null)
    {
        var log = _world.Log(_pipeline, ++_processes, Out, 2);
        _logs.Add(log);
        var state = await _world.CallAsync(() => log.OpenAsync(before, CancellationToken.None));
        var heard = new Heard();
        log.Listen(heard);
        return (log, state, heard);
    }

    private static EpochManifest Manifest(CommitLogState state, long epoch, long stateEnd = 0) => new()
    {
        Pipeline = "hash", Slot = 0, Incarnation = state.Incarnation, Epoch = epoch, At = DateTimeOffset.UnixEpoch.AddSeconds(epoch),
        Sources = new Dictionary<string, SourcePosition>(), Inserts = new Dictionary<string, ConservationLine> { ["o"] = new(1, 0, 1, 0, 0, 0, 0) },
        State = new StatePositions([], stateEnd),
    };

    /// <summary>Appends as the commit stage does: what is refused for now is offered again.</summary>
    private async Task AppendAsync(ICommitLog log, Heard heard, Batch batch)
    {
        while (true)
        {
            var told = heard.Of<Heard.Writable>().Count;
            if (await OnAsync(() => log.TryAppend(batch))) return;
            await _world.UntilAsync(() => heard.Of<Heard.Writable>().Count > told || heard.Of<Exception>().Count > 0, "room in the client's queue");
            Assert.Empty(heard.Of<Exception>());
        }
    }

    /// <summary>A call as the graph makes it: on whatever runs the world.</summary>
    private Task<T> OnAsync<T>(Func<T> call) => _world.CallAsync(() => Task.FromResult(call()));

    private Task CommitAsync(ICommitLog log, EpochManifest manifest) => OnAsync(() =>
    {
        log.Commit(manifest);
        return true;
    });

    private async Task CommitAsync(ICommitLog log, Heard heard, EpochManifest manifest)
    {
        await CommitAsync(log, manifest);
        await _world.UntilAsync(() => heard.Of<Heard.Committed>().Any(c => c.Epoch == manifest.Epoch) || heard.Of<Exception>().Count > 0, $"epoch {manifest.Epoch}");
        Assert.Empty(heard.Of<Exception>());
    }

    private async Task<List<string>> StateAsync(ICommitLog log, long from = 0)
    {
        var read = new List<string>();
        await _world.CallAsync(async () =>
        {
            await log.ReadStateAsync(from, (offset, value) => read.Add($"{offset}:{Encoding.UTF8.GetString(value)}"), CancellationToken.None);
            return true;
        });
        return read;
    }

    private Batch Rows(params string[] values) => OutputBatch.Of(_scope, Out, [.. values.Select(v => new OutputRecord(v, $"k{v}") { Partition = 0 })]);

    [SkippableFact]
    public async Task A_new_slot_has_nothing_and_its_first_incarnation_is_1()
    {
        var (log, state, _) = await OpenAsync();
        Assert.Equal(new CommitLogState(1, null), state);
        Assert.Equal((1L, 0L), (log.Claim!.Incarnation, log.StateEnd));
        Assert.Empty(await StateAsync(log));
    }

    [SkippableFact]
    public async Task An_epoch_is_there_whole_for_readers_and_the_next_incarnation()
    {
        var (log, state, heard) = await OpenAsync();
        await AppendAsync(log, heard, Rows("a", "b"));
        await AppendAsync(log, heard, OutputBatch.State(_scope, "one", "two"));
        Assert.Equal(2, log.StateEnd);
        var manifest = Manifest(state, 7, log.StateEnd);
        await CommitAsync(log, heard, manifest);
        Assert.Equal(["ka=a", "kb=b"], await _world.CommittedAsync(Out, 0));
        var (next, found, _) = await OpenAsync();
        Assert.Equal(2, found.Incarnation);
        Assert.Equal(Encoding.UTF8.GetString(ManifestJson.Write(manifest)), Encoding.UTF8.GetString(ManifestJson.Write(found.Last!)));
        Assert.Equal(["0:one", "1:two"], await StateAsync(next));
        Assert.Equal(["1:two"], await StateAsync(next, 1));
    }

    [SkippableFact]
    public async Task Of_an_epoch_that_was_not_committed_nothing_is_there()
    {
        var (log, state, heard) = await OpenAsync();
        await AppendAsync(log, heard, Rows("a"));
        await CommitAsync(log, heard, Manifest(state, 1));
        await AppendAsync(log, heard, Rows("lost"));
        await AppendAsync(log, heard, OutputBatch.State(_scope, "lost"));
        await EndAsync(log);
        _logs.Remove(log);
        var (next, found, nextHeard) = await OpenAsync();
        Assert.Equal(1, found.Last!.Epoch);
        Assert.Empty(await StateAsync(next));
        await AppendAsync(next, nextHeard, Rows("b"));
        await CommitAsync(next, nextHeard, Manifest(found, 2));
        Assert.Equal(["ka=a", "kb=b"], await _world.CommittedAsync(Out, 0));
    }

    [SkippableFact]
    public async Task The_end_of_the_state_is_where_the_next_change_comes_to_lie()
    {
        var (log, state, heard) = await OpenAsync();
        var written = new List<string>();
        for (var epoch = 1; epoch <= 6; epoch++)
        {
            for (var i = 0; i < epoch % 3; i++)
            {
                written.Add($"{log.StateEnd}:{epoch}.{i}");
                await AppendAsync(log, heard, OutputBatch.State(_scope, $"{epoch}.{i}"));
            }
            if (epoch % 2 == 0) await AppendAsync(log, heard, Rows($"{epoch}"));
            await CommitAsync(log, heard, Manifest(state, epoch, log.StateEnd));
        }
        Assert.Equal(written, await StateAsync(log));
        var (next, _, _) = await OpenAsync();
        Assert.Equal(log.StateEnd, next.StateEnd);
        Assert.Equal(written, await StateAsync(next));
    }

    [SkippableFact]
    public async Task Commits_are_answered_once_each_and_in_order()
    {
        var (log, state, heard) = await OpenAsync();
        for (var epoch = 1; epoch <= 20; epoch++)
        {
            if (epoch % 4 != 0) await AppendAsync(log, heard, Rows($"{epoch}"));
            await CommitAsync(log, heard, Manifest(state, epoch));
        }
        Assert.Equal(Enumerable.Range(1, 20).Select(e => (long)e), heard.Of<Heard.Committed>().Select(c => c.Epoch));
        Assert.Equal(Enumerable.Range(1, 20).Where(e => e % 4 != 0).Select(e => $"k{e}={e}"), await _world.CommittedAsync(Out, 0));
    }

    [SkippableFact]
    public async Task Many_records_keep_their_order_in_a_partition()
    {
        var (log, state, heard) = await OpenAsync();
        const int Batches = 12;
        for (var batch = 0; batch < Batches; batch++)
            await AppendAsync(log, heard, OutputBatch.Of(_scope, Out, [.. Enumerable.Range(batch * 50, 50).Select(i => new OutputRecord($"{i}", "k") { Partition = i % 2 })]));
        await CommitAsync(log, heard, Manifest(state, 1));
        for (var partition = 0; partition < 2; partition++)
            Assert.Equal(Enumerable.Range(0, Batches * 50).Where(i => i % 2 == partition).Select(i => $"k={i}"), await _world.CommittedAsync(Out, partition));
    }

    [SkippableFact]
    public async Task A_later_incarnation_fences_the_earlier_whose_open_epoch_never_was()
    {
        var (first, state, heard) = await OpenAsync();
        await AppendAsync(first, heard, Rows("a"));
        await CommitAsync(first, heard, Manifest(state, 1));
        await AppendAsync(first, heard, Rows("lost"));
        await AppendAsync(first, heard, OutputBatch.State(_scope, "lost"));
        var (second, next, secondHeard) = await OpenAsync();
        Assert.Equal((2L, 1L), (next.Incarnation, next.Last!.Epoch));
        await CommitAsync(first, Manifest(state, 2));
        await _world.UntilAsync(() => heard.Of<Exception>().Count > 0, "the fenced log to fail");
        Assert.Contains("incarnation 1", Assert.IsType<FencedException>(heard.Of<Exception>()[0]).Message, StringComparison.Ordinal);
        Assert.Single(heard.Of<Heard.Committed>());
        await AppendAsync(second, secondHeard, Rows("b"));
        await CommitAsync(second, secondHeard, Manifest(next, 2));
        Assert.Equal(["ka=a", "kb=b"], await _world.CommittedAsync(Out, 0));
        Assert.Empty(await StateAsync(second));
    }

    [SkippableFact]
    public async Task One_without_anything_to_write_learns_of_its_successor()
    {
        Skip.IfNot(_world.HasTransactions, "nobody can take over from a log within one process");
        var (_, _, heard) = await OpenAsync();
        await OpenAsync();
        await _world.UntilAsync(() => heard.Of<Exception>().Count > 0, "the log whose slot was taken over to fail");
        Assert.IsType<FencedException>(heard.Of<Exception>()[0]);
    }

    [SkippableFact]
    public async Task A_batch_that_a_failed_log_refuses_stays_the_callers()
    {
        var (first, state, heard) = await OpenAsync();
        await OpenAsync();
        // A log that is slow to write may have learned of its successor by itself, and refuses the first one already.
        var lost = Rows("lost");
        if (await OnAsync(() => first.TryAppend(lost))) await CommitAsync(first, Manifest(state, 1));
        else lost.Dispose();
        await _world.UntilAsync(() => heard.Of<Exception>().Count > 0, "the fenced log to fail");
        var batch = Rows("never");
        Assert.False(await OnAsync(() => first.TryAppend(batch)));
        batch.Dispose();
        Assert.Empty(await _world.CommittedAsync(Out, 0));
    }

    [SkippableFact]
    public async Task A_worker_that_starts_again_does_not_fence_its_successor()
    {
        var (first, _, _) = await OpenAsync();
        var own = first.Claim!;
        var (successor, state, heard) = await OpenAsync();
        await Assert.ThrowsAsync<FencedException>(() => OpenAsync(own));
        await AppendAsync(successor, heard, Rows("a"));
        await CommitAsync(successor, heard, Manifest(state, 1));
        // Its own last claim is no reason to stay away.
        Assert.Equal(successor.Claim!.Incarnation + 1, (await OpenAsync(successor.Claim)).State.Incarnation);
    }
}
