using System.Runtime.InteropServices;

namespace StreamEngine.Cli.Terminal;

/// <summary>SIGTERM and SIGINT as a cancellation: the first asks for an orderly end, a second SIGINT ends the process at once.</summary>
internal sealed class StopSignal : IDisposable
{
    private static readonly Lock EarlyLock = new();
    private static List<PosixSignalRegistration> _early = [];
    private static bool _asked;
    private static StopSignal? _current;

    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _task = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration _term;
    private readonly PosixSignalRegistration _int;

    public StopSignal()
    {
        _term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        _int = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        lock (EarlyLock) _current = this;
        EndEarly();
        lock (EarlyLock)
        {
            if (!_asked) return;
            _asked = false;
        }
        Stop();
    }

    /// <summary>
    /// From the first moment of the process: a signal that comes before a command has got so far as to drain is kept for it, instead of ending the process with 143.
    /// </summary>
    public static void CatchEarly()
    {
        lock (EarlyLock) _early = [PosixSignalRegistration.Create(PosixSignal.SIGTERM, Keep), PosixSignalRegistration.Create(PosixSignal.SIGINT, Keep)];
    }

    /// <summary>From here on a signal does what it does by itself, or what a <see cref="StopSignal"/> makes of it; one that came before is the next of those's.</summary>
    public static void EndEarly()
    {
        lock (EarlyLock)
        {
            foreach (var registration in _early) registration.Dispose();
            _early = [];
        }
    }

    /// <summary>
    /// What is done with a signal until a command takes it. The runtime looks for its takers as it comes and calls them some time later, so that the command may have
    /// taken over in between: it is handed on to it then, since nobody else would be called and the process would end.
    /// </summary>
    internal static void Keep(PosixSignalContext context)
    {
        StopSignal? current;
        lock (EarlyLock)
        {
            if (_early.Count > 0)
            {
                context.Cancel = true;
                _asked = true;
                return;
            }
            current = _current;
        }
        current?.Stop(context);
    }

    public CancellationToken Token => _stop.Token;

    public Task Task => _task.Task;

    internal void Stop(PosixSignalContext context)
    {
        if (_stop.IsCancellationRequested && context.Signal == PosixSignal.SIGINT) return;
        context.Cancel = true;
        Stop();
    }

    private void Stop()
    {
        _stop.Cancel();
        _task.TrySetResult();
    }

    public void Dispose()
    {
        lock (EarlyLock)
            if (_current == this) _current = null;
        _term.Dispose();
        _int.Dispose();
        // The source of the token stays: the runtime may call a handler that it has looked up before, and one that fails ends the process.
    }
}
