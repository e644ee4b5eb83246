using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Cli.Processes;
using StreamEngine.Core;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;

namespace StreamEngine.Cli.Bench;

/// <summary>
/// From a topic to a topic, exactly once, through brokers in other processes: what is measured is the engine with its Kafka clients, not the broker.
/// </summary>
internal static class TopicBenches
{
    private const int Rounds = 3;
    private const string Prefix = "PREFIX.";
    private const string Round = "ROUND";

    private const string Head = """
        pipeline {
          name = "PREFIX.ROUND"
          dead-letters.topic = PREFIX.dlq
          sources.flights {
            topic = PREFIX.flights
            schema = "date TIMESTAMP FORMAT 'yyyy/MM/dd HH:mm' NOT NULL, delay INT, distance INT, origin STRING NOT NULL, destination STRING NOT NULL"
            event-time { column = date, out-of-orderness = 1h }
            rules { plausible-delay = "delay BETWEEN -120 AND 2000", positive-distance = "distance > 0" }
          }

        """;

    private const string Hourly = Head + """"
          sql = """INSERT INTO hourly SELECT window_start, origin, count(*) AS flights, avg(delay) AS average_delay, max(delay) AS worst_delay FROM TUMBLE(flights, date, INTERVAL '1' HOUR) GROUP BY window_start, origin"""
          sinks.hourly { topic = PREFIX.hourly, key = origin, create { partitions = 4 } }
        }
        """";

    private const string Pass = Head + """"
          sql = """INSERT INTO copies SELECT date, delay, distance, origin, destination FROM flights WHERE delay > 15"""
          sinks.copies { topic = PREFIX.copies, create { partitions = 4 } }
        }
        """";

    public static Task<BenchResult> TopicToTopicAsync(long rows, string? bootstrap, CancellationToken cancellation) =>
        RunAsync("topic-to-topic", rows, Hourly, bootstrap, cancellation);

    public static Task<BenchResult> PassAsync(long rows, string? bootstrap, CancellationToken cancellation) => RunAsync("pass", rows, Pass, bootstrap, cancellation);

    private static async Task<BenchResult> RunAsync(string name, long rows, string pipeline, string? bootstrap, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(bootstrap, cancellation);
        var flights = await FlightsFile.WriteAsync(cluster.Folder, rows, cancellation);
        await cluster.RunAsync(cancellation, "produce", "--topic", $"{cluster.Prefix}flights", "--file", flights, "--partitions", "4");
        File.Delete(flights);
        var file = Path.Combine(cluster.Folder, "bench.conf");
        var samples = new List<Measurement.Sample>();
        for (var round = 0; round <= Rounds; round++)
        {
            await File.WriteAllTextAsync(file, pipeline.Replace(Prefix, cluster.Prefix, StringComparison.Ordinal).Replace(Round, $"{round}", StringComparison.Ordinal),
                cancellation);
            var loaded = PipelineFile.Load(file, null, [$"kafka.bootstrap={cluster.Bootstrap}"]);
            var sample = await RoundAsync(loaded, rows, cancellation);
            // The first one compiles.
            if (round > 0) samples.Add(sample);
        }
        return Measurement.Median(name, rows, samples);
    }

    private static async Task<Measurement.Sample> RoundAsync(PipelineFile pipeline, long rows, CancellationToken cancellation)
    {
        var system = EngineSystem.Start(pipeline.Document, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);
        try
        {
            using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var worker = new PipelineWorker(pipeline.Definition, pipeline.Plan, new KafkaConnectors(TimeProvider.System, NullLoggerFactory.Instance), system,
                TimeProvider.System, NullLogger.Instance);
            var begin = Measurement.Begin();
            var running = worker.RunAsync(end.Token);
            while (ReadBy(worker) < rows && !running.IsCompleted) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, cancellation);
            var sample = begin.End();
            await end.CancelAsync();
            await running;
            return sample;
        }
        finally
        {
            await system.Terminate();
        }
    }

    private static long ReadBy(PipelineWorker worker) => worker.Progress?.LastManifest?.Sources.Values.Sum(s => s.Partitions.Values.Sum(p => p.Offset)) ?? 0;
}
