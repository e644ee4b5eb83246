using StreamEngine.Core;
using StreamEngine.Pipelines.Running;

namespace StreamEngine.Pipelines.Tests.Running;

/// <summary>What the process is told when several of its workers cannot go on.</summary>
public class WorkerGroupTests
{
    [Fact]
    public async Task That_one_was_fenced_is_told_before_what_became_of_the_others()
    {
        using var failed = new CancellationTokenSource();
        // It learns of its successor while it is drained, because the other one has failed.
        async Task Fenced(CancellationToken stop)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop).ContinueWith(_ => { }, TaskScheduler.Default);
            throw new FencedException("fenced");
        }
        await Assert.ThrowsAsync<FencedException>(() => WorkerGroup.RunAsync([_ => Task.FromException(new IOException("failed")), Fenced], failed));
        await Assert.ThrowsAsync<IOException>(() => WorkerGroup.RunAsync([_ => Task.CompletedTask, _ => Task.FromException(new IOException("failed"))], failed));
    }
}
