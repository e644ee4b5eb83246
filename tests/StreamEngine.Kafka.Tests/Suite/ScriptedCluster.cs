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

    /// <summary>Where an open transaction begins; null for none.</summary>
    public long? Stable { get; set; }

    public long StableEnd => Stable ?? End;

    /// <summary>The times of records, in the order of their offsets, for whoever looks for one by its time.</summary>
    public List<(long Time, long Offset)> Times { get; } = [];

    /// <summary>What the next questions for offsets are answered with, one each.</summary>
    public ConcurrentQueue<short> OffsetErrors { get; } = new();

    /// <summary>What every question for offsets is answered with, 0 for the offset.</summary>
    public short OffsetError { get; set; }
}

/// <summary>Brokers of a test, each on a socket, that serve one topic and do what the test tells them.</summary>
internal sealed class ScriptedCluster : IDisposable
{
    public const string Topic = "flights";

    private readonly List<ScriptedBroker> _brokers = [];

    public object Gate { get; } = new();

    public short FetchVersion { get; set; } = 13;

    public short MetadataVersion { get; set; } = 12;

    public short OffsetsVersion { get; set; } = 7;

    public short FindCoordinatorVersion { get; set; } = 3;

    public short OffsetFetchVersion { get; set; } = 7;

    public short DescribeConfigsVersion { get; set; } = 4;

    public Guid TopicId { get; set; } = new("00000000-0000-0000-0000-000000000001");

    /// <summary>What it says of the topic, 0 for nothing.</summary>
    public short TopicError { get; set; }

    public bool HasTopic
    {
        get => TopicError == 0;
        set => TopicError = value ? (short)0 : (short)3;
    }

    /// <summary>A broker that has just started has not heard of itself yet.</summary>
    public bool KnowsBrokers { get; set; } = true;

    public Dictionary<int, ScriptedLog> Logs { get; } = [];

    public ConcurrentQueue<FetchSeen> Fetches { get; } = new();

    public ConcurrentQueue<OffsetsSeen> Offsets { get; } = new();

    /// <summary>The node that keeps the offsets of groups.</summary>
    public int Coordinator { get; set; } = 1;

    /// <summary>What the next questions for the coordinator are answered with, one each.</summary>
    public ConcurrentQueue<short> CoordinatorErrors { get; } = new();

    /// <summary>What the next questions for a group's offsets are answered with, one each.</summary>
    public ConcurrentQueue<short> GroupErrors { get; } = new();

    /// <summary>What is said of each partition of a group, 0 for nothing.</summary>
    public short GroupPartitionError { get; set; }

    /// <summary>By group what it has committed.</summary>
    public Dictionary<string, List<(string Topic, int Partition, long Offset)>> GroupOffsets { get; } = [];

    public ConcurrentQueue<(int Node, short Api, short Version, string Group)> GroupQuestions { get; } = new();

    /// <summary>Of the topic and of each broker, with where it is from: 1 for set for that topic.</summary>
    public Dictionary<string, (string? Value, sbyte Source)> Settings { get; } = [];

    /// <summary>What it says of settings, 0 for nothing.</summary>
    public short SettingsError { get; set; }

    public ConcurrentQueue<(int Node, short Version)> SettingQuestions { get; } = new();

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

    public void Append(int partition, int epoch, params string[] values) => Append(partition, values.Length, first =>
        RecordBatches.Encode([.. values.Select((v, i) => new LogRecord(first + i, v))], epoch: epoch));

    /// <summary>Appends a batch of so many offsets, made for its first one.</summary>
    public void Append(int partition, int count, Func<long, byte[]> encode)
    {
        lock (Gate)
        {
            var log = Logs[partition];
            log.Batches.Add((log.End + count, encode(log.End)));
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

    /// <summary>Waits until that holds.</summary>
    public static async Task UntilAsync(Func<bool> condition, string otherwise)
    {
        for (var began = TimeProvider.System.GetTimestamp(); !condition(); await Task.Delay(5))
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(30), otherwise);
    }

    /// <summary>Why a broker has closed a connection: it was asked for what no client may ask. The end of the test tells it.</summary>
    public Exception? Fault { get; set; }

    public void Dispose()
    {
        foreach (var broker in _brokers) broker.Dispose();
        if (Fault is { } fault) throw new InvalidOperationException($"a broker was asked for what no client may ask: {fault.Message}", fault);
    }
}
