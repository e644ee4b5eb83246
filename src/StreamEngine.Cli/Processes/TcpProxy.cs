using System.Net;
using System.Net.Sockets;

namespace StreamEngine.Cli.Processes;

/// <summary>Which way bytes go through a proxy.</summary>
[Flags]
internal enum ProxyWay
{
    ToBroker = 1,
    ToClient = 2,
    Both = 3,
}

/// <summary>
/// A TCP proxy between clients and a broker that advertises the proxy's address, with the faults of a network: connections refused, bytes that go nowhere for a while, a
/// reset after so many bytes, all connections cut, delay. Its port stays its own through all of them.
/// </summary>
internal sealed class TcpProxy : IAsyncDisposable
{
    private const int ChunkBytes = 16 * 1024;

    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<Link, Task> _links = [];
    private readonly TaskCompletionSource?[] _stalls = new TaskCompletionSource?[2];
    private readonly long[] _left = [long.MaxValue, long.MaxValue];
    private Socket _listener;
    private Task _accepting;
    private long _delayTicks;
    private int _resets;

    private TcpProxy(Socket listener, TimeProvider time)
    {
        (_listener, _time) = (listener, time);
        Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        listener.Listen(512);
        _accepting = AcceptAsync(listener);
    }

    public int Port { get; }

    /// <summary>What the broker has to advertise.</summary>
    public string Address => $"127.0.0.1:{Port}";

    /// <summary>Where connections go on to; until it is set they are reset.</summary>
    public IPEndPoint? Target { get; set; }

    /// <summary>How long each piece of bytes waits before it goes on.</summary>
    public TimeSpan Delay
    {
        get => TimeSpan.FromTicks(Interlocked.Read(ref _delayTicks));
        set => Interlocked.Exchange(ref _delayTicks, value.Ticks);
    }

    /// <summary>Resets after a number of bytes that have come about.</summary>
    public int Resets => Volatile.Read(ref _resets);

    /// <summary>Listens on a free port of loopback.</summary>
    public static TcpProxy Start(TimeProvider time) => new(Bind(0), time);

    private static Socket Bind(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>From now on connections are refused. The port stays bound, so that nobody else gets it: the kernel refuses for a socket that does not listen.</summary>
    public async Task RefuseAsync()
    {
        _listener.Dispose();
        await _accepting;
        _listener = Bind(Port);
    }

    /// <summary>Takes connections and forwards nothing, which nobody can tell from a slow broker, until <see cref="Heal"/>.</summary>
    public void Stall(ProxyWay way)
    {
        lock (_gate)
            foreach (var i in Indexes(way)) _stalls[i] ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>
    /// The connection that takes the n-th byte from now on forwards it and is reset, wherever in a request or response that is. Once; other connections stay.
    /// </summary>
    public void ResetAfter(long bytes, ProxyWay way)
    {
        lock (_gate)
            foreach (var i in Indexes(way)) _left[i] = bytes;
    }

    /// <summary>Resets all connections there are.</summary>
    public void CutAll()
    {
        lock (_gate)
            foreach (var link in _links.Keys) link.Reset();
    }

    /// <summary>Takes connections again, and forwards what has waited.</summary>
    public void Heal()
    {
        Delay = TimeSpan.Zero;
        lock (_gate)
        {
            for (var i = 0; i < 2; i++)
            {
                _left[i] = long.MaxValue;
                _stalls[i]?.TrySetResult();
                _stalls[i] = null;
            }
        }
        if (!_accepting.IsCompleted) return;
        _listener.Listen(512);
        _accepting = AcceptAsync(_listener);
    }

    private static IEnumerable<int> Indexes(ProxyWay way)
    {
        if (way.HasFlag(ProxyWay.ToBroker)) yield return 0;
        if (way.HasFlag(ProxyWay.ToClient)) yield return 1;
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await listener.AcceptAsync(_stop.Token);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                return;
            }
            var link = new Link(client);
            lock (_gate)
            {
                // The task begins on this thread and removes itself under the lock, after it was noted.
                _links[link] = Task.CompletedTask;
                _links[link] = ServeAsync(link);
            }
        }
    }

    private async Task ServeAsync(Link link)
    {
        await Task.Yield();
        try
        {
            await link.ConnectAsync(Target ?? throw new SocketException((int)SocketError.ConnectionRefused), _stop.Token);
            var ways = new[] { PumpAsync(link, 0), PumpAsync(link, 1) };
            await Task.WhenAny(ways);
            link.Close();
            await Task.WhenAll(ways);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Either side has gone, or a fault has cut it: so it is on the other one too.
            link.Reset();
        }
        lock (_gate) _links.Remove(link);
    }

    private async Task PumpAsync(Link link, int way)
    {
        var (from, to) = way == 0 ? (link.Client, link.Broker) : (link.Broker, link.Client);
        var chunk = new byte[ChunkBytes];
        try
        {
            while (true)
            {
                var read = await from.ReceiveAsync(chunk, _stop.Token);
                if (read == 0) return;
                if (Delay is { Ticks: > 0 } delay) await Task.Delay(delay, _time, _stop.Token);
                Task? stalled;
                lock (_gate) stalled = _stalls[way]?.Task;
                if (stalled is not null) await stalled.WaitAsync(_stop.Token);
                var (send, reset) = Take(way, read);
                for (var sent = 0; sent < send;) sent += await to.SendAsync(chunk.AsMemory(sent, send - sent), _stop.Token);
                if (!reset) continue;
                Interlocked.Increment(ref _resets);
                link.Reset();
                return;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            link.Reset();
        }
    }

    private (int Send, bool Reset) Take(int way, int read)
    {
        lock (_gate)
        {
            if (_left[way] == long.MaxValue) return (read, false);
            if (_left[way] > read)
            {
                _left[way] -= read;
                return (read, false);
            }
            var last = (int)_left[way];
            // Both ways were armed together: the first to come takes both.
            (_left[0], _left[1]) = (long.MaxValue, long.MaxValue);
            return (last, true);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        Task[] open;
        lock (_gate) open = [.. _links.Values];
        CutAll();
        await Task.WhenAll(open);
        _stop.Dispose();
    }

    /// <summary>A client's connection and the one to the broker that belongs to it.</summary>
    private sealed class Link(Socket client)
    {
        public Socket Client { get; } = client;

        public Socket Broker { get; } = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        public async Task ConnectAsync(IPEndPoint target, CancellationToken cancellation)
        {
            (Client.NoDelay, Broker.NoDelay) = (true, true);
            await Broker.ConnectAsync(target, cancellation);
        }

        public void Close()
        {
            Client.Dispose();
            Broker.Dispose();
        }

        /// <summary>Both sides see a reset, not an end: what is on the way is lost.</summary>
        public void Reset()
        {
            foreach (var socket in new[] { Client, Broker })
            {
                try
                {
                    socket.LingerState = new LingerOption(true, 0);
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    // It is closed already.
                }
                socket.Dispose();
            }
        }
    }
}
