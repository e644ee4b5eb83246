using System.Net;
using System.Net.Sockets;
using System.Text;

namespace StreamEngine.Kafka.Fetching;

/// <summary>
/// A connection to one broker, used by one thread with calls that block; another one may close it at any time, which ends them. It logs in before anything else is asked.
/// </summary>
internal sealed class BrokerConnection : IDisposable
{
    public const short Fetch = 1;
    public const short ListOffsets = 2;
    public const short Metadata = 3;
    public const short OffsetFetch = 9;
    public const short FindCoordinator = 10;
    public const short DescribeConfigs = 32;
    private const short SaslHandshake = 17;
    private const short ApiVersions = 18;
    private const short SaslAuthenticate = 36;
    private const int MostApis = 1000;
    private const int MostSaslBytes = 64 << 10;

    private readonly FetchSettings _settings;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stopping;
    private readonly Dictionary<short, (short Least, short Most)> _versions = [];
    private volatile Socket? _socket;
    private volatile bool _closed;
    private Stream? _stream;
    private volatile ResponseReader? _reader;
    private int _correlation;
    private long _loginEnds = long.MaxValue;

    public BrokerConnection(BrokerAddress address, FetchSettings settings, TimeProvider time, CancellationToken stopping)
    {
        Address = address;
        _settings = settings;
        _time = time;
        _stopping = stopping;
    }

    public BrokerAddress Address { get; }

    public RequestWriter Request { get; } = new();

    /// <summary>Bytes that were read of its answers; from any thread.</summary>
    public long Received => _reader?.Received ?? 0;

    /// <summary>The broker ends a login after a while (KIP-368): before that a new connection is made.</summary>
    public bool IsLoginOver => _time.GetTimestamp() > _loginEnds;

    /// <summary>Connects, encrypts, logs in.</summary>
    public void Open()
    {
        Connect();
        var network = new NetworkStream(_socket!, ownsSocket: false);
        _stream = _settings.Tls is { } tls ? tls.Wrap(network, Address.Host) : network;
        _reader = new ResponseReader(_stream, _settings.LongestResponse);
        AskVersions();
        if (_settings.Sasl is { } sasl) LogIn(sasl);
    }

    private void Connect()
    {
        Exception? last = null;
        foreach (var ip in Resolve())
        {
            var socket = new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            _socket = socket;
            try
            {
                if (_closed) throw new ObjectDisposedException(nameof(BrokerConnection));
                if (_settings.KeepAlive) socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
                // A connect that blocks has no timeout of its own; closing the socket ends it.
                using (_time.CreateTimer(static s => ((Socket)s!).Dispose(), socket, _settings.ConnectTimeout, Timeout.InfiniteTimeSpan))
                    socket.Connect(ip, Address.Port);
                socket.ReceiveTimeout = socket.SendTimeout = (int)_settings.SocketTimeout.TotalMilliseconds;
                return;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException && !_closed)
            {
                socket.Dispose();
                last = e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted or SocketError.Interrupted }
                    ? new SocketException((int)SocketError.TimedOut) : e;
            }
        }
        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }

    // The system's resolver cannot be stopped, and a name server that hangs keeps it for longer than a thread may take to end: it is left to itself.
    private IPAddress[] Resolve()
    {
        try
        {
            return _settings.Resolve(Address.Host, _settings.Family, _stopping).WaitAsync(_settings.ConnectTimeout, _time, _stopping).GetAwaiter().GetResult();
        }
        catch (TimeoutException)
        {
            throw new IOException($"the name '{Address.Host}' is not resolved after {_settings.ConnectTimeout.TotalSeconds:0.#} s");
        }
        catch (OperationCanceledException)
        {
            throw new ObjectDisposedException(nameof(BrokerConnection));
        }
    }

    /// <summary>The version of an API that both sides know, at most that one.</summary>
    public short VersionOf(short api, short least, short most)
    {
        if (!_versions.TryGetValue(api, out var served)) throw new FetchException($"broker {Address} does not serve Kafka's API {api}");
        var version = Math.Min(most, served.Most);
        return version >= Math.Max(least, served.Least) ? version
            : throw new FetchException($"broker {Address} serves Kafka's API {api} in versions {served.Least} to {served.Most}, {least} to {most} are spoken here");
    }

    /// <summary>Begins a request in <see cref="Request"/>.</summary>
    public RequestWriter Begin(short api, short version, bool flexible)
    {
        Request.Begin(api, version, ++_correlation, flexible);
        return Request;
    }

    /// <summary>Sends what was written.</summary>
    public void Send() => _stream!.Write(Request.Finished);

    /// <summary>Waits for the answer to the request that was sent last, the broker being allowed to take so long on purpose.</summary>
    public ResponseReader Receive(bool flexible, int waitMs = 0)
    {
        _socket!.ReceiveTimeout = (int)Math.Min(int.MaxValue, _settings.SocketTimeout.TotalMilliseconds + waitMs);
        _reader!.Flexible = flexible;
        _reader.Begin(_correlation);
        _reader.Tags();
        return _reader;
    }

    private void AskVersions()
    {
        // Version 0 is understood by every broker.
        Begin(ApiVersions, 0, flexible: false);
        Send();
        var r = Receive(flexible: false);
        var error = r.Error();
        if (error != KafkaError.None) throw new FetchException($"broker {Address} refuses to name its versions: {error.Described()}");
        var count = r.Count(6);
        if (count > MostApis) throw new MalformedException($"{count} APIs");
        for (var i = 0; i < count; i++) _versions[r.Int16()] = (r.Int16(), r.Int16());
        r.End();
    }

    private void LogIn(SaslSettings sasl)
    {
        var w = Begin(SaslHandshake, 1, flexible: false);
        w.String(sasl.Mechanism);
        Send();
        var r = Receive(flexible: false);
        var error = r.Error();
        var mechanisms = new List<string>();
        for (var left = r.Count(2); left > 0; left--) mechanisms.Add(r.String());
        r.End();
        if (error != KafkaError.None) throw new LoginException($"broker {Address} does not take {sasl.Mechanism} ({error.Described()}), it takes {string.Join(", ", mechanisms)}");
        if (sasl.Mechanism == "PLAIN")
        {
            Authenticate(Encoding.UTF8.GetBytes($"\0{sasl.User}\0{sasl.Password}"));
            return;
        }
        var scram = new ScramExchange(sasl, ScramExchange.NewNonce());
        scram.Check(Authenticate(scram.Final(Authenticate(scram.First()))));
    }

    private byte[] Authenticate(byte[] bytes)
    {
        var version = VersionOf(SaslAuthenticate, 0, 1);
        var w = Begin(SaslAuthenticate, version, flexible: false);
        w.Bytes(bytes);
        Send();
        var r = Receive(flexible: false);
        var error = r.Error();
        var reason = r.NullableString();
        var answer = r.Bytes(MostSaslBytes);
        var lifetime = version >= 1 ? r.Int64() : 0;
        r.End();
        if (error != KafkaError.None) throw new LoginException($"broker {Address} refuses the login: {reason ?? error.Described()}");
        if (lifetime > 0) _loginEnds = _time.GetTimestamp() + (long)(_time.TimestampFrequency * (lifetime / 1000.0) * 0.85);
        return answer;
    }

    /// <summary>Ends the connection and whatever waits for it, from any thread.</summary>
    public void Dispose()
    {
        _closed = true;
        _socket?.Dispose();
    }
}

/// <summary>A broker does not know who we are. It may be a credential that is being changed, so that it is tried again; people are told.</summary>
internal sealed class LoginException(string message) : Exception(message);
