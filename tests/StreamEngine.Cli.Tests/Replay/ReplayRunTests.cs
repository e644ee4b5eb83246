using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Cli.Tests.Suite;
using StreamEngine.Cli.Tests.Topics;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Replay;
using StreamEngine.Pipelines.Running;

namespace StreamEngine.Cli.Tests.Replay;

/// <summary>Before a replay runs: what it finds on the broker is refused, or is in nobody's way.</summary>
public sealed class ReplayRunTests(BrokerFixture broker) : IClassFixture<BrokerFixture>
{
    private readonly string _name = broker.NewTopic("live");

    /// <summary>Its own INSERT, and one of rows without a window.</summary>
    private PipelineFile Windowless() => PipelineFile.Parse($$"""
        pipeline {
          name = {{_name}}
          sources.s { topic = {{_name}}.in, schema = "at TIMESTAMP, k STRING", event-time.column = at }
          sql = "INSERT INTO out SELECT at, k FROM s"
          sinks.out { topic = {{_name}}.out, key = k, mode = upsert }
        }
        kafka.bootstrap = "{{broker.Bootstrap}}"
        """, "p.conf");

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
    private async Task HasRunAsync(int moves, bool old = true)
    {
        using var topics = new KafkaTopics(new KafkaConnection(broker.Bootstrap), NullLogger.Instance);
        var topic = await topics.EnsureAsync($"{_name}.in", 1, null, TimeProvider.System, CancellationToken.None);
        await topics.EnsureAsync($"{_name}.epochs", 1, null, TimeProvider.System, CancellationToken.None);
        using var producer = new ProducerBuilder<Null, byte[]>(new ProducerConfig { BootstrapServers = broker.Bootstrap }).SetLogHandler((_, _) => { }).Build();
        foreach (var (epoch, offset, newest, made) in new[] { (1, 5, -10_000_000L, 0), (2, 1_000_000, 7_200_000_000L, moves) }.Skip(old ? 0 : 1))
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

    private Task<PipelineWorker?> PrepareAsync(int maxMessageSize = 1_000_000) => PrepareAsync(File(maxMessageSize));

    private static async Task<PipelineWorker?> PrepareAsync(PipelineFile file)
    {
        var replay = new ReplayDefinition(file, new EventTimeRange(0, 3_600_000_000), "shadow");
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

    private static async Task ManifestAsync(PipelineFile file, string bootstrap, ReplayBounds bounds, bool finished)
    {
        var replay = new ReplayDefinition(file, bounds.Range, bounds.Into);
        using var topics = new KafkaTopics(new KafkaConnection(bootstrap), NullLogger.Instance);
        await topics.EnsureAsync(replay.EpochsTopic, 1, null, TimeProvider.System, CancellationToken.None);
        using var producer = new ProducerBuilder<Null, byte[]>(new ProducerConfig { BootstrapServers = bootstrap }).SetLogHandler((_, _) => { }).Build();
        await producer.ProduceAsync(replay.EpochsTopic, new Message<Null, byte[]> { Value = ManifestJson.Write(new EpochManifest
        {
            Pipeline = replay.Plan.Hash, Slot = 0, Incarnation = 1, Epoch = 1, At = default, Inserts = new Dictionary<string, ConservationLine>(), Finished = finished,
            State = new StatePositions([], 0), Sources = new Dictionary<string, SourcePosition>(), Replay = bounds,
        }) });
    }

    [Fact]
    public async Task One_that_was_cancelled_in_part_does_not_go_on()
    {
        await HasRunAsync(0);
        var worker = await PrepareAsync();
        await ManifestAsync(File(1_000_000), broker.Bootstrap, worker!.Replay!, finished: false);
        var refused = await Assert.ThrowsAsync<StartupException>(() => PrepareAsync());
        Assert.Contains($"topic 'shadow.{_name}.out' of replay", refused.Message, StringComparison.Ordinal);
        using var topics = new KafkaTopics(new KafkaConnection(broker.Bootstrap), NullLogger.Instance);
        foreach (var output in new ReplayDefinition(File(1_000_000), worker.Replay!.Range, "shadow").Outputs)
            await topics.CreateAsync(output, 1, null, CancellationToken.None);
        Assert.NotNull(await PrepareAsync());
    }

    [Fact]
    public async Task Where_retention_has_deleted_what_lies_before_the_range_the_beginning_of_the_topic_is_read()
    {
        // The one manifest is of after the range.
        await HasRunAsync(0, old: false);
        using var producer = new ProducerBuilder<Null, byte[]>(new ProducerConfig { BootstrapServers = broker.Bootstrap }).SetLogHandler((_, _) => { }).Build();
        for (var i = 0; i < 9; i++) await producer.ProduceAsync(new TopicPartition($"{_name}.in", 0), new Message<Null, byte[]> { Value = [(byte)i] });
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = broker.Bootstrap }).SetLogHandler((_, _) => { }).Build();
        await admin.DeleteRecordsAsync([new TopicPartitionOffset($"{_name}.in", 0, 5)]);
        Assert.Equal(5, (await PrepareAsync())!.Replay!.Sources["s"].Partitions[0].Start);
    }

