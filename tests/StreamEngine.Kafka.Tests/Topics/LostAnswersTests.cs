using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Topics;

/// <summary>Kafka's admin client may lose an answer, or be lost with it.</summary>
public sealed class LostAnswersTests(Cluster cluster) : IClassFixture<Cluster>
{
    [Fact]
    public async Task A_client_that_is_gone_is_told_and_the_next_question_goes_to_a_new_one()
    {
        using var topics = new KafkaTopics(cluster.Connection, NullLogger.Instance);
        var topic = await topics.EnsureAsync(Cluster.Name("lost"), 1, null, TimeProvider.System, CancellationToken.None);
        var settings = new Dictionary<string, string> { ["retention.ms"] = "60000" };
        topics.Admin.Dispose();
        var lost = await Assert.ThrowsAsync<StartupException>(() => topics.SetAsync(topic.Name, settings, CancellationToken.None));
        Assert.True(lost.MayPass);
        Assert.Contains($"an answer of the brokers on {cluster.Bootstrap} was lost", lost.Message, StringComparison.Ordinal);
        await topics.SetAsync(topic.Name, settings, CancellationToken.None);
        Assert.Equal("60000", (await topics.ConfigsAsync([topic.Name], CancellationToken.None))[topic.Name].Of("retention.ms"));
    }

    [Fact]
    public void A_client_that_has_destroyed_itself_is_not_disposed_again()
    {
        var topics = new KafkaTopics(cluster.Connection, NullLogger.Instance);
        topics.Admin.Dispose();
        topics.Dispose();
    }

    [Fact]
    public async Task An_answer_that_never_comes_is_given_up_and_its_client_asked_on()
    {
        var (told, made) = (new List<string>(), 0);
        using var session = new AdminSession(cluster.Bootstrap, () =>
        {
            made++;
            return new Confluent.Kafka.AdminClientBuilder([new("bootstrap.servers", cluster.Bootstrap)]).Build();
        }, new Lines(told));
        var (first, silent) = (session.Client, new TaskCompletionSource<int>());
        await Assert.ThrowsAsync<StartupException>(() => session.AskAsync(_ => silent.Task, TimeSpan.FromMilliseconds(50), CancellationToken.None));
        Assert.Equal(7, await session.AskAsync(_ => Task.FromResult(7), TimeSpan.FromSeconds(30), CancellationToken.None));
        Assert.Equal((1, first), (made, session.Client));
        Assert.Single(told, l => l.StartsWith(nameof(LogLevel.Warning), StringComparison.Ordinal));
    }
}
