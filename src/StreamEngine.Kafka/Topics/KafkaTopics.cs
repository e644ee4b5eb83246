using System.Buffers.Binary;
using System.Security.Authentication;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka.Fetching;
using StreamEngine.Kafka.Questions;
using StreamEngine.Kafka.Sources;

namespace StreamEngine.Kafka.Topics;

/// <summary>A topic as the cluster describes it.</summary>
internal sealed record KafkaTopic(string Name, string Id, int Partitions)
{
    /// <summary>The id as the protocol has it; empty where the cluster gives topics none.</summary>
    public Guid Uuid { get; init; }
}

/// <summary>
/// Looks up, creates and asks about topics: what is asked, by Kafka's own protocol; what is changed, by the admin client, which is made for the first change.
/// </summary>
internal sealed class KafkaTopics : IDisposable
{
    private static readonly TimeSpan MetadataTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Beyond = TimeSpan.FromSeconds(5);

    private readonly KafkaConnection _connection;
    private readonly AdminSession _admin;
    private readonly ClusterQuestions _questions;
    private volatile string? _refusal;

    /// <summary>After which a question counts as not answered.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    public KafkaTopics(KafkaConnection connection, ILogger logger)
    {
        _connection = connection;
        _questions = new ClusterQuestions(connection);
        _admin = new AdminSession(connection.Bootstrap, () => new AdminClientBuilder(SettingsOf(connection))
            .SetLogHandler((_, m) => logger.LogDebug("{Facility}: {Message}", m.Facility, m.Message)).SetErrorHandler((_, e) => OnError(e, logger)).Build(), logger);
    }

    // Settings of producers and consumers are no business of the admin client's, which would warn about them.
    private static Dictionary<string, string> SettingsOf(KafkaConnection connection) => new(connection.Settings.Where(s =>
        !s.Key.StartsWith("fetch.", StringComparison.Ordinal) && !s.Key.StartsWith("queued.", StringComparison.Ordinal)
        && s.Key is not ("compression.type" or "compression.codec" or "linger.ms" or "batch.size" or "batch.num.messages" or "transaction.timeout.ms")))
    {
        ["bootstrap.servers"] = connection.Bootstrap, ["client.id"] = "streamengine-admin",
    };

    // What is asked of a broker that refuses the login, or that is not trusted, only runs into its time limit: the reason comes here alone.
    private void OnError(Error error, ILogger logger)
    {
        logger.LogDebug("Kafka admin client: {Reason} ({Error})", error.Reason, error.Code);
        _refusal = error.Code switch
        {
            ErrorCode.Local_Authentication => RefusedLogin(error.Reason),
            ErrorCode.Local_Ssl => RefusedTls(error.Reason),
            ErrorCode.Local_Transport or ErrorCode.Local_Resolve => null,
            _ => _refusal,
        };
    }

    private string RefusedLogin(string why) => $"the brokers on {_connection.Bootstrap} refuse the login: {why}\n"
        + "  look at sasl.mechanism, sasl.username and sasl.password in the client's settings";

    private string RefusedTls(string why) => $"the brokers on {_connection.Bootstrap} cannot be talked to by TLS: {why}\n"
        + "  look at security.protocol, ssl.ca.location and ssl.endpoint.identification.algorithm in the client's settings";

    private string Silence() => $"no broker answers on {_connection.Bootstrap}\n  start one:                    ./engine broker\n  or name another:              --bootstrap HOST:PORT";

    /// <summary>The topic, or null where it does not exist.</summary>
    /// <exception cref="StartupException">No broker answers, or the brokers refuse: the login, TLS, the question, or to describe that topic.</exception>
    public async Task<KafkaTopic?> FindAsync(string name, CancellationToken cancellation)
    {
        if (!IsName(name)) throw new StartupException($"'{name}' is no name of a topic: letters, digits, '.', '_' and '-', at most 249 of them");
        var found = await AskAsync($"topic {name}", round => round.AskMetadata(name), Timeout, cancellation);
        if (found.TopicError is KafkaError.UnknownTopicOrPartition or KafkaError.UnknownTopicId) return null;
        if (found.TopicError is not KafkaError.None)
            throw new StartupException($"the brokers on {_connection.Bootstrap} refuse to describe topic '{name}': {found.TopicError.Described()}")
            {
                MayPass = found.TopicError.IsPassing(),
            };
        return new KafkaTopic(name, TextOf(found.TopicId), found.Leaders.Count) { Uuid = found.TopicId };
    }

