using System.Buffers.Binary;
using System.Security.Authentication;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka.Fetching;
using StreamEngine.Kafka.Sources;

namespace StreamEngine.Kafka.Topics;

/// <summary>A topic as the cluster describes it.</summary>
internal sealed record KafkaTopic(string Name, string Id, int Partitions)
{
    /// <summary>The id as the protocol has it; empty where the cluster gives topics none.</summary>
    public Guid Uuid { get; init; }
}

/// <summary>Looks up, creates and asks about topics: for a topic itself by Kafka's own protocol, for all else by the admin client.</summary>
internal sealed class KafkaTopics : IDisposable
{
    private static readonly TimeSpan MetadataTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Beyond = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Backoff = TimeSpan.FromMilliseconds(100);

    private readonly KafkaConnection _connection;
    private readonly AdminSession _admin;
    private readonly TopicQuestion _question;
    private readonly Dictionary<string, string> _config;
    private readonly ILogger _logger;
    private volatile string? _refusal;

    /// <summary>After which a question counts as not answered.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    public KafkaTopics(KafkaConnection connection, ILogger logger)
    {
        _connection = connection;
        _question = new TopicQuestion(connection);
        _config = new Dictionary<string, string>(connection.Settings) { ["bootstrap.servers"] = connection.Bootstrap, ["client.id"] = "streamengine-admin" };
        // Settings of producers and consumers are no business of the admin client's, which would warn about them.
        foreach (var name in _config.Keys.Where(k => k.StartsWith("fetch.", StringComparison.Ordinal) || k.StartsWith("queued.", StringComparison.Ordinal)
            || k is "compression.type" or "compression.codec" or "linger.ms" or "batch.size" or "batch.num.messages" or "transaction.timeout.ms")
                .ToList()) _config.Remove(name);
        _logger = logger;
        _admin = new AdminSession(connection.Bootstrap, () => new AdminClientBuilder(_config)
            .SetLogHandler((_, m) => logger.LogDebug("{Facility}: {Message}", m.Facility, m.Message)).SetErrorHandler((_, e) => OnError(e)).Build(),
            borrows: false, logger);
    }

    // What is asked of a broker that refuses the login, or that is not trusted, only runs into its time limit: the reason comes here alone.
    private void OnError(Error error)
    {
        _logger.LogDebug("Kafka admin client: {Reason} ({Error})", error.Reason, error.Code);
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

    private string Silence() => _refusal
        ?? $"no broker answers on {_connection.Bootstrap}\n  start one:                    ./engine broker\n  or name another:              --bootstrap HOST:PORT";

    /// <summary>The topic, or null where it does not exist.</summary>
    /// <exception cref="StartupException">No broker answers, or the brokers refuse: the login, TLS, the question, or to describe that topic.</exception>
    public async Task<KafkaTopic?> FindAsync(string name, CancellationToken cancellation)
    {
        if (!IsName(name)) throw new StartupException($"'{name}' is no name of a topic: letters, digits, '.', '_' and '-', at most 249 of them");
        try
        {
            var found = await _question.AskAsync(name, Timeout, cancellation);
            if (found.TopicError is KafkaError.UnknownTopicOrPartition or KafkaError.UnknownTopicId) return null;
            if (found.TopicError is not KafkaError.None)
                throw new StartupException($"the brokers on {_connection.Bootstrap} refuse to describe topic '{name}': {found.TopicError.Described()}")
                {
                    MayPass = found.TopicError.IsPassing(),
                };
            return new KafkaTopic(name, TextOf(found.TopicId), found.Leaders.Count) { Uuid = found.TopicId };
        }
        catch (LoginException e)
        {
            throw new StartupException(RefusedLogin(e.Message), e) { MayPass = true };
        }
        catch (AuthenticationException e)
        {
            throw new StartupException(RefusedTls(e.Message), e) { MayPass = true };
        }
        catch (FetchException e)
        {
            throw new StartupException($"the brokers on {_connection.Bootstrap} cannot be talked to: {e.Message}", e) { MayPass = true };
        }
        catch (Exception e) when (TopicQuestion.IsSilence(e))
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
            if (await FindAsync(name, cancellation) is { } created && created.Partitions == partitions && await HasLeadersAsync(created, cancellation)) return created;
            await Task.Delay(TimeSpan.FromMilliseconds(50), time, cancellation);
        }
        throw new StartupException($"topic '{name}' was created on {_connection.Bootstrap} but cannot be found after {Timeout.TotalSeconds:0} s; look at the brokers' logs");
    }

