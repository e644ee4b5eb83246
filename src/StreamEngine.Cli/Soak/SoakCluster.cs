using System.Globalization;
using System.Net;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Cli.Processes;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Cli.Soak;

/// <summary>
/// The brokers of a campaign: an embedded one on disk in a process of its own, which advertises a proxy, so that both can fail; or a cluster that was named, whose topics
/// and groups of this campaign are deleted in the end.
/// </summary>
internal sealed class SoakCluster : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private EngineProcess? _broker;

    private SoakCluster(DirectoryInfo folder, string? bootstrap)
    {
        _folder = folder;
        Proxy = bootstrap is null ? TcpProxy.Start(TimeProvider.System) : null;
        Bootstrap = bootstrap ?? Proxy!.Address;
    }

    public string Bootstrap { get; }

    /// <summary>Between everything here and the broker, the campaign's own feed and check too; null for a cluster that was named.</summary>
    public TcpProxy? Proxy { get; }

    public EngineProcess? Broker => _broker;

    public string Folder => _folder.FullName;

    /// <summary>What the names of topics, groups and transactional ids begin with.</summary>
    public string Prefix { get; } = string.Create(CultureInfo.InvariantCulture,
        $"soak-{TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds()}-{Environment.ProcessId}.");

    public static async Task<SoakCluster> StartAsync(string? bootstrap, CancellationToken cancellation)
    {
        var cluster = new SoakCluster(Directory.CreateTempSubdirectory("streamengine-soak-"), bootstrap);
        try
        {
            if (bootstrap is null) await cluster.StartBrokerAsync(cancellation);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the broker, on any free port: what clients know is the proxy's.</summary>
    public async Task StartBrokerAsync(CancellationToken cancellation)
    {
        var ready = Path.Combine(Folder, "broker-ready");
        File.Delete(ready);
        _broker?.Dispose();
        _broker = EngineProcess.Start(Folder, "broker", "--port", "0", "--data", Path.Combine(Folder, "broker"), "--advertise", Proxy!.Address,
            "--ready-file", ready);
        Proxy.Target = IPEndPoint.Parse(await _broker.WaitForFileAsync(ready, cancellation));
    }

    /// <summary>A topic that keeps what a campaign needs and no more, however long it takes.</summary>
    public async Task CreateAsync(string topic, int partitions, CancellationToken cancellation)
    {
        using var topics = new KafkaTopics(new KafkaConnection(Bootstrap), NullLogger.Instance);
        await topics.CreateAsync(topic, partitions, new Dictionary<string, string> { ["retention.bytes"] = $"{256 << 20}", ["segment.bytes"] = $"{16 << 20}" }, cancellation);
    }

    /// <summary>The last stable offset of each partition.</summary>
    public async Task<IReadOnlyDictionary<TopicPartition, long>> StableEndsAsync(IReadOnlyList<TopicPartition> partitions, CancellationToken cancellation)
    {
        using var topics = new KafkaTopics(new KafkaConnection(Bootstrap), NullLogger.Instance);
        var ends = new Dictionary<TopicPartition, long>();
        foreach (var partition in partitions) ends[partition] = (await topics.EndsAsync(partition.Topic, partition.Partition.Value, cancellation)).Stable;
        return ends;
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (Proxy is null) await CleanAsync();
        }
        finally
        {
            if (Proxy is not null) await Proxy.DisposeAsync();
            _broker?.Dispose();
            _folder.Delete(recursive: true);
        }
    }

    private async Task CleanAsync()
    {
        using var topics = new KafkaTopics(new KafkaConnection(Bootstrap), NullLogger.Instance);
        foreach (var (name, _) in await topics.ListAsync(CancellationToken.None))
        {
            if (!name.StartsWith(Prefix, StringComparison.Ordinal)) continue;
            await topics.DeleteAsync(name, CancellationToken.None);
            if (name.EndsWith(".epochs", StringComparison.Ordinal)) await topics.DeleteGroupAsync(name[..^".epochs".Length], CancellationToken.None);
        }
    }
}