    private async Task<T> AskAsync<T>(string about, Func<QuestionRound, T> ask, TimeSpan timeout, CancellationToken cancellation)
    {
        try
        {
            return await _questions.AskAsync(about, ask, timeout, cancellation);
        }
        catch (LoginException e)
        {
            throw new StartupException(RefusedLogin(e.Message), e) { MayPass = true };
        }
        catch (AuthenticationException e)
        {
            throw new StartupException(RefusedTls(e.Message), e) { MayPass = true };
        }
        catch (RefusedException e)
        {
            throw new StartupException($"the brokers on {_connection.Bootstrap} refuse {e.Message}", e) { MayPass = e.IsPassing };
        }
        catch (FetchException e)
        {
            throw new StartupException($"the brokers on {_connection.Bootstrap} cannot be talked to: {e.Message}", e) { MayPass = true };
        }
        catch (Exception e) when (ClusterQuestions.IsSilence(e))
        {
            throw new StartupException(Silence(), e) { MayPass = true };
        }
    }

    // As claims and manifests have it: base64 of the bytes in the protocol's order.
    private static string TextOf(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return new Uuid(BinaryPrimitives.ReadInt64BigEndian(bytes), BinaryPrimitives.ReadInt64BigEndian(bytes[8..])).ToString();
    }

    /// <summary>Kafka's rule for names (org.apache.kafka.common.internals.Topic).</summary>
    internal static bool IsName(string name) => name.Length is > 0 and <= 249 && name is not ("." or "..")
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    /// <summary>Creates a topic; one that exists already is left as it is.</summary>
    public async Task CreateAsync(string name, int partitions, IReadOnlyDictionary<string, string>? configs, CancellationToken cancellation, short replication = -1)
    {
        try
        {
            await AnswerAsync(admin => admin.CreateTopicsAsync([new TopicSpecification { Name = name, NumPartitions = partitions, ReplicationFactor = replication,
                Configs = configs?.ToDictionary() ?? [] }],
                new CreateTopicsOptions { RequestTimeout = Timeout, OperationTimeout = Timeout }), cancellation);
        }
        catch (CreateTopicsException e) when (e.Results.TrueForAll(r => r.Error.Code is ErrorCode.TopicAlreadyExists))
        {
            // Somebody was faster: the same end.
        }
        catch (CreateTopicsException e)
        {
            throw new StartupException($"topic '{name}' cannot be created on {_connection.Bootstrap}: {e.Results[0].Error.Reason}", e);
        }
        catch (KafkaException e)
        {
            throw Unreachable(e);
        }
    }

    /// <summary>The topic, created where it does not exist; a new one is waited for, since brokers tell each other of it only after the answer.</summary>
    public async Task<KafkaTopic> EnsureAsync(string name, int partitions, IReadOnlyDictionary<string, string>? configs, TimeProvider time,
        CancellationToken cancellation, short replication = -1)
    {
        if (await FindAsync(name, cancellation) is { } present) return present;
        await CreateAsync(name, partitions, configs, cancellation, replication);
        var asked = time.GetTimestamp();
        while (time.GetElapsedTime(asked) < Timeout)
        {
            if (await FindAsync(name, cancellation) is { } created && created.Partitions == partitions)
            {
                // Brokers know a new topic before its leaders take questions about it.
                await OffsetsAsync(created, StartPosition.Earliest, 0, cancellation);
                return created;
            }
            await Task.Delay(TimeSpan.FromMilliseconds(50), time, cancellation);
        }
        throw new StartupException($"topic '{name}' was created on {_connection.Bootstrap} but cannot be found after {Timeout.TotalSeconds:0} s; look at the brokers' logs");
    }

    /// <summary>All topics, by name.</summary>
    public async Task<IReadOnlyList<(string Name, int Partitions)>> ListAsync(CancellationToken cancellation)
    {
        var metadata = await AskAsync("all topics", round => round.AskMetadata(null), SoonerTimeout, cancellation);
        return [.. metadata.Topics.OrderBy(t => t.Name, StringComparer.Ordinal)];
    }

    /// <summary>Whether a broker answers at all, which is known sooner than that a question about a topic is not answered.</summary>
    /// <exception cref="StartupException">None does.</exception>
    public Task CheckReachableAsync(CancellationToken cancellation) => AskAsync("the brokers", round => round.AskBrokers(), SoonerTimeout, cancellation);

    private TimeSpan SoonerTimeout => Timeout < MetadataTimeout ? Timeout : MetadataTimeout;

