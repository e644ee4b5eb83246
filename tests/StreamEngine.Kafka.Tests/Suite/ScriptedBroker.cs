using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Kafka.Suite;

/// <summary>One broker of a scripted cluster: a thread for each connection, with calls that block.</summary>
internal sealed class ScriptedBroker(ScriptedCluster cluster, int node) : IDisposable
{
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly ConcurrentBag<Thread> _threads = [];
    private TcpListener _listener = new(IPAddress.Loopback, 0);
    private volatile bool _isDown;
    private volatile bool _standsStill;
    private int _open;

    public int Node => node;

    public int Port { get; private set; }

    /// <summary>How often it was asked for metadata.</summary>
    public int MetadataAsked { get; private set; }

    public int Connections { get; private set; }

    /// <summary>Those of them that neither side has closed.</summary>
    public int OpenConnections => Volatile.Read(ref _open);

    /// <summary>What it does wrong, one for each fetch.</summary>
    public ConcurrentQueue<Misdeed> Misdeeds { get; } = new();

    /// <summary>For so many milliseconds clients are to leave it alone, as its fetches say.</summary>
    public int ThrottleMs { get; set; }

    /// <summary>The authority that clients have to show a certificate of; null for none.</summary>
    public X509Certificate2? ClientAuthority { get; set; }

    public X509Certificate2? ServerCertificate { get; set; }

    public ScriptedLogin? Login { get; set; }

    public void Start()
    {
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        Run(Accept);
    }

