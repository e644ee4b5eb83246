using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Cli.Processes;
using StreamEngine.Core;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;

namespace StreamEngine.Cli.Bench;

/// <summary>
/// From a topic to a topic, exactly once, through an embedded broker in a process of its own: what is measured is the engine with its Kafka clients, not the broker.
/// </summary>
internal static class TopicBenches
{
    private const int Rounds = 3;
    private const int FlightsPerMinute = 23;

    private const string Head = """
        pipeline {
          name = bench
          sources.flights {
            topic = flights
            schema = "date TIMESTAMP FORMAT 'yyyy/MM/dd HH:mm' NOT NULL, delay INT, distance INT, origin STRING NOT NULL, destination STRING NOT NULL"
            event-time { column = date, out-of-orderness = 1h }
            rules { plausible-delay = "delay BETWEEN -120 AND 2000", positive-distance = "distance > 0" }
          }

        """;

    private const string Hourly = Head + """"
          sql = """INSERT INTO hourly SELECT window_start, origin, count(*) AS flights, avg(delay) AS average_delay, max(delay) AS worst_delay FROM TUMBLE(flights, date, INTERVAL '1' HOUR) GROUP BY window_start, origin"""
          sinks.hourly { topic = flights.hourly, key = origin, create { partitions = 4 } }
        }
        """";

    private const string Pass = Head + """"
          sql = """INSERT INTO copies SELECT date, delay, distance, origin, destination FROM flights WHERE delay > 15"""
          sinks.copies { topic = flights.copies, create { partitions = 4 } }
        }
        """";

    public static Task<BenchResult> TopicToTopicAsync(long rows, CancellationToken cancellation) => RunAsync("topic-to-topic", rows, Hourly, cancellation);

    public static Task<BenchResult> PassAsync(long rows, CancellationToken cancellation) => RunAsync("pass", rows, Pass, cancellation);

    private static async Task<BenchResult> RunAsync(string name, long rows, string pipeline, CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("streamengine-bench-");
        try
        {
            var ready = Path.Combine(folder.FullName, "ready");
            using var broker = EngineProcess.Start(folder.FullName, "broker", "--port", "0", "--memory", "--ready-file", ready);
            var bootstrap = await broker.WaitForFileAsync(ready, cancellation);
            await FeedAsync(folder.FullName, rows, bootstrap, cancellation);
            var file = Path.Combine(folder.FullName, "bench.conf");
            await File.WriteAllTextAsync(file, pipeline, cancellation);
            var samples = new List<Measurement.Sample>();
            for (var round = 0; round <= Rounds; round++)
            {
                var loaded = PipelineFile.Load(file, null, [$"kafka.bootstrap={bootstrap}", $"naming.prefix=r{round}."]);
                var sample = await RoundAsync(loaded, rows, cancellation);
                // The first one compiles.
                if (round > 0) samples.Add(sample);
            }
            return Measurement.Median(name, rows, samples);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
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

    /// <summary>The flights over and over, departing one after the other as densely as in the whole data, of which the file holds one in 150.</summary>
    private static async Task FeedAsync(string folder, long rows, string bootstrap, CancellationToken cancellation)
    {
        var lines = await File.ReadAllLinesAsync(Project.File("data/flights.ndjson"), cancellation);
        var file = Path.Combine(folder, "flights.ndjson");
        var begin = new DateTime(2001, 1, 1);
        await using (var writer = new StreamWriter(file, false, new UTF8Encoding(false), 1 << 16))
        {
            for (var n = 0L; n < rows; n++)
            {
                var line = lines[n % lines.Length];
                await writer.WriteAsync(line.AsMemory(0, 9), cancellation);
                await writer.WriteAsync(begin.AddMinutes(n / FlightsPerMinute).ToString("yyyy/MM/dd HH:mm", CultureInfo.InvariantCulture));
                await writer.WriteLineAsync(line.AsMemory(25), cancellation);
            }
        }
        using var produce = EngineProcess.Start(folder, "produce", "--topic", "flights", "--file", file, "--partitions", "4", "--bootstrap", bootstrap);
        await produce.WaitForEndAsync(cancellation);
        File.Delete(file);
    }
}
