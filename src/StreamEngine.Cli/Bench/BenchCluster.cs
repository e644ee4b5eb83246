using StreamEngine.Cli.Processes;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Cli.Bench;

/// <summary>
/// The brokers that a benchmark runs on: an embedded one in a process of its own, so that its cost is not measured, or a cluster that was named. Topics have names of
/// this run; those of a cluster are deleted in the end.
/// </summary>
internal sealed class BenchCluster : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly EngineProcess? _broker;

    private BenchCluster(DirectoryInfo folder, string bootstrap, EngineProcess? broker)
    {
        _folder = folder;
        _broker = broker;
        Bootstrap = bootstrap;
    }

    public string Bootstrap { get; }

    /// <summary>A temporary folder, deleted in the end.</summary>
    public string Folder => _folder.FullName;

    /// <summary>What the names of topics and of the pipelines' groups begin with.</summary>
    public string Prefix { get; } = $"bench-{TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds()}-{Environment.ProcessId}.";

    public static async Task<BenchCluster> StartAsync(string? bootstrap, CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("streamengine-bench-");
        if (bootstrap is not null) return new BenchCluster(folder, bootstrap, null);
        var ready = Path.Combine(folder.FullName, "ready");
        var broker = EngineProcess.Start(folder.FullName, "broker", "--port", "0", "--memory", "--ready-file", ready);
        try
        {
            return new BenchCluster(folder, await broker.WaitForFileAsync(ready, cancellation), broker);
        }
        catch
        {
            broker.Dispose();
            folder.Delete(recursive: true);
            throw;
        }
    }

    /// <summary>Runs this program on the cluster until it ends by itself.</summary>
    public async Task RunAsync(CancellationToken cancellation, params string[] arguments)
    {
        using var process = EngineProcess.Start(Folder, [.. arguments, "--bootstrap", Bootstrap]);
        await process.WaitForEndAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (_broker is not null) _broker.Dispose();
        else
        {
            using var topics = new KafkaTopics(new KafkaConnection(Bootstrap), Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
            foreach (var (name, _) in await topics.ListAsync(CancellationToken.None))
                if (name.StartsWith(Prefix, StringComparison.Ordinal)) await topics.DeleteAsync(name, CancellationToken.None);
        }
        _folder.Delete(recursive: true);
    }
}
