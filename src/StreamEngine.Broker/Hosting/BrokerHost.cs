using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using StreamEngine.Broker.Hosting;
using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker;

/// <summary>
/// An embedded Kafka-protocol broker that listens on a socket: one node, no replication, no authentication (loopback by default).
/// Any Kafka client can use it. Dispose it to stop in order; a process that is killed loses nothing that was written to a data directory.
/// </summary>
public sealed class BrokerHost : IAsyncDisposable
{
    private readonly BrokerCore _core;
    private readonly ILogStorage _storage;
    private readonly Socket _listener;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly BrokerOptions _options;
    private readonly Lock _gate = new();
    private readonly Dictionary<Connection, Task> _connections = [];
    private readonly Dictionary<BrokerExchange, TaskCompletionSource<BrokerResponse?>> _waiting = [];
    private readonly ITimer _timer;
    private readonly DiskFlusher? _flusher;
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _armed = long.MaxValue;
    private bool _isStopping;
    private int _isDisposed;
    private Task _accepting = Task.CompletedTask;

    private BrokerHost(BrokerOptions options, BrokerCore core, ILogStorage storage, Socket listener, TimeProvider time, ILogger logger)
    {
        (_options, _core, _storage, _listener, _time, _logger) = (options, core, storage, listener, time, logger);
        Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        _core.Endpoint = (options.AdvertisedHost ?? options.Host, options.AdvertisedPort ?? Port);
        _timer = time.CreateTimer(static state => ((BrokerHost)state!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Arm();
        if (options is { Fsync: FsyncPolicy.Interval, DataDirectory: not null }) _flusher = new DiskFlusher(storage, options.FsyncInterval, Fail);
    }

    /// <summary>The port that the broker listens on.</summary>
    public int Port { get; }

    /// <summary>What clients take as bootstrap.servers: "HOST:PORT", the advertised ones.</summary>
    public string Bootstrap => $"{_core.Endpoint.Host}:{_core.Endpoint.Port}";

    /// <summary>Ends when the broker has stopped; with an error when it had to stop itself, because its disk failed.</summary>
    public Task Stopped => _stopped.Task;

    /// <summary>Starts a broker and returns when it takes connections.</summary>
    /// <param name="options">Where to listen, where to keep data, and the limits.</param>
    /// <param name="loggerFactory">Gets a line for each connection that broke the protocol, and for what a crash left to repair.</param>
    /// <param name="timeProvider">The broker's clock: timestamps, transaction timeouts, waiting fetches.</param>
    /// <param name="cancellationToken">Gives up a start that is under way.</param>
    /// <exception cref="IOException">The address or the data directory is in use, or cannot be written.</exception>
    public static Task<BrokerHost> StartAsync(BrokerOptions options, ILoggerFactory loggerFactory, TimeProvider timeProvider,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggerFactory);
        ArgumentNullException.ThrowIfNull(timeProvider);
        cancellationToken.ThrowIfCancellationRequested();
        var logger = loggerFactory.CreateLogger("StreamEngine.Broker");
        var listener = Listen(options);
        ILogStorage? storage = null;
        try
        {
            storage = options.DataDirectory is { } directory ? new DiskStorage(directory) : new MemoryStorage();
            var core = new BrokerCore(options, storage, timeProvider.GetUtcNow().ToUnixTimeMilliseconds(), text => logger.LogWarning("Recovery: {Note}", text));
            var host = new BrokerHost(options, core, storage, listener, timeProvider, logger);
            host._accepting = host.AcceptAsync();
            logger.LogInformation("Broker listens on {Host}:{Port}, advertises {Bootstrap}, data {Data}", options.Host, host.Port, host.Bootstrap,
                options.DataDirectory ?? "in memory");
            return Task.FromResult(host);
        }
        catch
        {
            storage?.Dispose();
            listener.Dispose();
            throw;
        }
    }

    /// <summary>Stops in order: no new connections, the open ones are closed, logs get their checkpoints, files are flushed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        Close();
        await _accepting.ConfigureAwait(false);
        Task[] open;
        lock (_gate) open = [.. _connections.Values];
        await Task.WhenAll(open).ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
        _flusher?.Dispose();
        lock (_gate)
        {
            // After a disk error nothing more is written: the files are as they were when it happened.
            if (!_stopped.Task.IsFaulted) _core.Dispose();
            _storage.Dispose();
        }
        _stopped.TrySetResult();
    }

