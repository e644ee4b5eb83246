using System.Globalization;
using System.Text;
using StreamEngine.Cli.Demo;
using StreamEngine.Cli.Processes;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Cli.Bench;

/// <summary>
/// From the restart of a killed worker to its first new committed record, with so many keys in open windows: the death of its transaction, the way back through the state
/// topic, and the first epoch.
/// </summary>
internal static class RecoveryBenches
{
    private const int Partitions = 4;
    private const int Rounds = 3;
    private const int Rate = 2000;
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    private const string Pipeline = """"
        pipeline {
          name = "PREFIX.recovery"
          dead-letters.topic = PREFIX.dlq
          commit-interval = 100ms
          sources.events {
            topic = PREFIX.events
            schema = "key BIGINT NOT NULL, at TIMESTAMP NOT NULL, n BIGINT NOT NULL"
            event-time { column = at }
          }
          sql = """
            INSERT INTO sums SELECT window_start, key, count(*) AS events, sum(n) AS total FROM TUMBLE(events, at, INTERVAL '1' HOUR) GROUP BY window_start, key;
            INSERT INTO copies SELECT key, n FROM events WHERE n > 0
          """
          sinks { sums { topic = PREFIX.sums }, copies { topic = PREFIX.copies } }
        }
        """";

    public static async Task<BenchResult> RecoveryAsync(long keys, string? bootstrap, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(bootstrap, cancellation);
        using (var admin = new KafkaTopics(new KafkaConnection(cluster.Bootstrap), Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance))
            foreach (var topic in new[] { "sums", "copies" }) await admin.CreateAsync(cluster.Prefix + topic, Partitions, null, cancellation);
        // Each key once, of which no copy is made; then some of them again and again, whose copies are the records that are waited for.
        var all = await WriteAsync(cluster, "all.ndjson", keys, i => (i, 0), cancellation);
        var more = await WriteAsync(cluster, "more.ndjson", Rate * (long)Longest.TotalSeconds, i => (i * 7919 % keys, 1), cancellation);
        var events = $"{cluster.Prefix}events";
        await cluster.RunAsync(cancellation, "produce", "--topic", events, "--file", all, "--partitions", $"{Partitions}");
        var file = Path.Combine(cluster.Folder, "recovery.conf");
        await File.WriteAllTextAsync(file, Pipeline.Replace("PREFIX.", cluster.Prefix, StringComparison.Ordinal), cancellation);
        var samples = new List<Measurement.Sample>();
        var peak = 0.0;
        var worker = Start(cluster, file);
        try
        {
            using var reader = new CommittedReader(cluster.Bootstrap, $"{cluster.Prefix}copies", Partitions);
            using var feed = EngineProcess.Start(cluster.Folder, "produce", "--topic", events, "--file", more, "--rate", $"{Rate}", "--bootstrap", cluster.Bootstrap);
            await SnapshotAsync(cluster, worker, keys, cancellation);
            for (var round = 0; round < Rounds; round++)
            {
                worker.Kill();
                worker.Dispose();
                // What it had committed is seen before the next one starts, so that what comes is new.
                while (reader.Next(Quiet) is not null) cancellation.ThrowIfCancellationRequested();
                var begun = TimeProvider.System.GetTimestamp();
                worker = Start(cluster, file);
                while (reader.Next(TimeSpan.FromMilliseconds(20)) is null)
                {
                    cancellation.ThrowIfCancellationRequested();
                    if (worker.HasExited || feed.HasExited) throw new IOException($"the worker or the feed has ended\n{worker.Lines}\n{feed.Lines}");
                }
                samples.Add(new Measurement.Sample(TimeProvider.System.GetElapsedTime(begun).TotalSeconds, worker.Cpu.TotalSeconds, 0));
                peak = Math.Max(peak, worker.PeakMb);
            }
        }
        finally
        {
            worker.Dispose();
        }
        return Measurement.Median("recovery", keys, samples) with { PeakRssMb = peak };
    }

    private static EngineProcess Start(BenchCluster cluster, string file) => EngineProcess.Start(cluster.Folder, "run", file, "--bootstrap", cluster.Bootstrap,
        "--ready-file", Path.Combine(cluster.Folder, "worker-ready"));

    private static async Task<string> WriteAsync(BenchCluster cluster, string name, long rows, Func<long, (long Key, int N)> row, CancellationToken cancellation)
    {
        var file = Path.Combine(cluster.Folder, name);
        await using var writer = new StreamWriter(file, false, new UTF8Encoding(false), 1 << 16);
        for (var i = 0L; i < rows; i++)
        {
            var (key, n) = row(i);
            await writer.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $$"""{"key":{{key}},"at":"2001-01-01T00:30:00Z","n":{{n}}}""").AsMemory(), cancellation);
        }
        return file;
    }

    /// <summary>Waits until every key is in the committed state, and a whole snapshot of it is written.</summary>
    private static async Task SnapshotAsync(BenchCluster cluster, EngineProcess worker, long keys, CancellationToken cancellation)
    {
        await worker.WaitForFileAsync(Path.Combine(cluster.Folder, "worker-ready"), cancellation);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var watch = new ManifestWatch(new TopicReader(new KafkaConnection(cluster.Bootstrap)), $"{cluster.Prefix}recovery.epochs");
        var watching = watch.RunAsync(ending.Token);
        var (since, full) = (TimeProvider.System.GetTimestamp(), -1L);
        try
        {
            // A snapshot that goes on for three seconds as the last one has all keys: the next begins after as many changes as it has bytes.
            while (watch.Read < keys || full < 0 || TimeProvider.System.GetElapsedTime(since) < TimeSpan.FromSeconds(3))
            {
                if (worker.HasExited) throw new IOException($"the worker has ended\n{worker.Lines}");
                if (watching.IsFaulted) await watching;
                if ((watch.Last?.State.Full is { Count: > 0 } snapshots ? snapshots[^1] : -1) is var now && now != full)
                    (since, full) = (TimeProvider.System.GetTimestamp(), now);
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancellation);
            }
        }
        finally
        {
            await ending.CancelAsync();
            try
            {
                await watching;
            }
            catch (OperationCanceledException)
            {
                // It was asked to end.
            }
        }
    }
}
