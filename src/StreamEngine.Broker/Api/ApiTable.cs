using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Api;

/// <summary>One request in the hands of its handler: what the handlers share.</summary>
internal sealed class ApiCall(BrokerCore core, BrokerExchange exchange, ProtocolWriter writer, long now)
{
    public BrokerCore Core { get; } = core;

    public BrokerExchange Exchange { get; } = exchange;

    public ProtocolWriter Writer { get; } = writer;

    public long Now { get; } = now;

    public short Version => Exchange.Version;

    /// <summary>The handler answers later, or the request wants no answer: the writer is not sent.</summary>
    public bool HasNoResponse { get; set; }
}

/// <summary>One API: the versions that are served, the first flexible one (KIP-482), and what serves it.</summary>
internal sealed record ApiEntry(ApiKey Key, short Min, short Max, short FlexibleFrom, ApiEntry.Handler Handle)
{
    public delegate void Handler(ref ProtocolReader reader, ApiCall call);

    /// <summary>The lowest version that ApiVersions names, where it differs from what is served.</summary>
    public short AdvertisedMin { get; init; } = Min;
}

/// <summary>The requests that this broker serves: adding one is an entry here.</summary>
internal static class ApiTable
{
    public static readonly IReadOnlyList<ApiEntry> Entries =
    [
        // librdkafka takes record format 2 and compression from a range that begins at 0 (KAFKA-18659): Kafka 4 names 0 too and serves from 3.
        new(ApiKey.Produce, 3, 11, 9, ProduceApi.Handle) { AdvertisedMin = 0 },
        new(ApiKey.Fetch, 4, 17, 12, FetchApi.Handle),
        new(ApiKey.ListOffsets, 1, 7, 6, ListOffsetsApi.Handle),
        new(ApiKey.Metadata, 0, 12, 9, MetadataApi.Handle),
        new(ApiKey.OffsetCommit, 2, 8, 8, OffsetsApi.Commit),
        new(ApiKey.OffsetFetch, 1, 8, 6, OffsetsApi.Fetch),
        new(ApiKey.FindCoordinator, 0, 4, 3, CoordinatorApi.Handle),
        new(ApiKey.JoinGroup, 0, 9, 6, MembershipApi.Join),
        new(ApiKey.Heartbeat, 0, 4, 4, MembershipApi.Heartbeat),
        new(ApiKey.LeaveGroup, 0, 5, 4, MembershipApi.Leave),
        new(ApiKey.SyncGroup, 0, 5, 4, MembershipApi.Sync),
        new(ApiKey.ApiVersions, 0, 4, 3, ApiVersionsApi.Handle),
        new(ApiKey.CreateTopics, 2, 7, 5, TopicsApi.Create),
        new(ApiKey.DeleteTopics, 1, 6, 4, TopicsApi.Delete),
        new(ApiKey.DeleteRecords, 0, 2, 2, TopicsApi.DeleteRecords),
        new(ApiKey.CreatePartitions, 0, 3, 2, TopicsApi.CreatePartitions),
        new(ApiKey.DescribeConfigs, 1, 4, 4, ConfigsApi.Describe),
        new(ApiKey.AlterConfigs, 0, 2, 2, AlterConfigsApi.Replace),
        new(ApiKey.InitProducerId, 0, 4, 2, TransactionsApi.InitProducerId),
        new(ApiKey.OffsetForLeaderEpoch, 2, 4, 4, ListOffsetsApi.ForLeaderEpoch),
        new(ApiKey.AddPartitionsToTxn, 0, 3, 3, TransactionsApi.AddPartitions),
        new(ApiKey.AddOffsetsToTxn, 0, 3, 3, TransactionsApi.AddOffsets),
        new(ApiKey.EndTxn, 0, 3, 3, TransactionsApi.End),
        new(ApiKey.TxnOffsetCommit, 0, 3, 3, TransactionsApi.CommitOffsets),
        new(ApiKey.DescribeGroups, 0, 5, 5, GroupsApi.Describe),
        new(ApiKey.ListGroups, 0, 5, 3, GroupsApi.List),
        new(ApiKey.DeleteGroups, 0, 2, 2, GroupsApi.Delete),
        new(ApiKey.IncrementalAlterConfigs, 0, 1, 1, AlterConfigsApi.Change),
        new(ApiKey.DescribeCluster, 0, 1, 0, MetadataApi.DescribeCluster),
        new(ApiKey.DescribeProducers, 0, 0, 0, TransactionListsApi.DescribeProducers),
        new(ApiKey.DescribeTransactions, 0, 0, 0, TransactionListsApi.DescribeTransactions),
        new(ApiKey.ListTransactions, 0, 1, 0, TransactionListsApi.ListTransactions),
    ];

    /// <summary>Metadata of 10,000 partitions takes 0.5 MB: no answer that anyone needs is this long (records come on top of it).</summary>
    private const int MaxAnswer = 64 << 20;

    /// <summary>What a request may name is bounded by what the broker may hold, each thing a few times over: names, partitions, offsets.</summary>
    private const int ItemsPerPartition = 10;

    private const int ItemsInAnyCase = 100_000;

    private static readonly Dictionary<short, ApiEntry> ByKey = Entries.ToDictionary(e => (short)e.Key);

    /// <summary>Reads the header, lets the API's handler answer, and completes the exchange unless the handler left it pending.</summary>
    public static void Dispatch(BrokerCore core, BrokerExchange exchange, long now)
    {
        var reader = new ProtocolReader(exchange.Request);
        var key = reader.Int16();
        var version = reader.Int16();
        exchange.CorrelationId = reader.Int32();
        if (!ByKey.TryGetValue(key, out var entry)) throw new ProtocolException($"request of unknown API {key} version {version}");
        if (version < entry.Min || version > entry.Max)
        {
            if (entry.Key != ApiKey.ApiVersions) throw new ProtocolException($"{entry.Key} version {version}: versions {entry.Min} to {entry.Max} are served");
            exchange.Complete(ApiVersionsApi.Unsupported(exchange));
            return;
        }
        (exchange.Version, exchange.Flexible) = (version, version >= entry.FlexibleFrom);
        exchange.ClientId = reader.ClassicNullableString();
        (reader.Version, reader.Flexible) = (version, exchange.Flexible);
        reader.ItemsLeft = (int)Math.Min(int.MaxValue, ItemsInAnyCase + (long)ItemsPerPartition * core.Options.MaxPartitions);
        reader.Tags();
        var writer = Begin(exchange, flexibleHeader: exchange.Flexible && entry.Key != ApiKey.ApiVersions);
        var call = new ApiCall(core, exchange, writer, now);
        try
        {
            entry.Handle(ref reader, call);
        }
        catch
        {
            writer.Abandon();
            throw;
        }
        if (call.HasNoResponse) writer.Abandon();
        else exchange.Complete(writer.Finish());
    }

    /// <summary>A writer that stands behind the response header: length (filled in at the end), correlation id, tags in flexible versions.</summary>
    public static ProtocolWriter Begin(BrokerExchange exchange, bool flexibleHeader)
    {
        var writer = new ProtocolWriter { Flexible = exchange.Flexible, MaxLength = MaxAnswer };
        writer.Int32(0);
        writer.Int32(exchange.CorrelationId);
        if (flexibleHeader) writer.Tags();
        return writer;
    }
}
