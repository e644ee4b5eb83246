using System.Globalization;
using StreamEngine.Cli.Processes;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Cli.Bench;

/// <summary>
/// How long a row takes at a steady rate, and how long a start takes: a worker, a producer and the brokers each in a process of their own, and an ordinary read_committed
/// consumer here.
/// </summary>
internal static class LatencyBenches
{
    private const int Rate = 20_000;
    private const int Partitions = 4;
    private const int StartRounds = 5;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(6);

    private const string Pipeline = """"
        pipeline {
          name = "PREFIX.ROUND"
          dead-letters.topic = PREFIX.dlq
          commit-interval = COMMIT
          sources.flights {
            topic = PREFIX.flights
            schema = "date TIMESTAMP FORMAT 'yyyy/MM/dd HH:mm' NOT NULL, delay INT, distance INT, origin STRING NOT NULL, destination STRING NOT NULL"
            event-time { column = date, out-of-orderness = 1h }
            rules { plausible-delay = "delay BETWEEN -120 AND 2000", positive-distance = "distance > 0" }
          }
          sql = """QUERY"""
          sinks.results { topic = PREFIX.results }
        }
        """";

    private const string Copy = "INSERT INTO results SELECT date, delay, distance, origin, destination FROM flights WHERE delay > 15";

    private const string Hourly = "INSERT INTO results SELECT window_start, origin, count(*) AS flights, avg(delay) AS average_delay, max(delay) AS worst_delay "
        + "FROM TUMBLE(flights, date, INTERVAL '1' HOUR) GROUP BY window_start, origin";

    /// <summary>
    /// From the record's append to its result's visibility, at 20,000 records a second of which 22% leave: a result keeps its record's timestamp. By commit interval.
    /// </summary>
    public static async Task<BenchResult> LatencyAsync(string name, string interval, long rows, string? bootstrap, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(bootstrap, cancellation);
        await CreateAsync(cluster, "flights", "results");
        using var worker = await RunAsync(cluster, 0, interval, Copy, cancellation);
        var file = await FlightsFile.WriteAsync(cluster.Folder, rows + (long)(WarmUp.TotalSeconds * Rate), cancellation);
        using var reader = new CommittedReader(cluster.Bootstrap, $"{cluster.Prefix}results", Partitions);
        using var producer = EngineProcess.Start(cluster.Folder, "produce", "--topic", $"{cluster.Prefix}flights", "--file", file, "--rate", $"{Rate}", "--bootstrap",
            cluster.Bootstrap);
        var millis = new List<long>();
        var begun = TimeProvider.System.GetTimestamp();
        var last = begun;
        var first = 0L;
        var quiet = 0;
        while (quiet < 30)
        {
            cancellation.ThrowIfCancellationRequested();
            if (reader.Next(TimeSpan.FromMilliseconds(100)) is not { } stamp)
            {
                // The producer has ended, and nothing came for three seconds: that was all.
                quiet = producer.HasExited ? quiet + 1 : 0;
                continue;
            }
            quiet = 0;
            last = TimeProvider.System.GetTimestamp();
            if (first == 0) (first, begun) = (stamp, TimeProvider.System.GetTimestamp());
            if (stamp - first >= WarmUp.TotalMilliseconds) millis.Add(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() - stamp);
        }
        if (millis.Count == 0) throw new IOException($"no result was seen\n{worker.Lines}\n{producer.Lines}");
        millis.Sort();
        return new BenchResult
        {
            Name = name,
            Rows = rows,
            Seconds = Math.Round(TimeProvider.System.GetElapsedTime(begun, last).TotalSeconds - WarmUp.TotalSeconds, 3),
            CpuSeconds = Math.Round(worker.Cpu.TotalSeconds, 3),
            AllocatedBytesPerRow = 0,
            PeakRssMb = worker.PeakMb,
            P50Millis = millis[millis.Count / 2],
            P99Millis = millis[millis.Count * 99 / 100],
        };
    }

    /// <summary>From the start of a process to the first window that a consumer can see, at a commit interval of 100 ms.</summary>
    public static async Task<BenchResult> StartAsync(long rows, string? bootstrap, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(bootstrap, cancellation);
        var file = await FlightsFile.WriteAsync(cluster.Folder, rows, cancellation);
        await cluster.RunAsync(cancellation, "produce", "--topic", $"{cluster.Prefix}flights", "--file", file, "--partitions", $"{Partitions}");
        await CreateAsync(cluster, "results");
        using var reader = new CommittedReader(cluster.Bootstrap, $"{cluster.Prefix}results", Partitions);
        var samples = new List<Measurement.Sample>();
        var peak = 0.0;
        for (var round = 0; round <= StartRounds; round++)
        {
            var begun = TimeProvider.System.GetTimestamp();
            using var worker = await RunAsync(cluster, round, "100ms", Hourly, CancellationToken.None, wait: false);
            while (reader.Next(TimeSpan.FromMilliseconds(50)) is null)
            {
                cancellation.ThrowIfCancellationRequested();
                if (worker.HasExited) throw new IOException($"the worker ended\n{worker.Lines}");
            }
            // The first one brings the program's files into memory.
            if (round > 0) samples.Add(new Measurement.Sample(TimeProvider.System.GetElapsedTime(begun).TotalSeconds, 0, 0));
            peak = Math.Max(peak, worker.PeakMb);
            worker.Kill();
            while (reader.Next(TimeSpan.FromSeconds(2)) is not null) cancellation.ThrowIfCancellationRequested();
        }
        return Measurement.Median("start", rows, samples) with { PeakRssMb = peak };
    }

    private static async Task CreateAsync(BenchCluster cluster, params string[] topics)
    {
        using var admin = new KafkaTopics(new KafkaConnection(cluster.Bootstrap), Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        foreach (var topic in topics) await admin.CreateAsync(cluster.Prefix + topic, Partitions, null, CancellationToken.None);
    }

    private static async Task<EngineProcess> RunAsync(BenchCluster cluster, int round, string interval, string query, CancellationToken cancellation, bool wait = true)
    {
        var file = Path.Combine(cluster.Folder, string.Create(CultureInfo.InvariantCulture, $"bench-{round}.conf"));
        await File.WriteAllTextAsync(file, Pipeline.Replace("PREFIX.", cluster.Prefix, StringComparison.Ordinal).Replace("ROUND", $"{round}", StringComparison.Ordinal)
            .Replace("COMMIT", interval, StringComparison.Ordinal)
            .Replace("QUERY", query, StringComparison.Ordinal), cancellation);
        var ready = Path.Combine(cluster.Folder, $"ready-{round}");
        var worker = EngineProcess.Start(cluster.Folder, "run", file, "--bootstrap", cluster.Bootstrap, "--ready-file", ready);
        try
        {
            if (wait) await worker.WaitForFileAsync(ready, cancellation);
            return worker;
        }
        catch
        {
            worker.Dispose();
            throw;
        }
    }
}
