using Confluent.Kafka.Admin;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Commits;

/// <summary>
/// What the engine takes for a record that can be written, the client and the broker have to take too: one that is refused would be read again, for ever.
/// </summary>
public sealed class RecordLimitsTests(Cluster cluster) : IClassFixture<Cluster>, IDisposable
{
    private readonly MemoryScope _scope = new();
    private readonly string _pipeline = Cluster.Name("limits");

    private string Out => $"{_pipeline}.out";

    public void Dispose() => _scope.Dispose();

    private static EpochManifest Manifest(CommitLogState state) => new()
    {
        Pipeline = "hash", Slot = 0, Incarnation = state.Incarnation, Epoch = 1, At = default, Sources = new Dictionary<string, SourcePosition>(),
        Inserts = new Dictionary<string, ConservationLine>(), State = new StatePositions([], 0),
    };

    private async Task<List<Confluent.Kafka.ConsumeResult<byte[]?, byte[]?>>> WriteAsync(params OutputRecord[] records)
    {
        await using (var log = new KafkaCommitLog(cluster.Connection, new KafkaCommitLogOptions(_pipeline) { Outputs = [new OutputTopic(Out, 1)] }, TimeProvider.System,
            NullLogger.Instance))
        {
            var state = await log.OpenAsync(null, CancellationToken.None);
            var answers = new Answers();
            log.Listen(answers);
            Assert.True(log.TryAppend(OutputBatch.Of(_scope, Out, records)));
            log.Commit(Manifest(state));
            await answers.NextAsync<Answers.Committed>();
        }
        return cluster.ReadCommitted(Out);
    }

    [Fact]
    public async Task A_record_of_exactly_the_most_bytes_is_written()
    {
        var record = Assert.Single(await WriteAsync(new OutputRecord(new string('x', 999_990), "key") { Headers = [("h", "1")] }));
        Assert.Equal(999_990, record.Message.Value!.Length);
    }

    [Fact]
    public async Task A_stamp_that_lies_ahead_becomes_now()
    {
        var ahead = DateTimeOffset.UtcNow.AddHours(30).ToUnixTimeMilliseconds();
        var records = await WriteAsync(new OutputRecord("ahead") { Timestamp = ahead }, new OutputRecord("behind") { Timestamp = 1234 });
        Assert.InRange(records[0].Message.Timestamp.UnixTimestampMs, ahead - 31 * 3_600_000L, ahead - 29 * 3_600_000L);
        Assert.Equal(1234, records[1].Message.Timestamp.UnixTimestampMs);
    }

    [Fact]
    public async Task Ever_new_header_names_come_out_as_they_went_in()
    {
        var many = Enumerable.Range(0, 5000).Select(i => new OutputRecord($"{i}") { Headers = [($"first-{i}", "1"), ($"second-{i}", "2")] }).ToArray();
        var records = await WriteAsync(many);
        Assert.Equal(many.SelectMany(m => m.Headers.Select(h => h.Name)), records.SelectMany(r => r.Message.Headers.Select(h => h.Key)));
    }

    [Fact]
    public async Task A_topic_that_takes_less_than_the_pipeline_may_write_is_refused_at_the_start()
    {
        using (var topics = cluster.Topics()) await topics.CreateAsync(Out, 1, new Dictionary<string, string> { ["max.message.bytes"] = "5000" }, CancellationToken.None);
        var e = await Assert.ThrowsAsync<StartupException>(() => WriteAsync(new OutputRecord("x")));
        Assert.Contains($"topic '{Out}' takes messages of 5000 bytes", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dead_letter_that_its_topic_does_not_take_fails_the_whole_epoch()
    {
        var letters = $"{_pipeline}.dlq";
        var options = new KafkaCommitLogOptions(_pipeline) { Outputs = [new OutputTopic(Out, 1), new OutputTopic(letters, 1)] };
        await using (var log = new KafkaCommitLog(cluster.Connection, options, TimeProvider.System, NullLogger.Instance))
        {
            var state = await log.OpenAsync(null, CancellationToken.None);
            using (var topics = cluster.Topics())
                await topics.Admin.IncrementalAlterConfigsAsync(new Dictionary<ConfigResource, List<ConfigEntry>>
                {
                    [new ConfigResource { Type = ResourceType.Topic, Name = letters }] =
                        [new ConfigEntry { Name = "max.message.bytes", Value = "100", IncrementalOperation = AlterConfigOpType.Set }],
                });
            var answers = new Answers();
            log.Listen(answers);
            Assert.True(log.TryAppend(OutputBatch.Of(_scope, Out, new OutputRecord("good"))));
            Assert.True(log.TryAppend(OutputBatch.Of(_scope, letters, new OutputRecord(new string('x', 1000)))));
            log.Commit(Manifest(state));
            await answers.NextAsync<Exception>();
        }
        Assert.Empty(cluster.ReadCommitted(Out));
        // And the next incarnation does not start before somebody has seen to it.
        await using var next = new KafkaCommitLog(cluster.Connection, options, TimeProvider.System, NullLogger.Instance);
        var refused = await Assert.ThrowsAsync<StartupException>(() => next.OpenAsync(null, CancellationToken.None));
        Assert.Contains($"topic '{letters}' takes messages of 100 bytes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task That_no_broker_answers_may_pass()
    {
        using var topics = new Topics.KafkaTopics(new KafkaConnection("127.0.0.1:1", new Dictionary<string, string> { ["socket.timeout.ms"] = "1000" }),
            NullLogger.Instance) { Timeout = TimeSpan.FromSeconds(1) };
        var e = await Assert.ThrowsAsync<StartupException>(() => topics.FindAsync("t", CancellationToken.None));
        Assert.True(e.MayPass, e.Message);
    }
}
