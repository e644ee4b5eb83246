using StreamEngine.Kafka.Fetching;

namespace StreamEngine.Kafka.Questions;

/// <summary>One attempt at a question, which begins with one broker and may go on to others. The attempt's end closes what was opened, unless it is kept.</summary>
/// <param name="kept">Where connections are from and go to.</param>
/// <param name="epochs">The leaders that are known.</param>
/// <param name="first">The broker that it begins with.</param>
/// <param name="settings">How they are connected with.</param>
/// <param name="cancellation">Ends what blocks.</param>
internal sealed class QuestionRound(KeptConnections kept, KnownEpochs epochs, BrokerAddress first, FetchSettings settings, CancellationToken cancellation)
    : IDisposable
{
    private readonly BrokerAddress _first = first;
    private readonly List<Opened> _open = [];

    /// <summary>The broker that was asked last, for messages.</summary>
    public BrokerAddress Last { get; private set; } = first;

    /// <summary>What was asked last was asked on a connection of an earlier question, and nothing on it has been answered since.</summary>
    public bool IsOnKept { get; private set; }

    /// <summary>The brokers of the cluster by node, once they were asked for.</summary>
    public IReadOnlyDictionary<int, BrokerAddress> Brokers { get; private set; } = new Dictionary<int, BrokerAddress>();

    /// <summary>The metadata of a topic; null: of all topics there are.</summary>
    public ClusterMetadata AskMetadata(string? topic) => Learn(broker => ClusterMetadata.Ask(broker, topic));

    /// <summary>The brokers alone.</summary>
    public IReadOnlyDictionary<int, BrokerAddress> AskBrokers() => Learn(ClusterMetadata.AskBrokers).Brokers;

    private ClusterMetadata Learn(Func<BrokerConnection, ClusterMetadata> ask)
    {
        var metadata = AskFirst(ask);
        // One that has just started knows neither brokers nor topics: it has not heard of them yet.
        if (metadata.Brokers.Count == 0) throw new RefusedException("the brokers of the cluster", KafkaError.BrokerNotAvailable);
        Brokers = metadata.Brokers;
        return metadata;
    }

    /// <summary>Asks the broker that the attempt begins with.</summary>
    public T AskFirst<T>(Func<BrokerConnection, T> ask) => Ask(_first, ask);

    /// <summary>Whether a broker that knows more has named a later leader of a partition: an old one may lead on in its own eyes.</summary>
    public bool IsOutdated(string topic, Guid id, ClusterMetadata.Leader leader) => epochs.IsOutdated(topic, id, leader);

    /// <summary>Asks a broker.</summary>
    public T Ask<T>(BrokerAddress address, Func<BrokerConnection, T> ask)
    {
        var answer = ask(To(address));
        IsOnKept = false;
        return answer;
    }

    private BrokerConnection To(BrokerAddress address)
    {
        Last = address;
        foreach (var (open, _) in _open)
            if (open.Address == address) return open;
        var connection = kept.Take(address);
        IsOnKept = connection is not null;
        connection ??= new BrokerConnection(address, settings, TimeProvider.System, cancellation);
        _open.Add(new Opened(connection, cancellation.Register(connection.Dispose)));
        if (!IsOnKept) connection.Open();
        return connection;
    }

    /// <summary>All was answered: the connections may be used again.</summary>
    public void Keep() => End(_ => true);

    /// <summary>The broker that was asked last has not answered, and all others have.</summary>
    public void KeepOthers() => End(c => c.Address != Last);

    private void End(Func<BrokerConnection, bool> isKept)
    {
        foreach (var (connection, registration) in _open)
        {
            registration.Dispose();
            if (isKept(connection) && !cancellation.IsCancellationRequested) kept.Keep(connection);
            else connection.Dispose();
        }
        _open.Clear();
    }

    private sealed record Opened(BrokerConnection Connection, CancellationTokenRegistration Registration);

    public void Dispose() => End(_ => false);
}
