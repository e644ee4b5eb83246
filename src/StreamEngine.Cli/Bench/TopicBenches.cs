using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;

namespace StreamEngine.Cli.Bench;

/// <summary>
/// From a topic to a topic, exactly once, through brokers in other processes: what is measured is the engine with its Kafka clients, not the broker. Each round has a
/// topic of its own, which is read back when all are measured: with output that is not what the input says a figure is worth nothing.
/// </summary>
internal static class TopicBenches
{
    private const int Rounds = 3;
    private const int Partitions = 4;
    private const int LeastDelay = 15;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private const string Prefix = "PREFIX.";
    private const string Round = "ROUND";

    private const string Head = """
        pipeline {
          name = "PREFIX.ROUND"
          dead-letters.topic = PREFIX.dlq
          sources.flights {
            topic = PREFIX.flights
            schema = "date TIMESTAMP FORMAT 'yyyy/MM/dd HH:mm' NOT NULL, delay INT, distance INT, origin STRING NOT NULL, destination STRING NOT NULL"
            event-time { column = date, out-of-orderness = 1h, idle-timeout = infinite }
            rules { plausible-delay = "delay BETWEEN -120 AND 2000", positive-distance = "distance > 0" }
          }

        """;

    private const string Hourly = Head + """"
          sql = """INSERT INTO output SELECT window_start, origin, count(*) AS flights, avg(delay) AS average_delay, max(delay) AS worst_delay FROM TUMBLE(flights, date, INTERVAL '1' HOUR) GROUP BY window_start, origin"""
          sinks.output { topic = "PREFIX.ROUND.output", key = origin }
        }
        """";

    private const string Pass = Head + """"
          sql = """INSERT INTO output SELECT date, delay, distance, origin, destination FROM flights WHERE delay > 15"""
          sinks.output { topic = "PREFIX.ROUND.output" }
        }
        """";

    public static Task<BenchResult> TopicToTopicAsync(long rows, string? bootstrap, CancellationToken cancellation) =>
        RunAsync("topic-to-topic", rows, Hourly, f => f.Held, f => f.Hours(), HourRow.Read, bootstrap, cancellation);

    public static Task<BenchResult> PassAsync(long rows, string? bootstrap, CancellationToken cancellation) =>
        RunAsync("pass", rows, Pass, _ => 0, f => f.Copies(LeastDelay), CopyRow.Read, bootstrap, cancellation);

    private static async Task<BenchResult> RunAsync<TRow>(string name, long rows, string pipeline, Func<FlightRows, long> held,
        Func<FlightRows, Dictionary<TRow, int>> expect, Func<JsonElement, TRow> read, string? bootstrap, CancellationToken cancellation)
        where TRow : notnull
    {
        await using var cluster = await BenchCluster.StartAsync(bootstrap, cancellation);
        var file = await FlightsFile.WriteAsync(cluster.Folder, rows, cancellation);
        await cluster.RunAsync(cancellation, "produce", "--topic", $"{cluster.Prefix}flights", "--file", file, "--partitions", $"{Partitions}");
        File.Delete(file);
        var flights = FlightRows.Of(FlightsFile.Sample, rows, Partitions);
        var open = held(flights);
        var samples = new List<Measurement.Sample>();
        using (var admin = new KafkaTopics(new KafkaConnection(cluster.Bootstrap), NullLogger.Instance))
            for (var round = 0; round <= Rounds; round++) await admin.CreateAsync(OutputOf(cluster, round), Partitions, null, cancellation);
        for (var round = 0; round <= Rounds; round++)
        {
            var text = pipeline.Replace(Prefix, cluster.Prefix, StringComparison.Ordinal).Replace(Round, $"{round}", StringComparison.Ordinal);
            var sample = await RoundAsync(await LoadAsync(cluster, text, cancellation), rows, open, cancellation);
            // The first one compiles.
            if (round > 0) samples.Add(sample);
        }
        var result = Measurement.Median(name, rows, samples);
        var expected = expect(flights);
        for (var round = 0; round <= Rounds; round++)
            if (await FlightRows.DifferenceAsync(expected, ReadAsync(cluster, OutputOf(cluster, round), read, cancellation)) is { } wrong)
                throw new IOException($"round {round} of {name} did not bring out what its input says: {wrong}");
        return result;
    }

    private static string OutputOf(BenchCluster cluster, int round) => $"{cluster.Prefix}{round}.output";

    private static async Task<PipelineFile> LoadAsync(BenchCluster cluster, string text, CancellationToken cancellation)
    {
        var file = Path.Combine(cluster.Folder, "bench.conf");
        await File.WriteAllTextAsync(file, text, cancellation);
        return PipelineFile.Load(file, null, [$"kafka.bootstrap={cluster.Bootstrap}"]);
    }

    private static async Task<Measurement.Sample> RoundAsync(PipelineFile pipeline, long rows, long open, CancellationToken cancellation)
    {
        var system = EngineSystem.Start(pipeline.Document, NullLoggerFactory.Instance);
        try
        {
            using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var worker = new PipelineWorker(pipeline.Definition, pipeline.Plan, new KafkaConnectors(TimeProvider.System, NullLoggerFactory.Instance), system,
                TimeProvider.System, NullLogger.Instance);
            var begin = Measurement.Begin();
            var running = worker.RunAsync(end.Token);
            while (ReadBy(worker) < rows && !running.IsCompleted) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, cancellation);
            var sample = begin.End();
            // A window may still be on its way out; a drain would leave it for the next start.
            for (var waited = TimeProvider.System.GetTimestamp(); HeldBy(worker) != open && !running.IsCompleted;)
            {
                if (TimeProvider.System.GetElapsedTime(waited) > Patience)
                    throw new IOException($"{HeldBy(worker):N0} rows are held in open windows once all are read, and it should be {open:N0}");
                await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, cancellation);
            }
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

    private static long? HeldBy(PipelineWorker worker) => worker.Progress?.LastManifest?.Inserts["output"].HeldAfter;

    private static async IAsyncEnumerable<TRow> ReadAsync<TRow>(BenchCluster cluster, string topic, Func<JsonElement, TRow> read,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var reader = new TopicReader(new KafkaConnection(cluster.Bootstrap));
        await foreach (var record in reader.ReadAsync(new ReadRequest(topic) { ReadCommitted = true }, cancellation))
        {
            using var document = JsonDocument.Parse(record.Value ?? []);
            yield return read(document.RootElement);
        }
    }
}