    /// <summary>Deletes a topic with its records.</summary>
    public async Task DeleteAsync(string name, CancellationToken cancellation)
    {
        try
        {
            await AnswerAsync(admin => admin.DeleteTopicsAsync([name], new DeleteTopicsOptions { RequestTimeout = Timeout, OperationTimeout = Timeout }), cancellation);
        }
        catch (KafkaException e)
        {
            throw Unreachable(e);
        }
    }

    /// <summary>Per partition the offset that a start position means now. A leader that is just being chosen is waited for.</summary>
    public Task<IReadOnlyDictionary<int, long>> OffsetsAsync(KafkaTopic topic, StartPosition start, long time, CancellationToken cancellation)
    {
        var partitions = Enumerable.Range(0, topic.Partitions).ToList();
        return AskOffsetsAsync(topic.Name, leaders =>
        {
            if (start != StartPosition.Time)
                return leaders.Of(partitions, start == StartPosition.Earliest ? LeaderOffsets.Earliest : LeaderOffsets.Latest, committed: true);
            var found = leaders.Of(partitions, time, committed: true);
            // Where no record is that new, the partition starts at its end.
            var ends = leaders.Of(partitions.Where(p => found[p] < 0), LeaderOffsets.Latest, committed: true);
            return found.ToDictionary(o => o.Key, o => ends.GetValueOrDefault(o.Key, o.Value));
        }, cancellation);
    }

    /// <summary>Last stable offset and high watermark of a partition.</summary>
    public Task<(long Stable, long High)> EndsAsync(string topic, int partition, CancellationToken cancellation) => AskOffsetsAsync(topic, leaders =>
        (leaders.Of([partition], LeaderOffsets.Latest, committed: true)[partition],
            leaders.Of([partition], LeaderOffsets.Latest, committed: false)[partition]), cancellation);

    /// <summary>The same of several partitions, by partition.</summary>
    public Task<(IReadOnlyDictionary<int, long> Stable, IReadOnlyDictionary<int, long> High)> EndsAsync(string topic, IReadOnlyCollection<int> partitions,
        CancellationToken cancellation) => AskOffsetsAsync(topic, leaders =>
        (leaders.Of(partitions, LeaderOffsets.Latest, committed: true), leaders.Of(partitions, LeaderOffsets.Latest, committed: false)), cancellation);

    /// <summary>The first offset of a partition, and its last stable offset.</summary>
    public Task<(long Low, long Stable)> BoundsAsync(string topic, int partition, CancellationToken cancellation) => AskOffsetsAsync(topic, leaders =>
        (leaders.Of([partition], LeaderOffsets.Earliest, committed: true)[partition],
            leaders.Of([partition], LeaderOffsets.Latest, committed: true)[partition]), cancellation);

    /// <summary>The first offset of a partition whose record is at least that new; null where none is.</summary>
    public Task<long?> OffsetOfTimeAsync(string topic, int partition, long time, CancellationToken cancellation) =>
        AskOffsetsAsync<long?>(topic, leaders => leaders.Of([partition], time, committed: true)[partition] is >= 0 and var found ? found : null, cancellation);

    private Task<T> AskOffsetsAsync<T>(string topic, Func<LeaderOffsets, T> ask, CancellationToken cancellation) =>
        AskAsync($"offsets of {topic}", round => ask(new LeaderOffsets(round, topic)), Timeout, cancellation);

    /// <summary>The offsets that a consumer group has committed, by topic and partition. Waits for a coordinator that is just taking over.</summary>
    public Task<IReadOnlyList<(string Topic, int Partition, long Offset)>> GroupOffsetsAsync(string group, CancellationToken cancellation) =>
        AskAsync($"group {group}", round => GroupOffsets.Ask(round, group), Timeout, cancellation);

    /// <summary>Forgets a consumer group; one that does not exist is as good.</summary>
    public async Task DeleteGroupAsync(string group, CancellationToken cancellation)
    {
        try
        {
            await AnswerAsync(admin => admin.DeleteGroupsAsync([group], new DeleteGroupsOptions { RequestTimeout = Timeout }), cancellation);
        }
        catch (DeleteGroupsException e) when (e.Results.TrueForAll(r => r.Error.Code is ErrorCode.GroupIdNotFound))
        {
            // Nothing to forget.
        }
        catch (KafkaException e)
        {
            throw Unreachable(e);
        }
    }

