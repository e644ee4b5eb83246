using StreamEngine.Pipelines.Running;

namespace StreamEngine.Pipelines.Tests.Running;

public sealed class DisposalTests
{
    private sealed class Thing(Action end) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            end();
            return ValueTask.CompletedTask;
        }
    }

    [Fact]
    public async Task All_end_and_the_first_failure_is_told()
    {
        var ended = new List<int>();
        var failed = await Assert.ThrowsAsync<IOException>(async () => await Disposal.OfAllAsync([
            new Thing(() => ended.Add(1)), new Thing(() => throw new IOException("second")), new Thing(() => throw new InvalidOperationException("third")),
            new Thing(() => ended.Add(4))]));
        Assert.Equal("second", failed.Message);
        Assert.Equal([1, 4], ended);
    }
}