    [Fact]
    public async Task A_source_that_the_live_pipeline_never_read_is_told()
    {
        await HasRunAsync(0);
        var two = PipelineFile.Parse($$"""
            pipeline {
              name = {{_name}}
              sources.s { topic = {{_name}}.in, schema = "at TIMESTAMP, k STRING", event-time.column = at }
              sources.b { topic = {{_name}}.in, schema = "at TIMESTAMP, k STRING", event-time.column = at }
              sql = "INSERT INTO out SELECT at, k FROM s; INSERT INTO other SELECT at, k FROM b"
              sinks.out { topic = {{_name}}.out, key = k }
              sinks.other { topic = {{_name}}.other, key = k }
            }
            kafka.bootstrap = "{{broker.Bootstrap}}"
            """, "p.conf");
        var refused = await Assert.ThrowsAsync<StartupException>(() => PrepareAsync(two));
        Assert.Contains("has committed nothing of source b", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_target_that_is_a_topic_of_the_pipeline_itself_is_refused()
    {
        var file = PipelineFile.Parse("""
            pipeline {
              name = p
              sources.s { topic = in, schema = "at TIMESTAMP, k STRING", event-time.column = at }
              sql = "INSERT INTO a SELECT at, k FROM s; INSERT INTO b SELECT at, k FROM s"
              sinks.a { topic = out, key = k }
              sinks.b { topic = x.out, key = k }
            }
            """, "p.conf");
        var refused = Assert.Throws<StartupException>(() => new ReplayDefinition(file, new EventTimeRange(0, 1), "x"));
        Assert.Contains("--into x would write into 'x.out'", refused.Message, StringComparison.Ordinal);
        _ = new ReplayDefinition(file, new EventTimeRange(0, 1), "y");
    }

    [Fact]
    public async Task Rows_that_production_wrote_after_the_replay_began_are_compared_with_nothing()
    {
        await HasRunAsync(0);
        var (file, live) = (Windowless(), $"{_name}.out");
        using var topics = new KafkaTopics(new KafkaConnection(broker.Bootstrap), NullLogger.Instance);
        await topics.CreateAsync(live, 1, null, CancellationToken.None);
        using var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = broker.Bootstrap }).SetLogHandler((_, _) => { }).Build();
        Task Write(string topic, string key) => producer.ProduceAsync(topic, new Message<string, string> { Key = key, Value = Text(key) });
        string Text(string key) => $$"""{"at":"1970-01-01T00:30:00Z","k":"{{key}}"}""";
        await Write(live, "before");
        var bounds = (await PrepareAsync(file))!.Replay!;
        Assert.Equal([1], bounds.LiveEnds![live]);
        await Write(live, "after");
        var replay = new ReplayDefinition(file, bounds.Range, bounds.Into);
        foreach (var output in replay.Outputs) await topics.CreateAsync(output, 1, null, CancellationToken.None);
        await ManifestAsync(file, broker.Bootstrap, bounds, finished: true);
        var state = await ReplayCatalog.FindAsync(new KafkaConnection(broker.Bootstrap), _name, null, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
        var diff = Assert.Single(await ReplayDiff.CompareAsync(replay, state, CancellationToken.None));
        Assert.Equal("before", System.Text.Encoding.UTF8.GetString(Assert.Single(diff.Differences).Key!));
        Assert.Equal((1, 2), (diff.Newer, diff.ReadTo[0]));
        // Rows of another plan are compared with nothing.
        var other = state with { Last = state.Last! with { Pipeline = "another" } };
        Assert.Contains("the pipeline's file was changed", (await Assert.ThrowsAsync<StartupException>(() =>
            ReplayDiff.CompareAsync(replay, other, CancellationToken.None))).Message, StringComparison.Ordinal);
        // What the other side of the comparison does with it.
        var promotion = new ReplayPromotion(replay, NullLoggerFactory.Instance);
        Assert.Equal(new PromotionEnd(1, 0), await promotion.PromoteAsync([diff], bounds, CancellationToken.None));
        var old = await Assert.ThrowsAsync<StartupException>(() => promotion.PromoteAsync([diff], bounds with { LiveEnds = null }, CancellationToken.None));
        Assert.Contains("begun by an older engine", old.Message, StringComparison.Ordinal);
        Assert.Equal(["before=" + Text("before"), "after=" + Text("after"), "before="], await RowsAsync(live));
    }

    [Fact]
    public async Task A_key_that_production_writes_while_it_is_promoted_keeps_what_production_wrote()
    {
        var live = $"{_name}.out";
        using var topics = new KafkaTopics(new KafkaConnection(broker.Bootstrap), NullLogger.Instance);
        await topics.CreateAsync(live, 1, null, CancellationToken.None);
        using var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = broker.Bootstrap }).SetLogHandler((_, _) => { }).Build();
        using var open = Transactions.Keyed(broker.Bootstrap, $"live-{_name}");
        await producer.ProduceAsync(live, new Message<string, string> { Key = "seen", Value = "0" });
        // A comparison ended at offset 1; since then: a row that is committed, one that was taken back, and one in a transaction that is open.
        await producer.ProduceAsync(live, new Message<string, string> { Key = "newer", Value = "live" });
        open.BeginTransaction();
        await open.ProduceAsync(live, new Message<string, string> { Key = "aborted", Value = "live" });
        open.AbortTransaction();
        open.BeginTransaction();
        await open.ProduceAsync(live, new Message<string, string> { Key = "open", Value = "live" });
        var file = Windowless();
        var replay = new ReplayDefinition(file, new EventTimeRange(0, 3_600_000_000), "shadow");
        var bounds = new ReplayBounds(_name, "shadow", replay.Range, new Dictionary<string, ReplaySource>()) { LiveEnds = new Dictionary<string, IReadOnlyList<long>>() };
        byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);
        string[] keys = ["seen", "newer", "aborted", "open", "late"];
        var diff = new SinkDiff("out", 0, [.. keys.Select(k => new RowDifference(Bytes(k), null, Bytes("replayed")))]) { ReadTo = new Dictionary<int, long> { [0] = 1 } };
        var attempts = 0;
        var promotion = new ReplayPromotion(replay, NullLoggerFactory.Instance)
        {
            // And one that comes behind the records of the promotion, before they are committed.
            Written = async () =>
            {
                if (attempts++ == 0) await producer.ProduceAsync(live, new Message<string, string> { Key = "late", Value = "live" });
            },
        };
        Assert.Equal(new PromotionEnd(2, 3), await promotion.PromoteAsync([diff], bounds, CancellationToken.None));
        open.CommitTransaction();
        Assert.Equal(2, attempts);
        var last = (await RowsAsync(live)).Select(r => r.Split('=')).GroupBy(r => r[0]).ToDictionary(g => g.Key, g => g.Last()[1]);
        Assert.Equal(new Dictionary<string, string> { ["seen"] = "replayed", ["aborted"] = "replayed", ["newer"] = "live", ["open"] = "live", ["late"] = "live" }, last);
    }

    [Fact]
    public async Task Why_a_promotion_was_given_up_is_told_also_where_it_cannot_be_taken_back()
    {
        var live = $"{_name}.out";
        using var topics = new KafkaTopics(new KafkaConnection(broker.Bootstrap), NullLogger.Instance);
        await topics.CreateAsync(live, 1, null, CancellationToken.None);
        var replay = new ReplayDefinition(Windowless(), new EventTimeRange(0, 3_600_000_000), "shadow");
        var bounds = new ReplayBounds(_name, "shadow", replay.Range, new Dictionary<string, ReplaySource>()) { LiveEnds = new Dictionary<string, IReadOnlyList<long>>() };
        var diff = new SinkDiff("out", 0, [new RowDifference([1], null, [2])]) { ReadTo = new Dictionary<int, long> { [0] = 0 } };
        var promotion = new ReplayPromotion(replay, NullLoggerFactory.Instance)
        {
            Written = () =>
            {
                // Another promotion of the same pipeline begins: this one's client does not know yet that it was fenced.
                using var other = Transactions.Keyed(broker.Bootstrap, $"{replay.Definition.QualifiedName}-promote");
                throw new IOException("production cannot be read");
            },
        };
        var failed = await Assert.ThrowsAsync<IOException>(() => promotion.PromoteAsync([diff], bounds, CancellationToken.None));
        Assert.Equal("production cannot be read", failed.Message);
        Assert.Empty(await RowsAsync(live));
    }

    /// <summary>Committed rows of a topic, in order; a tombstone has no value.</summary>
    private async Task<List<string>> RowsAsync(string topic)
    {
        var rows = new List<string>();
        var reader = new TopicReader(new KafkaConnection(broker.Bootstrap));
        await foreach (var record in reader.ReadAsync(new ReadRequest(topic) { ReadCommitted = true }, CancellationToken.None))
            rows.Add($"{System.Text.Encoding.UTF8.GetString(record.Key!)}={(record.Value is null ? "" : System.Text.Encoding.UTF8.GetString(record.Value))}");
        return rows;
    }

    [Fact]
    public async Task One_whose_manifests_would_be_too_large_writes_nothing()
    {
        await HasRunAsync(2_000);
        var refused = await Assert.ThrowsAsync<StartupException>(() => PrepareAsync(20_000));
        Assert.Contains("more than max-message-size = 20,000", refused.Message, StringComparison.Ordinal);
        using var topics = new KafkaTopics(new KafkaConnection(broker.Bootstrap), NullLogger.Instance);
        Assert.DoesNotContain(await topics.ListAsync(CancellationToken.None), t => t.Name.StartsWith($"{_name}.replay.", StringComparison.Ordinal));
        Assert.NotNull(await PrepareAsync());
    }
}
