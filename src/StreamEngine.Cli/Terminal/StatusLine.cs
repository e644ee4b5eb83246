namespace StreamEngine.Cli.Terminal;

/// <summary>One line on the terminal that is drawn again twice a second while something long goes on; nothing where standard error is no terminal.</summary>
internal sealed class StatusLine : IAsyncDisposable
{
    private readonly Func<double, string> _text;
    private readonly long _start = TimeProvider.System.GetTimestamp();
    private readonly ITimer? _timer;
    private int _disposed;

    private StatusLine(Func<double, string> text)
    {
        _text = text;
        if (!Console.IsErrorRedirected) _timer = TimeProvider.System.CreateTimer(_ => Draw(), null, TimeSpan.FromMilliseconds(500), TimeSpan.FromMilliseconds(500));
    }

    /// <param name="text">The line, given the seconds since the start.</param>
    public static StatusLine Start(Func<double, string> text) => new(text);

    private void Draw() => Console.Error.Write($"\r\u001b[2K{_text(TimeProvider.System.GetElapsedTime(_start).TotalSeconds)}");

    public async ValueTask DisposeAsync()
    {
        if (_timer is null || Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _timer.DisposeAsync();
        await Console.Error.WriteAsync("\r\u001b[2K");
    }
}
