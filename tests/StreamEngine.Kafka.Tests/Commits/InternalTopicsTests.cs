using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;

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

    [Fact]
    public void One_that_is_compacted_is_refused()
    {
        // Only Apache Kafka makes such a topic; what it does not say is not held against it.
        var settings = new Dictionary<string, string> { ["cleanup.policy"] = "compact", ["retention.bytes"] = "7" };
        var refused = Assert.Throws<StartupException>(() => InternalTopics.Check("t", settings.GetValueOrDefault, "it keeps all"));
        Assert.StartsWith("topic 't' has cleanup.policy=compact and retention.bytes=7; it keeps all", refused.Message, StringComparison.Ordinal);
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
        log.Commit(new EpochManifest
        {
            Pipeline = "hash", Slot = 0, Incarnation = state.Incarnation, Epoch = 1, At = DateTimeOffset.UnixEpoch, Sources = new Dictionary<string, SourcePosition>(),
            Inserts = new Dictionary<string, ConservationLine>(), State = new StatePositions([0], log.StateEnd),
        });
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
}
