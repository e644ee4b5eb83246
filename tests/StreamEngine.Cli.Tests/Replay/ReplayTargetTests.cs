using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Cli.Tests.Suite;
using StreamEngine.Cli.Tests.Topics;
using StreamEngine.Core;
using StreamEngine.Kafka;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Replay;

namespace StreamEngine.Cli.Tests.Replay;

/// <summary>A replay does not write beside what was committed by somebody else; what was aborted is in nobody's way.</summary>
public sealed class ReplayTargetTests(BrokerFixture broker) : IClassFixture<BrokerFixture>
{
    private readonly string _topic = broker.NewTopic("out");

    private async Task CheckAsync(TimeSpan? patience = null)
    {
        var file = PipelineFile.Parse($$"""
            pipeline {
              name = p
              sources.s { topic = s, schema = "at TIMESTAMP, k STRING", event-time.column = at }
              sql = "INSERT INTO out SELECT window_start, k, count(*) AS n FROM TUMBLE(s, at, INTERVAL '1' HOUR) GROUP BY window_start, k"
              sinks.out { topic = {{_topic}}, key = k }
            }
            """, "p.conf");
        var connection = new KafkaConnection(broker.Bootstrap);
        using var topics = new KafkaTopics(connection, NullLogger.Instance);
        await new ReplayTarget(connection, new ReplayDefinition(file, new EventTimeRange(0, 3_600_000_000), "shadow"), TimeProvider.System, NullLogger.Instance)
        {
            Patience = patience ?? TimeSpan.FromSeconds(60),
        }.CheckAsync(topics, CancellationToken.None);
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
}
