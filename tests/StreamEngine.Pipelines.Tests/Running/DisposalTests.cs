using Microsoft.Extensions.Logging;
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

    private sealed class Told : List<(LogLevel, string?)>, ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Add((logLevel, exception?.Message));
    }

    [Fact]
    public async Task All_end_and_each_failure_is_told_and_takes_the_place_of_no_other()
    {
        var ended = new List<int>();
        var told = new Told();
        var failed = await Assert.ThrowsAsync<TimeoutException>(async () =>
        {
            try
            {
                throw new TimeoutException("what they are ended for");
            }
            finally
            {
                await Disposal.OfAllAsync([
                    new Thing(() => ended.Add(1)), new Thing(() => throw new IOException("second")), new Thing(() => throw new InvalidOperationException("third")),
                    new Thing(() => ended.Add(4))], told);
            }
        });
        Assert.Equal("what they are ended for", failed.Message);
        Assert.Equal([1, 4], ended);
        Assert.Equal([(LogLevel.Error, "second"), (LogLevel.Error, "third")], told);
    }
}