    /// <summary>Hands a request to the core and waits for its answer; null for requests that want none.</summary>
    internal ValueTask<BrokerResponse?> HandleAsync(BrokerExchange exchange)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopping, this);
            try
            {
                _core.Handle(exchange, Now());
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                Fail(error);
                throw;
            }
            Arm();
            if (exchange.IsComplete) return ValueTask.FromResult(exchange.Response);
            var waiting = new TaskCompletionSource<BrokerResponse?>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting[exchange] = waiting;
            exchange.Completed = done =>
            {
                _waiting.Remove(done);
                waiting.TrySetResult(done.Response);
            };
            return new ValueTask<BrokerResponse?>(waiting.Task);
        }
    }

    private static Socket Listen(BrokerOptions options)
    {
        var address = IPAddress.TryParse(options.Host, out var parsed) ? parsed : Dns.GetHostAddresses(options.Host)[0];
        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(new IPEndPoint(address, options.Port));
            listener.Listen(512);
            return listener;
        }
        catch (SocketException error)
        {
            listener.Dispose();
            throw new IOException($"cannot listen on {options.Host}:{options.Port}: {error.Message}; choose another port (0 takes a free one)", error);
        }
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync().ConfigureAwait(false);
            }
            catch (Exception error) when (error is ObjectDisposedException or SocketException)
            {
                if (Volatile.Read(ref _isStopping)) return;
                // Out of file descriptors, most likely: give the connections that are open time to end.
                _logger.LogWarning("Accepting a connection failed: {Error}", error.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(100), _time).ConfigureAwait(false);
                continue;
            }
            Admit(socket);
        }
    }

    private void Admit(Socket socket)
    {
        lock (_gate)
        {
            if (_isStopping || _connections.Count >= _options.MaxConnections)
            {
                if (!_isStopping) _logger.LogWarning("Connection of {Peer} refused: {Count} are open", socket.RemoteEndPoint, _connections.Count);
                socket.Dispose();
                return;
            }
            socket.NoDelay = true;
            var connection = new Connection(this, socket, _options.MaxRequestBytes);
            // The task begins on this thread and may end before it is noted: it removes itself after that, as it takes the lock.
            _connections[connection] = Task.CompletedTask;
            _connections[connection] = ServeAsync(connection);
        }
    }

    private async Task ServeAsync(Connection connection)
    {
        await Task.Yield();
        try
        {
            await connection.ServeAsync().ConfigureAwait(false);
        }
        catch (ProtocolException error)
        {
            _logger.LogWarning("Connection of {Peer} closed: {Error}", connection.Peer, error.Message);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or EndOfStreamException)
        {
            // The client is gone, or the host stops.
            _logger.LogDebug("Connection of {Peer} ended: {Error}", connection.Peer, error.Message);
        }
        catch (Exception error)
        {
            _logger.LogError(error, "Connection of {Peer} closed: its request could not be handled", connection.Peer);
        }
        lock (_gate) _connections.Remove(connection);
    }

    private void Tick()
    {
        lock (_gate)
        {
            if (_isStopping) return;
            _armed = long.MaxValue;
            try
            {
                _core.Advance(Now());
                CloseIdle();
            }
            catch (Exception error)
            {
                // No request is to blame, so nothing can be closed in its place: the broker's own state is in doubt.
                Fail(error);
                return;
            }
            Arm();
        }
    }

    /// <summary>The core wants to be called at least each minute, which is often enough for this.</summary>
    private void CloseIdle()
    {
        var before = Now() - (long)_options.IdleTimeout.TotalMilliseconds;
        foreach (var connection in _connections.Keys)
            if (connection.IsIdleSince(before)) connection.Close();
    }

    private void Arm()
    {
        var next = _core.NextDeadline;
        if (next >= _armed) return;
        _armed = next;
        _timer.Change(TimeSpan.FromMilliseconds(Math.Clamp(next - Now(), 0, 1 << 30)), Timeout.InfiniteTimeSpan);
    }

    internal long Now() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The disk failed: nobody knows what it holds, so nothing more may be promised.</summary>
    private void Fail(Exception error)
    {
        _logger.LogCritical(error, "The broker stops: {Error}", error.Message);
        _stopped.TrySetException(error);
        Close();
    }

    private void Close()
    {
        lock (_gate)
        {
            if (_isStopping) return;
            _isStopping = true;
            _listener.Dispose();
            foreach (var connection in _connections.Keys) connection.Close();
            foreach (var waiting in _waiting.Values) waiting.TrySetResult(null);
            _waiting.Clear();
        }
    }
}
