using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Commits;

/// <summary>What a pipeline keeps for itself nobody else deletes; where it happened all the same, the gap is told and nothing starts from half of it.</summary>
public sealed class InternalTopicsTests(Cluster cluster) : IClassFixture<Cluster>, IDisposable
{
    private readonly MemoryScope _scope = new();
    private readonly string _pipeline = Cluster.Name("pipeline");

    public void Dispose() => _scope.Dispose();

    private KafkaCommitLog Log(KafkaCommitLogOptions? options = null) =>
        new(cluster.Connection, options ?? new KafkaCommitLogOptions(_pipeline), TimeProvider.System, NullLogger.Instance);

    private static async Task<string> RefusedAsync(KafkaCommitLog log)
    {
        await using (log) return (await Assert.ThrowsAsync<StartupException>(() => log.OpenAsync(null, CancellationToken.None))).Message;
    }

    private static EpochManifest Manifest(CommitLogState state, IReadOnlyList<long> full, long end) => new()
    {
        Pipeline = "hash", Slot = 0, Incarnation = state.Incarnation, Epoch = 1, At = DateTimeOffset.UnixEpoch, Sources = new Dictionary<string, SourcePosition>(),
        Inserts = new Dictionary<string, ConservationLine>(), State = new StatePositions(full, end),
    };

    [Theory]
    [InlineData("state", "retention.ms", "60000")]
    [InlineData("state", "retention.bytes", "1000000")]
    [InlineData("epochs", "retention.ms", "60000")]
    [InlineData("epochs", "retention.bytes", "1000000")]
    [InlineData("redrive", "retention.ms", "60000")]
    [InlineData("redrive", "retention.bytes", "1000000")]
    public async Task One_that_would_lose_records_is_refused(string topic, string setting, string value)
    {
        using var topics = cluster.Topics();
        await topics.CreateAsync($"{_pipeline}.{topic}", 1, new Dictionary<string, string> { [setting] = value }, CancellationToken.None);
        Assert.StartsWith($"topic '{_pipeline}.{topic}' has {setting}={value}; ",
            await RefusedAsync(Log(new KafkaCommitLogOptions(_pipeline) { RedriveTopic = $"{_pipeline}.redrive" })), StringComparison.Ordinal);
    }

    private static TopicSettings Settings(bool isOwn) =>
        new(new Dictionary<string, TopicSetting> { ["cleanup.policy"] = new("compact", isOwn),
            ["retention.ms"] = new("-1", isOwn), ["retention.bytes"] = new("7", isOwn) });

