using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker.Hosting;

/// <summary>Forces written bytes to the disk at an interval, on a thread of its own, so that no request waits for the disk.</summary>
internal sealed class DiskFlusher : IDisposable
{
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;

    public DiskFlusher(ILogStorage storage, TimeSpan interval, Action<Exception> failed)
    {
        _thread = new Thread(() =>
        {
            try
            {
                while (!_stop.Wait(interval)) storage.Sync();
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                failed(error);
            }
        })
        { IsBackground = true, Name = "broker-fsync" };
        _thread.Start();
    }

    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
    }
}
