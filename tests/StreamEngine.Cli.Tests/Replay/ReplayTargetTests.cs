using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Cli.Tests.Suite;
using StreamEngine.Cli.Tests.Topics;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Commits;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Replay;

namespace StreamEngine.Cli.Tests.Replay;

/// <summary>A replay does not write beside what was committed by somebody else; what was aborted is in nobody's way.</summary>
public sealed class ReplayTargetTests(BrokerFixture broker) : IClassFixture<BrokerFixture>
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(60);

    private readonly string _topic = broker.NewTopic("out");

    private ReplayDefinition Replay => new(PipelineFile.Parse($$"""
        pipeline {
          name = {{_topic}}-pipeline
          sources.s { topic = s, schema = "at TIMESTAMP, k STRING", event-time.column = at }
          sql = "INSERT INTO out SELECT window_start, k, count(*) AS n FROM TUMBLE(s, at, INTERVAL '1' HOUR) GROUP BY window_start, k"
          sinks.out { topic = {{_topic}}, key = k }
        }
        """, "p.conf"), new EventTimeRange(0, 3_600_000_000), "shadow");

    private Task CheckAsync(TimeSpan? patience = null, TimeSpan? openPatience = null, ILogger? logger = null) =>
        CheckAsync(new ReplayTarget(new KafkaConnection(broker.Bootstrap), Replay, TimeProvider.System, logger ?? NullLogger.Instance)
        {
            Patience = patience ?? Long, OpenPatience = openPatience ?? Long,
        });

    private async Task CheckAsync(ReplayTarget target)
    {
        using var topics = new KafkaTopics(new KafkaConnection(broker.Bootstrap), NullLogger.Instance);
        await target.CheckAsync(topics, CancellationToken.None);
    }

    private async Task CreateAsync()
    {
        using var topics = new KafkaTopics(new KafkaConnection(broker.Bootstrap), NullLogger.Instance);
        await topics.CreateAsync($"shadow.{_topic}", 1, null, CancellationToken.None);
    }

    [Fact]
    public async Task A_topic_with_aborted_transactions_alone_is_written_and_one_with_a_committed_record_is_not()
    {
        // Neither of these: a topic that does not exist, an empty one.
        await CheckAsync();
        await CreateAsync();
        await CheckAsync();
        using var producer = Transactions.Producer(broker.Bootstrap, $"killed-{_topic}");
        for (var i = 0; i < 3; i++)
        {
            await Transactions.SendAsync(producer, $"shadow.{_topic}", "aborted", p => p.AbortTransaction());
            await CheckAsync();
        }
        await Transactions.SendAsync(producer, $"shadow.{_topic}", "committed", p => p.CommitTransaction());
        await Transactions.SendAsync(producer, $"shadow.{_topic}", "aborted", p => p.AbortTransaction());
        var refused = await Assert.ThrowsAsync<StartupException>(() => CheckAsync());
        Assert.StartsWith($"topic 'shadow.{_topic}' is not empty", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_search_for_a_committed_record_has_an_end()
    {
        await CreateAsync();
        using var producer = Transactions.Producer(broker.Bootstrap, $"killed-{_topic}");
        await Transactions.SendAsync(producer, $"shadow.{_topic}", "aborted", p => p.AbortTransaction());
        var refused = await Assert.ThrowsAsync<StartupException>(() => CheckAsync(TimeSpan.Zero));
        Assert.Contains("whether anything in it was committed is not known", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_open_transaction_is_waited_for_and_counts_as_it_ends(bool committed)
    {
        await CreateAsync();
        using var producer = Transactions.Producer(broker.Bootstrap, $"other-{_topic}");
        await Transactions.SendAsync(producer, $"shadow.{_topic}", "first epoch", _ => { });
        var waits = new Waits();
        var check = CheckAsync(logger: waits);
        await Task.WhenAny(check, waits.Began);
        Assert.False(check.IsCompleted);
        if (committed) producer.CommitTransaction();
        else producer.AbortTransaction();
        if (!committed) await check;
        else Assert.Contains("is not empty", (await Assert.ThrowsAsync<StartupException>(() => check)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_does_not_end_is_an_error()
    {
        await CreateAsync();
        using var producer = Transactions.Producer(broker.Bootstrap, $"other-{_topic}");
        await Transactions.SendAsync(producer, $"shadow.{_topic}", "first epoch", _ => { });
        var refused = await Assert.ThrowsAsync<StartupException>(() => CheckAsync(openPatience: TimeSpan.Zero));
        Assert.StartsWith($"topic 'shadow.{_topic}' has an open transaction that did not end", refused.Message, StringComparison.Ordinal);
        // What was committed before it is found nevertheless, and at once.
        producer.CommitTransaction();
        await Transactions.SendAsync(producer, $"shadow.{_topic}", "second epoch", _ => { });
        refused = await Assert.ThrowsAsync<StartupException>(() => CheckAsync(openPatience: TimeSpan.Zero));
        Assert.Contains("is not empty", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_the_replay_itself_left_is_ended()
    {
        await CreateAsync();
        // The broker would end it after 60 s.
        using var producer = Transactions.Producer(broker.Bootstrap, new KafkaCommitLogOptions(Replay.Definition.QualifiedName).TransactionalId);
        await Transactions.SendAsync(producer, $"shadow.{_topic}", "killed", _ => { });
        await CheckAsync(openPatience: TimeSpan.FromSeconds(30));
        Assert.Throws<KafkaException>(producer.CommitTransaction);
    }

    [Fact]
    public async Task A_topic_that_cannot_be_read_is_named()
    {
        await CreateAsync();
        using var producer = Transactions.Producer(broker.Bootstrap, $"killed-{_topic}");
        await Transactions.SendAsync(producer, $"shadow.{_topic}", "aborted", p => p.AbortTransaction());
        var refused = await Assert.ThrowsAsync<StartupException>(() => CheckAsync(new ReplayTarget(new KafkaConnection(broker.Bootstrap), Replay, TimeProvider.System,
            NullLogger.Instance) { Read = (_, _) => throw new ConsumeException(new ConsumeResult<byte[], byte[]>(), new Error(ErrorCode.TopicAuthorizationFailed)) }));
        Assert.StartsWith($"topic 'shadow.{_topic}' cannot be read: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains("--into shadow2", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>Hears that an open transaction is waited for.</summary>
    private sealed class Waits : ILogger
    {
        private readonly TaskCompletionSource _began = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Began => _began.Task;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (formatter(state, exception).Contains("has an open transaction", StringComparison.Ordinal)) _began.TrySetResult();
        }
    }
}