    /// <summary>Deletes the records before an offset.</summary>
    public async Task DeleteRecordsAsync(string topic, int partition, long before, CancellationToken cancellation) =>
        await AnswerAsync(admin => admin.DeleteRecordsAsync([new TopicPartitionOffset(topic, partition, before)],
            new DeleteRecordsOptions { RequestTimeout = Timeout, OperationTimeout = Timeout }), cancellation);

    /// <summary>The settings of topics, asked for at once.</summary>
    public async Task<IReadOnlyDictionary<string, TopicSettings>> ConfigsAsync(IEnumerable<string> topics, CancellationToken cancellation)
    {
        List<string> names = [.. topics.Distinct()];
        var settings = await AskAsync("settings of topics", round => ConfigEntries.OfTopics(round, names), Timeout, cancellation);
        return settings.ToDictionary(s => s.Key, s => new TopicSettings(s.Value));
    }

    /// <summary>Sets settings of a topic; those that are not named stay (KIP-339).</summary>
    public async Task SetAsync(string topic, IReadOnlyDictionary<string, string> settings, CancellationToken cancellation)
    {
        try
        {
            await AnswerAsync(admin => admin.IncrementalAlterConfigsAsync(new Dictionary<ConfigResource, List<ConfigEntry>>
            {
                [new ConfigResource { Type = ResourceType.Topic, Name = topic }] =
                    [.. settings.Select(s => new ConfigEntry { Name = s.Key, Value = s.Value, IncrementalOperation = AlterConfigOpType.Set })],
            }, new IncrementalAlterConfigsOptions { RequestTimeout = Timeout }), cancellation);
        }
        catch (IncrementalAlterConfigsException e)
        {
            throw new StartupException($"topic '{topic}' cannot be given {string.Join(" and ", settings.Select(s => $"{s.Key}={s.Value}"))}: {e.Results[0].Error.Reason}", e);
        }
        catch (KafkaException e)
        {
            throw Unreachable(e);
        }
    }

    /// <summary>A setting of the brokers; null where they do not say.</summary>
    public Task<string?> BrokerConfigAsync(string name, CancellationToken cancellation) =>
        AskAsync("settings of a broker", round => ConfigEntries.OfBroker(round, name), Timeout, cancellation);

    /// <summary>The settings that it connects with.</summary>
    /// <exception cref="StartupException">One is wrong.</exception>
    public FetchSettings Settings() => _questions.Settings();

    public IAdminClient Admin => _admin.Client;

    private StartupException Unreachable(KafkaException cause)
    {
        // What is done to several at once has an error of its own for each.
        var error = cause switch
        {
            DeleteTopicsException topics => topics.Results.Find(r => r.Error.IsError)?.Error ?? cause.Error,
            DeleteGroupsException groups => groups.Results.Find(r => r.Error.IsError)?.Error ?? cause.Error,
            _ => cause.Error,
        };
        var silent = error.Code is ErrorCode.Local_TimedOut or ErrorCode.Local_Transport or ErrorCode.Local_AllBrokersDown or ErrorCode.Local_Resolve;
        var message = silent ? _refusal ?? Silence() : $"the brokers on {_connection.Bootstrap} refuse: {error.Reason}";
        return new StartupException(message, cause) { MayPass = silent || IsTransient(error.Code) };
    }

    // A cluster that comes up again, or whose leaders and coordinators move, answers with these for a while.
    private static bool IsTransient(ErrorCode code) => code is ErrorCode.LeaderNotAvailable or ErrorCode.NotLeaderForPartition or ErrorCode.RequestTimedOut
        or ErrorCode.NetworkException or ErrorCode.GroupCoordinatorNotAvailable
        or ErrorCode.NotCoordinatorForGroup or ErrorCode.GroupLoadInProgress or ErrorCode.BrokerNotAvailable or ErrorCode.ReplicaNotAvailable
            or ErrorCode.KafkaStorageError or ErrorCode.NotController
        or ErrorCode.UnknownTopicOrPart or ErrorCode.OffsetNotAvailable or ErrorCode.FencedLeaderEpoch or ErrorCode.UnknownLeaderEpoch;

    // What goes to several leaders has the client's time limit twice: for finding them, and for their answers.
    private Task<T> AnswerAsync<T>(Func<IAdminClient, Task<T>> ask, CancellationToken cancellation) => _admin.AskAsync(ask, Timeout * 2 + Beyond, cancellation);

    private Task AnswerAsync(Func<IAdminClient, Task> ask, CancellationToken cancellation) => AnswerAsync(async admin =>
    {
        await ask(admin);
        return true;
    }, cancellation);

    public void Dispose()
    {
        _questions.Dispose();
        _admin.Dispose();
    }
}