    private void Run(Action action)
    {
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or InvalidOperationException
                or System.Security.Authentication.AuthenticationException)
            {
                // The client or the test has closed it.
            }
            catch (Exception e)
            {
                cluster.Fault ??= e;
            }
        }) { IsBackground = true };
        // Started first: one that was not cannot be waited for.
        thread.Start();
        _threads.Add(thread);
    }

    /// <summary>Closes all connections and takes no new ones.</summary>
    public void GoDown()
    {
        _isDown = true;
        _listener.Stop();
        foreach (var socket in _sockets) socket.Dispose();
    }

    /// <summary>Takes connections and requests and answers none of them, until it goes on: then each gets the answer of its time.</summary>
    public void StandStill() => _standsStill = true;

    public bool StandsStill => _standsStill;

    public void GoOn()
    {
        _standsStill = false;
        lock (cluster.Gate) Monitor.PulseAll(cluster.Gate);
    }

    public void ComeBack()
    {
        _isDown = false;
        _listener = new TcpListener(IPAddress.Loopback, Port);
        _listener.Start();
        Run(Accept);
    }

    private void Accept()
    {
        var listener = _listener;
        while (!_isDown)
        {
            var socket = listener.AcceptSocket();
            Connections++;
            _sockets.Add(socket);
            Interlocked.Increment(ref _open);
            Run(() =>
            {
                try
                {
                    Serve(socket);
                }
                finally
                {
                    Interlocked.Decrement(ref _open);
                }
            });
        }
    }

    private void Serve(Socket socket)
    {
        using var owned = socket;
        Stream stream = new NetworkStream(socket);
        if (ServerCertificate is not null)
        {
            var tls = new SslStream(stream);
            tls.AuthenticateAsServer(new SslServerAuthenticationOptions
            {
                ServerCertificate = ServerCertificate, ClientCertificateRequired = ClientAuthority is not null,
                RemoteCertificateValidationCallback = (_, certificate, _, _) => ClientAuthority is null || certificate?.Issuer == ClientAuthority.Subject,
            });
            stream = tls;
        }
        var login = Login?.Begin();
        while (true)
        {
            var request = ReadRequest(stream);
            var r = new ProtocolReader(request);
            var (api, version, correlation) = (r.Int16(), r.Int16(), r.Int32());
            r.ClassicNullableString();
            if (login is { IsDone: false } && api is not (17 or 18 or 36)) return;
            (r.Version, r.Flexible) = (version, ScriptedQuestions.IsFlexible(api, version));
            r.Tags();
            var w = new ProtocolWriter();
            w.Int32(0);
            w.Int32(correlation);
            w.Flexible = r.Flexible;
            w.Tags();
            var misdeed = Answer(api, version, ref r, w, login);
            if (misdeed is Misdeed.Stall or Misdeed.Stop)
            {
                if (misdeed is Misdeed.Stop) Send(stream, w, misdeed);
                lock (cluster.Gate)
                    while (!_isDown) Monitor.Wait(cluster.Gate, 100);
                return;
            }
            lock (cluster.Gate)
                while (_standsStill && !_isDown)
                {
                    // Whoever asked does not wait any more.
                    if (socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0) return;
                    Monitor.Wait(cluster.Gate, 100);
                }
            if (!Send(stream, w, misdeed)) return;
        }
    }

    private static byte[] ReadRequest(Stream stream)
    {
        var length = new byte[4];
        stream.ReadExactly(length);
        var request = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
        stream.ReadExactly(request);
        return request;
    }

    private bool Send(Stream stream, ProtocolWriter w, Misdeed? misdeed)
    {
        var bytes = w.Written.ToArray();
        w.Abandon();
        BinaryPrimitives.WriteInt32BigEndian(bytes, misdeed is Misdeed.Length wrong ? wrong.Bytes : bytes.Length - 4);
        if (misdeed is Misdeed.BitByBit bits) return SendBits(stream, bytes, bits);
        var sent = misdeed switch
        {
            Misdeed.Reset reset => reset.AfterBytes,
            Misdeed.Stop stop => stop.AfterBytes,
            _ => bytes.Length,
        };
        stream.Write(bytes.AsSpan(0, Math.Min(bytes.Length, sent)));
        return misdeed is not Misdeed.Reset;
    }

    private bool SendBits(Stream stream, byte[] bytes, Misdeed.BitByBit bits)
    {
        var sent = 0;
        foreach (var end in bits.Ends)
        {
            while (!bits.Next.Wait(100))
                if (_isDown) return false;
            stream.Write(bytes.AsSpan(sent, end - sent));
            sent = end;
        }
        stream.Write(bytes.AsSpan(sent));
        return true;
    }

    private Misdeed? Answer(short api, short version, ref ProtocolReader r, ProtocolWriter w, ScriptedLogin.Session? login)
    {
        switch (api)
        {
            case 18:
                // Newer ones have another form: whoever asks by them asks again.
                w.Int16(version == 0 ? (short)0 : (short)35);
                (short Key, short Most)[] served = [(1, cluster.FetchVersion), (2, cluster.OffsetsVersion), (3, cluster.MetadataVersion), (9, cluster.OffsetFetchVersion),
                    (10, cluster.FindCoordinatorVersion), (17, 1), (32, cluster.DescribeConfigsVersion), (36, 2)];
                w.Count(served.Length);
                foreach (var (key, most) in served)
                {
                    w.Int16(key);
                    w.Int16(0);
                    w.Int16(most);
                }
                return null;
            case 17:
                login!.Handshake(r.String(), w);
                return null;
            case 36:
                login!.Authenticate(r.Bytes().ToArray(), version, w);
                return null;
            case 2:
                new ScriptedQuestions(cluster, this, version).ListOffsets(ref r, w);
                return null;
            case 3:
                WriteMetadata(version, ReadTopics(ref r), w);
                return null;
            case 9:
                new ScriptedQuestions(cluster, this, version).OffsetFetch(ref r, w);
                return null;
            case 10:
                new ScriptedQuestions(cluster, this, version).FindCoordinator(ref r, w);
                return null;
            case 32:
                new ScriptedQuestions(cluster, this, version).DescribeConfigs(ref r, w);
                return null;
            default:
                return new ScriptedFetch(cluster, this, version).Answer(ref r, w);
        }
    }

    private static List<string>? ReadTopics(ref ProtocolReader r) => r.NullableArray(static (ref ProtocolReader x) =>
    {
        if (x.Version >= 10) x.Uuid();
        var name = x.String();
        x.Tags();
        return name;
    });

    /// <param name="version">Of the answer.</param>
    /// <param name="topics">About which it is: null for all there are.</param>
    /// <param name="w">Where it goes.</param>
    private void WriteMetadata(short version, List<string>? topics, ProtocolWriter w)
    {
        lock (cluster.Gate)
        {
            MetadataAsked++;
            topics ??= cluster.HasTopic ? [ScriptedCluster.Topic] : [];
            w.Int32(0);
            var brokers = cluster.KnowsBrokers ? cluster.Brokers : [];
            w.Count(brokers.Count);
            foreach (var broker in brokers)
            {
                w.Int32(broker.Node);
                w.String("127.0.0.1");
                w.Int32(broker.Port);
                w.NullableString(null);
                w.Tags();
            }
            w.NullableString("cluster");
            w.Int32(1);
            w.Count(topics.Count);
            foreach (var topic in topics) WriteTopic(version, topic, w);
            if (version is >= 8 and <= 10) w.Int32(int.MinValue);
            w.Tags();
        }
    }

    private void WriteTopic(short version, string topic, ProtocolWriter w)
    {
        var isOther = topic != ScriptedCluster.Topic;
        w.Int16(isOther ? (short)3 : cluster.TopicError);
        w.String(topic);
        if (version >= 10) w.Uuid(isOther ? Guid.Empty : cluster.TopicId);
        w.Bool(false);
        var logs = isOther || !cluster.HasTopic ? [] : cluster.Logs;
        w.Count(logs.Count);
        foreach (var (partition, log) in logs)
        {
            w.Int16(log.Leader < 0 ? (short)5 : (short)0);
            w.Int32(partition);
            w.Int32(log.Leader);
            if (version >= 7) w.Int32(log.Epoch);
            w.Int32Array([1]);
            // With KIP-966 the last replica leaves it, too.
            w.Int32Array(log.Leader < 0 ? [] : [1]);
            if (version >= 5) w.Int32Array([]);
            w.Tags();
        }
        if (version >= 8) w.Int32(int.MinValue);
        w.Tags();
    }

    public void Dispose()
    {
        GoDown();
        lock (cluster.Gate) Monitor.PulseAll(cluster.Gate);
        foreach (var thread in _threads) thread.Join(TimeSpan.FromSeconds(30));
    }
}
