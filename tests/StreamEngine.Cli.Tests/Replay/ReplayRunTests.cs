using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Cli.Tests.Suite;
using StreamEngine.Cli.Tests.Topics;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Replay;
using StreamEngine.Pipelines.Running;

namespace StreamEngine.Cli.Tests.Replay;

/// <summary>Before a replay runs: what it finds on the broker is refused, or is in nobody's way.</summary>
public sealed class ReplayRunTests(BrokerFixture broker) : IClassFixture<BrokerFixture>
{
    private readonly string _name = broker.NewTopic("live");

    private PipelineFile File(int maxMessageSize) => PipelineFile.Parse($$"""
        pipeline {
          name = {{_name}}
          max-message-size = {{maxMessageSize}}
          sources.s { topic = {{_name}}.in, schema = "at TIMESTAMP, k STRING", event-time.column = at }
          sql = "INSERT INTO out SELECT window_start, k, count(*) AS n FROM TUMBLE(s, at, INTERVAL '1' HOUR) GROUP BY window_start, k"
          sinks.out { topic = {{_name}}.out, key = k }
        }
        kafka.bootstrap = "{{broker.Bootstrap}}"
        """, "p.conf");

    /// <summary>A live pipeline's manifests, as if it had run, with so many watermark moves in the range.</summary>
    private async Task HasRunAsync(int moves)
    {
        using var topics = new KafkaTopics(new KafkaConnection(broker.Bootstrap), NullLogger.Instance);
        var topic = await topics.EnsureAsync($"{_name}.in", 1, null, TimeProvider.System, CancellationToken.None);
        await topics.EnsureAsync($"{_name}.epochs", 1, null, TimeProvider.System, CancellationToken.None);
        using var producer = new ProducerBuilder<Null, byte[]>(new ProducerConfig { BootstrapServers = broker.Bootstrap }).SetLogHandler((_, _) => { }).Build();
        foreach (var (epoch, offset, newest, made) in new[] { (1, 5, -10_000_000L, 0), (2, 1_000_000, 7_200_000_000L, moves) })
            await producer.ProduceAsync($"{_name}.epochs", new Message<Null, byte[]> { Value = ManifestJson.Write(new EpochManifest
            {
                Pipeline = "hash", Slot = 0, Incarnation = 1, Epoch = epoch, At = default, Inserts = new Dictionary<string, ConservationLine>(),
                State = new StatePositions([], 0),
                Sources = new Dictionary<string, SourcePosition>
                {
                    ["s"] = new(topic.Name, topic.Id, newest, new Dictionary<int, PartitionPosition>
                    {
                        [0] = new(offset, newest, [.. Enumerable.Range(0, made).Select(i => new WatermarkMove(10 + i, 1_000_000L * i))]),
                    }),
                },
            }) });
    }

    private async Task<PipelineWorker?> PrepareAsync(int maxMessageSize = 1_000_000)
    {
        var replay = new ReplayDefinition(File(maxMessageSize), new EventTimeRange(0, 3_600_000_000), "shadow");
        var system = EngineSystem.Start(replay.Live.Document, NullLoggerFactory.Instance);
        try
        {
            return await new ReplayRun(replay, TimeProvider.System, NullLoggerFactory.Instance).PrepareAsync(system, CancellationToken.None);
        }
        finally
        {
            await system.Terminate();
        }
    }

    [Fact]
    public async Task One_that_was_killed_in_its_first_epoch_is_started_again()
    {
        await HasRunAsync(0);
        Assert.NotNull(await PrepareAsync());
        using (var topics = new KafkaTopics(new KafkaConnection(broker.Bootstrap), NullLogger.Instance))
            await topics.CreateAsync($"shadow.{_name}.out", 1, null, CancellationToken.None);
        using var producer = Transactions.Producer(broker.Bootstrap, $"killed-{_name}");
        await Transactions.SendAsync(producer, $"shadow.{_name}.out", "aborted", p => p.AbortTransaction());
        Assert.NotNull(await PrepareAsync());
        await Transactions.SendAsync(producer, $"shadow.{_name}.out", "committed", p => p.CommitTransaction());
        var refused = await Assert.ThrowsAsync<StartupException>(() => PrepareAsync());
        Assert.Contains("is not empty", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_whose_manifests_would_be_too_large_writes_nothing()
    {
        await HasRunAsync(2_000);
        Assert.NotNull(await PrepareAsync());
        var refused = await Assert.ThrowsAsync<StartupException>(() => PrepareAsync(20_000));
        Assert.Contains("more than max-message-size = 20,000", refused.Message, StringComparison.Ordinal);
        using var topics = new KafkaTopics(new KafkaConnection(broker.Bootstrap), NullLogger.Instance);
        Assert.DoesNotContain(topics.List(), t => t.Name.Contains(".replay.", StringComparison.Ordinal));
    }
}
