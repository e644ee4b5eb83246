using System.Net;
using System.Net.Sockets;

namespace StreamEngine.Kafka.Suite;

/// <summary>Something that listens and sends the same bytes to everyone, again and again, with a pause after each byte.</summary>
internal sealed class Dripping : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly Task _accepting;

    /// <param name="first">What is sent once.</param>
    /// <param name="pause">After each byte; zero: none comes after the first ones.</param>
    public Dripping(byte[] first, TimeSpan pause)
    {
        _listener.Start();
        _accepting = AcceptAsync(first, pause);
    }

    public string Address => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    private async Task AcceptAsync(byte[] first, TimeSpan pause)
    {
        var serving = new List<Task>();
        try
        {
            while (true) serving.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_ended.Token), first, pause));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeAsync(TcpClient client, byte[] first, TimeSpan pause)
    {
        using var owned = client;
        try
        {
            await client.GetStream().WriteAsync(first, _ended.Token);
            while (pause > TimeSpan.Zero)
            {
                await Task.Delay(pause, _ended.Token);
                await client.GetStream().WriteAsync(new byte[1], _ended.Token);
            }
            await Task.Delay(Timeout.Infinite, _ended.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client or the test has closed it.
        }
    }

    public void Dispose()
    {
        _ended.Cancel();
        _accepting.GetAwaiter().GetResult();
        _listener.Stop();
        _ended.Dispose();
    }
}
