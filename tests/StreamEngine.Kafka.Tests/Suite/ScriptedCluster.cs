using System.Collections.Concurrent;

namespace StreamEngine.Kafka.Suite;

/// <summary>What a broker was asked in one fetch.</summary>
internal sealed record FetchSeen(int Node, short Version, int WaitMs, string Rack,
    IReadOnlyList<(int Partition, int LeaderEpoch, long Offset, int LastEpoch, int MaxBytes)> Partitions);

/// <summary>What a broker does wrong with the next fetch.</summary>
internal abstract record Misdeed
{
    /// <summary>Closes the connection after so many bytes of the response.</summary>
    public sealed record Reset(int AfterBytes) : Misdeed;

    /// <summary>Stops after so many bytes of the response, and keeps the connection.</summary>
    public sealed record Stop(int AfterBytes) : Misdeed;

    /// <summary>Sends the response bit by bit, up to the end of the next partition whenever one is let go.</summary>
    public sealed record BitByBit : Misdeed
    {
        public List<int> Ends { get; } = [];

        public SemaphoreSlim Next { get; } = new(0);
    }

    /// <summary>Names a node that is to be read from.</summary>
    public sealed record Nearer(int Node) : Misdeed;

    /// <summary>Does not answer.</summary>
    public sealed record Stall : Misdeed;

    /// <summary>Answers every partition with an error.</summary>
    public sealed record Error(short Code) : Misdeed;

    /// <summary>Says that its log has another history.</summary>
    public sealed record Diverge(int Epoch, long End) : Misdeed;

    /// <summary>Changes the last byte of the records.</summary>
    public sealed record Damage : Misdeed;

    /// <summary>Says that the first batch is shorter than its head.</summary>
    public sealed record Shorten : Misdeed;

    /// <summary>Stands still with the answer, which may be wrong too, until it goes on.</summary>
    public sealed record Late(Misdeed? What = null) : Misdeed;

    /// <summary>Says that the next response is of another length.</summary>
    public sealed record Length(int Bytes) : Misdeed;
}

/// <summary>A partition of a scripted cluster.</summary>
internal sealed class ScriptedLog
{
    public int Leader { get; set; } = 1;

    public int Epoch { get; set; } = 1;

    public long Start { get; set; }

    /// <summary>What the leader names to whoever says where they are.</summary>
    public int PreferredReplica { get; set; } = -1;

    public List<(long Next, byte[] Bytes)> Batches { get; } = [];

    public List<(long Producer, long First)> Aborted { get; } = [];

    public long End => Batches.Count == 0 ? Start : Batches[^1].Next;
}

/// <summary>Brokers of a test, each on a socket, that serve one topic and do what the test tells them.</summary>
internal sealed class ScriptedCluster : IDisposable
{
    public const string Topic = "flights";

    private readonly List<ScriptedBroker> _brokers = [];

    public object Gate { get; } = new();

    public short FetchVersion { get; set; } = 13;

    public short MetadataVersion { get; set; } = 12;

    public Guid TopicId { get; set; } = new("00000000-0000-0000-0000-000000000001");

    /// <summary>What it says of the topic, 0 for nothing.</summary>
    public short TopicError { get; set; }

    public bool HasTopic
    {
        get => TopicError == 0;
        set => TopicError = value ? (short)0 : (short)3;
    }

    public Dictionary<int, ScriptedLog> Logs { get; } = [];

    public ConcurrentQueue<FetchSeen> Fetches { get; } = new();

    public IReadOnlyList<ScriptedBroker> Brokers => _brokers;

    public string Bootstrap => string.Join(',', _brokers.Select(b => $"127.0.0.1:{b.Port}"));

    public ScriptedCluster(int partitions = 1)
    {
        for (var i = 0; i < partitions; i++) Logs[i] = new ScriptedLog();
    }

    public ScriptedBroker Start(int node, Action<ScriptedBroker>? configure = null)
    {
        var broker = new ScriptedBroker(this, node);
        configure?.Invoke(broker);
        _brokers.Add(broker);
        broker.Start();
        return broker;
    }

    /// <summary>Appends values as one batch.</summary>
    public void Append(int partition, params string[] values) => Append(partition, 0, values);

    public void Append(int partition, int epoch, params string[] values)
    {
        lock (Gate)
        {
            var log = Logs[partition];
            var first = log.End;
            log.Batches.Add((first + values.Length, RecordBatches.Encode([.. values.Select((v, i) => new LogRecord(first + i, v))], epoch: epoch)));
            Monitor.PulseAll(Gate);
        }
    }

    public void Change(Action<ScriptedCluster> change)
    {
        lock (Gate)
        {
            change(this);
            Monitor.PulseAll(Gate);
        }
    }

    /// <summary>Waits for a fetch of that kind.</summary>
    public async Task FetchedAsync(Func<FetchSeen, bool> isIt)
    {
        for (var i = 0; !Fetches.Any(isIt); i++)
        {
            Assert.True(i < 6000, $"{Fetches.Count} fetches came, and not the one that is waited for");
            await Task.Delay(5);
        }
    }

    public void Dispose()
    {
        foreach (var broker in _brokers) broker.Dispose();
    }
}