    [Fact]
    public void One_that_is_compacted_is_refused()
    {
        // Only Apache Kafka makes such a topic.
        var refused = Assert.Throws<StartupException>(() => InternalTopics.Missing("t", Settings(isOwn: true), "it keeps all"));
        Assert.StartsWith("topic 't' has cleanup.policy=compact and retention.bytes=7; it keeps all", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_only_the_cluster_says_otherwise_is_set_for_the_topic()
    {
        var missing = InternalTopics.Missing("t", Settings(isOwn: false), "it keeps all");
        Assert.Equal(new Dictionary<string, string> { ["cleanup.policy"] = "delete", ["retention.bytes"] = "-1" }, missing);
        using var topics = cluster.Topics();
        await topics.CreateAsync(_pipeline, 1, new Dictionary<string, string> { ["retention.ms"] = "60000" }, CancellationToken.None);
        await topics.SetAsync(_pipeline, missing, CancellationToken.None);
        var settings = (await topics.ConfigsAsync([_pipeline], CancellationToken.None))[_pipeline];
        Assert.Equal(("delete", "-1", "60000"), (settings.Of("cleanup.policy"), settings.Of("retention.bytes"), settings.Of("retention.ms")));
        Assert.True(settings.IsOwn("retention.bytes") && !settings.IsOwn("max.message.bytes"));
        Assert.Empty(InternalTopics.Missing("t", new TopicSettings(new Dictionary<string, TopicSetting>()), "a broker that does not say"));
    }

    [Fact]
    public async Task One_with_fewer_partitions_than_slots_is_refused()
    {
        await using (var slots = Log(new KafkaCommitLogOptions(Cluster.Name("pipeline"), Slot: 0, Slots: 3))) await slots.OpenAsync(null, CancellationToken.None);
        using var topics = cluster.Topics();
        await topics.CreateAsync($"{_pipeline}.state", 1, new Dictionary<string, string> { ["retention.ms"] = "-1" }, CancellationToken.None);
        Assert.Contains("has 1 partitions, fewer than the pipeline's 2 slots", await RefusedAsync(Log(new KafkaCommitLogOptions(_pipeline, Slot: 0, Slots: 2))),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task State_that_somebody_deleted_is_told_and_not_read_in_part()
    {
        await using var log = Log();
        var state = await log.OpenAsync(null, CancellationToken.None);
        var answers = new Answers();
        log.Listen(answers);
        Assert.True(log.TryAppend(OutputBatch.State(_scope, "one", "two", "three")));
        log.Commit(Manifest(state, [0], log.StateEnd));
        await answers.NextAsync<Answers.Committed>();
        using var topics = cluster.Topics();
        await topics.DeleteRecordsAsync($"{_pipeline}.state", 0, 2, CancellationToken.None);
        var read = 0;
        var gap = await Assert.ThrowsAsync<StartupException>(() => log.ReadStateAsync(0, (_, _) => read++, CancellationToken.None));
        Assert.StartsWith($"{_pipeline}.state-0 holds offsets 2 to 4, but the last manifest's state begins at 0: ", gap.Message, StringComparison.Ordinal);
        Assert.Equal(0, read);
        await log.ReadStateAsync(2, (_, _) => read++, CancellationToken.None);
        Assert.Equal(1, read);
    }

    [Fact]
    public async Task A_state_topic_that_was_deleted_is_told_at_the_next_start()
    {
        await using (var log = Log())
        {
            var state = await log.OpenAsync(null, CancellationToken.None);
            var answers = new Answers();
            log.Listen(answers);
            Assert.True(log.TryAppend(OutputBatch.State(_scope, "one", "two", "three")));
            log.Commit(Manifest(state, [], log.StateEnd));
            await answers.NextAsync<Answers.Committed>();
        }
        using var topics = cluster.Topics();
        await topics.DeleteAsync($"{_pipeline}.state", CancellationToken.None);
        await using var next = Log();
        var gone = await Assert.ThrowsAsync<StartupException>(() => next.OpenAsync(null, CancellationToken.None));
        Assert.StartsWith($"{_pipeline}.state-0 ends at 0, but the last manifest's state ends at 3: ", gone.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task State_that_a_successor_has_trimmed_is_its_own_matter()
    {
        await using (var before = Log())
        {
            var begun = await before.OpenAsync(null, CancellationToken.None);
            var told = new Answers();
            before.Listen(told);
            Assert.True(before.TryAppend(OutputBatch.State(_scope, "one", "two")));
            before.Commit(Manifest(begun, [0], before.StateEnd));
            await told.NextAsync<Answers.Committed>();
        }
        await using var first = Log();
        await first.OpenAsync(null, CancellationToken.None);
        await using var second = Log(new KafkaCommitLogOptions(_pipeline) { Process = 22 });
        var state = await second.OpenAsync(null, CancellationToken.None);
        var answers = new Answers();
        second.Listen(answers);
        Assert.True(second.TryAppend(OutputBatch.State(_scope, "one", "two", "three")));
        second.Commit(Manifest(state, [4, 5], second.StateEnd));
        await answers.NextAsync<Answers.Committed>();
        using var topics = cluster.Topics();
        // It is trimmed behind the answer.
        var took = TimeProvider.System.GetTimestamp();
        while (cluster.Bounds($"{_pipeline}.state").Low < 1)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(took) < TimeSpan.FromSeconds(30), "nothing was trimmed");
            await Task.Delay(100);
        }
        var fenced = await Assert.ThrowsAsync<FencedException>(() => first.ReadStateAsync(0, (_, _) => { }, CancellationToken.None));
        Assert.Contains("fenced by incarnation 3, process 22", fenced.Message, StringComparison.Ordinal);
    }
}