    // Brokers know a new topic before its leaders take questions about it.
    private async Task<bool> HasLeadersAsync(KafkaTopic topic, CancellationToken cancellation)
    {
        try
        {
            await OffsetsAsync(topic, StartPosition.Earliest, 0, cancellation);
            return true;
        }
        catch (StartupException)
        {
            return false;
        }
    }

    /// <summary>All topics, by name.</summary>
    public IReadOnlyList<(string Name, int Partitions)> List()
    {
        try
        {
            var metadata = _admin.Client.GetMetadata(Timeout < MetadataTimeout ? Timeout : MetadataTimeout);
            return [.. metadata.Topics.Select(t => (t.Topic, t.Partitions.Count)).OrderBy(t => t.Topic, StringComparer.Ordinal)];
        }
        catch (KafkaException e)
        {
            throw Unreachable(e);
        }
    }

    /// <summary>Whether a broker answers at all, which is known sooner than the answer to a question about a topic.</summary>
    /// <exception cref="StartupException">None does.</exception>
    public Task CheckReachableAsync(CancellationToken cancellation) =>
        Task.Factory.StartNew(List, cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

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

    /// <summary>Per partition the offset that a start position means now.</summary>
    public async Task<IReadOnlyDictionary<int, long>> OffsetsAsync(KafkaTopic topic, StartPosition start, long time, CancellationToken cancellation)
    {
        var spec = start switch { StartPosition.Earliest => OffsetSpec.Earliest(), StartPosition.Latest => OffsetSpec.Latest(), _ => OffsetSpec.ForTimestamp(time) };
        var found = await ListAsync(Enumerable.Range(0, topic.Partitions)
            .Select(p => new TopicPartitionOffsetSpec { TopicPartition = new TopicPartition(topic.Name, p), OffsetSpec = spec }), IsolationLevel.ReadCommitted,
            cancellation);
        if (start == StartPosition.Time && found.Values.Any(o => o < 0))
        {
            // No record is that new: the partition starts at its end.
            var ends = await OffsetsAsync(topic, StartPosition.Latest, 0, cancellation);
            return found.ToDictionary(o => o.Key, o => o.Value < 0 ? ends[o.Key] : o.Value);
        }
        return found;
    }

    /// <summary>Last stable offset and high watermark of a partition.</summary>
    public async Task<(long Stable, long High)> EndsAsync(string topic, int partition, CancellationToken cancellation)
    {
        TopicPartitionOffsetSpec[] spec = [new() { TopicPartition = new TopicPartition(topic, partition), OffsetSpec = OffsetSpec.Latest() }];
        var stable = await ListAsync(spec, IsolationLevel.ReadCommitted, cancellation);
        var high = await ListAsync(spec, IsolationLevel.ReadUncommitted, cancellation);
        return (stable[partition], high[partition]);
    }

    private async Task<Dictionary<int, long>> ListAsync(IEnumerable<TopicPartitionOffsetSpec> specs, IsolationLevel isolation, CancellationToken cancellation)
    {
        try
        {
            var result = await AnswerAsync(admin => admin.ListOffsetsAsync(specs, new ListOffsetsOptions { IsolationLevel = isolation, RequestTimeout = Timeout }),
                cancellation);
            return result.ResultInfos.ToDictionary(r => r.TopicPartitionOffsetError.Partition.Value, r => r.TopicPartitionOffsetError.Offset.Value);
        }
        catch (ListOffsetsException e)
        {
            // What is wrong stands beside each partition; the exception itself only says that something is.
            throw Unreachable(e, e.Result.ResultInfos.Select(r => r.TopicPartitionOffsetError.Error).FirstOrDefault(r => r.IsError) ?? e.Error);
        }
        catch (KafkaException e)
        {
            throw Unreachable(e);
        }
    }

    /// <summary>The offsets that a consumer group has committed, by topic and partition. Waits for a coordinator that is just taking over.</summary>
    public async Task<IReadOnlyList<(string Topic, int Partition, long Offset)>> GroupOffsetsAsync(string group, TimeProvider time, CancellationToken cancellation)
    {
        // By the group's own client: an admin client knows of no group, and librdkafka follows a null pointer where the coordinator answers that it is none (its issue
        // 5040), which a broker does that has just started.
        var client = new ConsumerBuilder<Ignore, Ignore>(new Dictionary<string, string>(_config) { ["group.id"] = group, ["enable.auto.commit"] = "false" })
            .SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        var asked = new AdminSession(_connection.Bootstrap, () => new DependentAdminClientBuilder(client.Handle).Build(), borrows: true, _logger);
        try
        {
            return await GroupOffsetsAsync(asked, group, time, cancellation);
        }
        finally
        {
            asked.Dispose();
            if (!asked.HasLost) client.Dispose();
        }
    }

    private async Task<IReadOnlyList<(string Topic, int Partition, long Offset)>> GroupOffsetsAsync(AdminSession asked, string group, TimeProvider time,
        CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            try
            {
                var result = await asked.AskAsync(admin => admin.ListConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitions(group, null)],
                    new ListConsumerGroupOffsetsOptions { RequestTimeout = Timeout }), Timeout * 2 + Beyond, cancellation);
                return [.. result[0].Partitions.Where(p => p.Offset.Value >= 0).Select(p => (p.Topic, p.Partition.Value, p.Offset.Value))];
            }
            catch (KafkaException e) when (e.Error.Code is ErrorCode.GroupIdNotFound)
            {
                return [];
            }
            catch (KafkaException e) when (IsTransient(e.Error.Code) && time.GetElapsedTime(began) < Timeout)
            {
                await Task.Delay(Backoff, time, cancellation);
            }
            catch (KafkaException e)
            {
                throw Unreachable(e);
            }
        }
    }

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
    }

    /// <summary>The first offset of a partition whose record is at least that new; null where none is.</summary>
    public async Task<long?> OffsetOfTimeAsync(string topic, int partition, long time, CancellationToken cancellation)
    {
        var found = await ListAsync([new() { TopicPartition = new TopicPartition(topic, partition), OffsetSpec = OffsetSpec.ForTimestamp(time) }],
            IsolationLevel.ReadCommitted, cancellation);
        return found[partition] < 0 ? null : found[partition];
    }

    /// <summary>Deletes the records before an offset.</summary>
    public async Task DeleteRecordsAsync(string topic, int partition, long before, CancellationToken cancellation) =>
        await AnswerAsync(admin => admin.DeleteRecordsAsync([new TopicPartitionOffset(topic, partition, before)],
            new DeleteRecordsOptions { RequestTimeout = Timeout, OperationTimeout = Timeout }), cancellation);

    /// <summary>The settings of topics, asked for at once.</summary>
    public async Task<IReadOnlyDictionary<string, TopicSettings>> ConfigsAsync(IEnumerable<string> topics, CancellationToken cancellation)
    {
        try
        {
            var result = await AnswerAsync(admin => admin.DescribeConfigsAsync(topics.Select(t => new ConfigResource { Type = ResourceType.Topic, Name = t }),
                new DescribeConfigsOptions { RequestTimeout = Timeout }), cancellation);
            return result.ToDictionary(r => r.ConfigResource.Name, r => new TopicSettings(
                r.Entries.Values.ToDictionary(e => e.Name, e => (e.Value, e.Source == ConfigSource.DynamicTopicConfig))));
        }
        catch (KafkaException e)
        {
            throw Unreachable(e);
        }
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
    public async Task<string?> BrokerConfigAsync(string name, CancellationToken cancellation)
    {
        try
        {
            var cluster = await AnswerAsync(admin => admin.DescribeClusterAsync(new DescribeClusterOptions { RequestTimeout = Timeout }), cancellation);
            var result = await AnswerAsync(admin => admin.DescribeConfigsAsync([new ConfigResource { Type = ResourceType.Broker, Name = $"{cluster.Nodes[0].Id}" }],
                new DescribeConfigsOptions { RequestTimeout = Timeout }), cancellation);
            return result[0].Entries.GetValueOrDefault(name)?.Value;
        }
        catch (KafkaException e)
        {
            throw Unreachable(e);
        }
    }

    public IAdminClient Admin => _admin.Client;

    private StartupException Unreachable(KafkaException cause, Error? error = null)
    {
        error ??= cause.Error;
        var silent = error.Code is ErrorCode.Local_TimedOut or ErrorCode.Local_Transport or ErrorCode.Local_AllBrokersDown or ErrorCode.Local_Resolve;
        var message = silent ? Silence() : $"the brokers on {_connection.Bootstrap} refuse: {error.Reason}";
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

    public void Dispose() => _admin.Dispose();
}
