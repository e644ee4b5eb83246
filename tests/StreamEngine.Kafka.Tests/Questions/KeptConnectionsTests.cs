using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Kafka.Suite;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Questions;

/// <summary>Connections are kept for the next question; one that is of no use any more costs a new one and nothing else.</summary>
public sealed class KeptConnectionsTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ScriptedCluster _cluster = new();
    private readonly ScriptedBroker _broker;

    public KeptConnectionsTests() => _broker = _cluster.Start(1);

    public void Dispose() => _cluster.Dispose();

    private KafkaTopics Topics(params (string Name, string Value)[] settings) =>
        new(new KafkaConnection(_cluster.Bootstrap, settings.ToDictionary(s => s.Name, s => s.Value)), NullLogger.Instance) { Timeout = Patience };

    private static Task<(long Low, long Stable)> AskAsync(KafkaTopics topics) => topics.BoundsAsync(ScriptedCluster.Topic, 0, CancellationToken.None).WaitAsync(Patience);

    private Task OpenAsync(int connections) =>
        ScriptedCluster.UntilAsync(() => _broker.OpenConnections == connections, $"not {connections} connections are open");

    [Fact]
    public async Task Questions_of_every_kind_use_one_connection()
    {
        using var topics = Topics();
        await AskAsync(topics);
        Assert.NotNull(await topics.FindAsync(ScriptedCluster.Topic, CancellationToken.None));
        await topics.GroupOffsetsAsync("g", CancellationToken.None);
        await topics.ConfigsAsync([ScriptedCluster.Topic], CancellationToken.None);
        await topics.BrokerConfigAsync("any", CancellationToken.None);
        Assert.Equal([(ScriptedCluster.Topic, 1)], await topics.ListAsync(CancellationToken.None));
        await topics.CheckReachableAsync(CancellationToken.None);
        Assert.Equal((1, 1), (_broker.Connections, _broker.OpenConnections));
    }

    [Fact]
    public async Task One_that_the_broker_has_closed_costs_a_new_one_of_the_same_broker()
    {
        var other = _cluster.Start(2);
        using var topics = Topics();
        await AskAsync(topics);
        _broker.GoDown();
        _broker.ComeBack();
        await AskAsync(topics);
        // The other one would have been asked after a failure of this one.
        Assert.Equal((2, 0), (_broker.Connections, other.Connections));
    }

    [Fact]
    public async Task One_that_is_silent_costs_no_more_than_its_own_time_limit_and_the_next_broker_is_asked()
    {
        var other = _cluster.Start(2);
        using var topics = Topics(("socket.timeout.ms", "2000"));
        await AskAsync(topics);
        _broker.StandStill();
        var asked = AskAsync(topics);
        await ScriptedCluster.UntilAsync(() => other.Connections == 1, "the silent connection is waited for");
        _broker.GoOn();
        await asked;
        // It leads, and is asked for the offsets on a new one.
        Assert.Equal((2, 1), (_broker.Connections, other.Connections));
    }

    [Fact]
    public async Task One_of_a_leader_that_has_closed_it_costs_a_new_one_too()
    {
        var leader = _cluster.Start(2);
        _cluster.Change(c => c.Logs[0].Leader = 2);
        using var topics = Topics();
        await AskAsync(topics);
        leader.GoDown();
        leader.ComeBack();
        await AskAsync(topics);
        // The first one has answered the second time as well, and was not to blame.
        await AskAsync(topics);
        Assert.Equal(2, leader.Connections);
        Assert.InRange(_broker.Connections, 1, 2);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(3_600_000, 1)]
    [InlineData(0, 1)]
    public async Task One_whose_login_is_over_is_not_used_on(long lifetimeMs, int connections)
    {
        _broker.Login = new ScriptedLogin("PLAIN", "user", "s3cret") { LifetimeMs = lifetimeMs };
        using var topics = Topics(("security.protocol", "sasl_plaintext"), ("sasl.mechanism", "PLAIN"), ("sasl.username", "user"), ("sasl.password", "s3cret"));
        await AskAsync(topics);
        await Task.Delay(20);
        await AskAsync(topics);
        Assert.Equal(connections, _broker.Connections);
        await OpenAsync(1);
    }

    [Fact]
    public async Task Of_many_questions_at_the_same_time_a_few_are_asked_at_once_and_their_connections_kept()
    {
        using var topics = Topics();
        for (var round = 0; round < 2; round++)
        {
            _broker.StandStill();
            var asked = Enumerable.Range(0, 10).Select(_ => AskAsync(topics)).ToList();
            await OpenAsync(4);
            _broker.GoOn();
            await Task.WhenAll(asked);
        }
        Assert.Equal((4, 4), (_broker.Connections, _broker.OpenConnections));
    }

    [Fact]
    public async Task None_is_open_after_the_end_also_of_a_question_that_was_under_way()
    {
        var topics = Topics();
        await AskAsync(topics);
        await OpenAsync(1);
        // It takes the one that is kept; the next needs its own.
        _broker.StandStill();
        var (one, other) = (AskAsync(topics), AskAsync(topics));
        await OpenAsync(2);
        topics.Dispose();
        _broker.GoOn();
        await one;
        await other;
        await OpenAsync(0);
    }

    [Fact]
    public async Task None_is_open_after_the_end()
    {
        var other = _cluster.Start(2);
        _cluster.Change(c => c.Logs[0].Leader = 2);
        var topics = Topics();
        await AskAsync(topics);
        await OpenAsync(1);
        await ScriptedCluster.UntilAsync(() => other.OpenConnections == 1, "the leader's connection is not kept");
        topics.Dispose();
        await OpenAsync(0);
        await ScriptedCluster.UntilAsync(() => other.OpenConnections == 0, "the leader's connection is still open");
    }

    [Fact]
    public async Task Attempts_that_were_refused_leave_none_open()
    {
        using var topics = Topics();
        for (var i = 0; i < 3; i++) _cluster.CoordinatorErrors.Enqueue(15);
        Assert.Empty(await topics.GroupOffsetsAsync("g", CancellationToken.None));
        await OpenAsync(1);
    }

    [Fact]
    public async Task A_question_that_is_given_up_leaves_none_open()
    {
        using var topics = Topics();
        _broker.StandStill();
        using var cancellation = new CancellationTokenSource();
        var asked = topics.BoundsAsync(ScriptedCluster.Topic, 0, cancellation.Token);
        await OpenAsync(1);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked.WaitAsync(Patience));
        await OpenAsync(0);
        _broker.GoOn();
        await AskAsync(topics);
        await OpenAsync(1);
    }
}
