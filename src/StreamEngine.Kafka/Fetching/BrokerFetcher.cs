using System.Net.Sockets;
using System.Security.Authentication;

namespace StreamEngine.Kafka.Fetching;

/// <summary>
/// Fetches from one broker, on a thread of its own with calls that block: asks for the partitions that have room, takes the answer off the wire, and asks on while the
/// source's thread parses what came.
/// </summary>
internal sealed class BrokerFetcher
{
    private readonly FetchClient _client;
    private readonly Thread _thread;
    private readonly List<PartitionQuestion> _questions = [];
    private readonly HashSet<int> _answered = [];
    private volatile BrokerConnection? _connection;
    private int _failures;
    private short _version;
    private Guid _topicId;

    public BrokerFetcher(FetchClient client, int node, BrokerAddress address)
    {
        _client = client;
        Node = node;
        Address = address;
        _thread = new Thread(Run) { IsBackground = true, Name = $"kafka fetch {client.Name} {node}" };
    }

    public int Node { get; }

    /// <summary>Where the broker is reached. Guarded by the client's lock.</summary>
    public BrokerAddress Address { get; set; }

    /// <summary>Which partition stands first in the next request, so that each has its turn. Guarded by the client's lock.</summary>
    public int Turn { get; set; }

    /// <summary>What it was asked for last. Guarded by the client's lock.</summary>
    public IReadOnlyList<PartitionQuestion> Questions => _questions;

    /// <summary>When to see whether it hangs; the greatest value while it was asked nothing. Guarded by the client's lock.</summary>
    public long LookAt { get; set; } = long.MaxValue;

    /// <summary>Bytes that were read of its answers when it was looked at last; -1: it was not since it was asked. Guarded by the client's lock.</summary>
    public long ReceivedBefore { get; set; } = -1;

    /// <summary>Bytes that were read of the connection's answers.</summary>
    public long Received => _connection?.Received ?? 0;

    /// <summary>It should have answered. Guarded by the client's lock.</summary>
    public bool IsOverdue { get; set; }

    public string Described => $"broker {Node} at {Address}";

    public void Start() => _thread.Start();

    private void Run()
    {
        try
        {
            while (_client.WaitForQuestions(this, _questions, out var terms))
                if (!Exchange(terms)) BackOff();
        }
        catch (Exception e)
        {
            _client.Fail(e);
        }
        finally
        {
            _connection?.Dispose();
        }
    }

    private void BackOff()
    {
        // The first time it is tried again at once: brokers close connections that were idle.
        var most = _client.Settings.ReconnectBackoffMost;
        var pause = _failures == 0 ? TimeSpan.Zero : _client.Settings.ReconnectBackoff * Math.Pow(2, Math.Min(_failures - 1, 20));
        _failures++;
        _client.Stopping.WaitHandle.WaitOne(pause < most ? pause : most);
    }

    private bool Exchange(FetchTerms terms)
    {
        try
        {
            if (!Connect()) return true;
            var connection = _connection!;
            var w = connection.Begin(BrokerConnection.Fetch, _version, _version >= FetchMessages.FirstFlexible);
            FetchMessages.Write(w, _version, _client.Topic, _topicId, _questions, terms, _client.Settings);
            connection.Send();
            _client.Asked(this, terms);
            var r = connection.Receive(_version >= FetchMessages.FirstFlexible, terms.WaitMs);
            var throttle = Read(r);
            _client.Answered(this);
            _failures = 0;
            _client.Log.Over($"fetch {Node}", $"{Described} answers again");
            if (throttle > 0) _client.Stopping.WaitHandle.WaitOne(Math.Min(throttle, 30_000));
            return true;
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or AuthenticationException or LoginException)
        {
            _connection?.Dispose();
            _connection = null;
            if (_client.IsStopped) return true;
            if (_failures > 0) _client.Log.Warn($"fetch {Node}", $"{Described} cannot be read from: {e.Message}");
            _client.Lost(this);
            return false;
        }
        catch (MalformedException e)
        {
            var first = _questions[0];
            throw new FetchException($"{Described} has answered a fetch of {_client.Topic}-{first.Partition.Index} from offset {first.Offset}"
                + $"{(_questions.Count > 1 ? $" and {_questions.Count - 1} other partitions" : "")} with {e.Message}", e);
        }
    }

    private bool Connect()
    {
        lock (_client.Gate)
        {
            if (_client.IsStopped) return false;
            if (_connection is not null && _connection.Address == Address && !_connection.IsLoginOver) return true;
            _connection?.Dispose();
            _connection = new BrokerConnection(Address, _client.Settings, _client.Time, _client.Stopping);
        }
        _connection.Open();
        // Brokers tell the id of a topic from Kafka 2.8 on.
        _topicId = _client.TopicId;
        _version = _connection.VersionOf(BrokerConnection.Fetch, FetchMessages.Oldest, _topicId == Guid.Empty ? (short)(FetchMessages.FirstWithTopicId - 1)
            : FetchMessages.Newest);
        return true;
    }

    private int Read(ResponseReader r)
    {
        _answered.Clear();
        var topic = _version >= FetchMessages.FirstWithTopicId ? _topicId.ToString() : _client.Topic;
        var (throttle, error) = FetchMessages.Read(r, _version, topic, _client.Memory, Take);
        if (error != KafkaError.None && !error.IsPassing()) throw new FetchException($"{Described} refuses to be read from: {error.Described()}");
        return throttle;
    }

    private void Take(PartitionAnswer answer)
    {
        foreach (var question in _questions)
            if (question.Partition.Index == answer.Index && _answered.Add(answer.Index))
            {
                _client.Deliver(this, question, answer);
                return;
            }
        answer.Block?.Release();
        throw new MalformedException($"partition {answer.Index}, which was not asked for or answered already");
    }

    /// <summary>Ends what blocks. The caller holds the client's lock, which says that it is stopped.</summary>
    public void Close() => _connection?.Dispose();

    public bool Join(TimeSpan patience) => !_thread.IsAlive || _thread.Join(patience);
}
