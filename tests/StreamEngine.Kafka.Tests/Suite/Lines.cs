using Microsoft.Extensions.Logging;

namespace StreamEngine.Kafka.Suite;

/// <summary>A logger that keeps what it is told, with the level before it, in a list that is its lock.</summary>
internal sealed class Lines(List<string> lines) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (lines) lines.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
