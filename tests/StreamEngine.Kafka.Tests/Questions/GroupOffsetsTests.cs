using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Questions;

/// <summary>A group's offsets are asked of its coordinator, wherever that is now.</summary>
public sealed class GroupOffsetsTests : IDisposable
{
    private readonly ScriptedCluster _cluster = new();
    private readonly KafkaTopics _topics;

    public GroupOffsetsTests()
    {
        _cluster.Start(1);
        _cluster.Start(2);
        _cluster.Coordinator = 2;
        _cluster.GroupOffsets["g"] = [("flights", 0, 7), ("flights", 1, 0), ("fares", 3, long.MaxValue), ("fares", 4, -1)];
        _topics = new KafkaTopics(Connection, NullLogger.Instance);
    }

    public void Dispose()
    {
        _topics.Dispose();
        _cluster.Dispose();
    }

    private KafkaConnection Connection => new(_cluster.Bootstrap);

    private async Task<string> OffsetsAsync(string group = "g") =>
        string.Join(' ', (await _topics.GroupOffsetsAsync(group, CancellationToken.None)).Select(o => $"{o.Topic}-{o.Partition}:{o.Offset}"));

    private const string All = "flights-0:7 flights-1:0 fares-3:9223372036854775807";

    [Theory]
    [InlineData(1, 2)]
    [InlineData(1, 3)]
    [InlineData(2, 4)]
    [InlineData(2, 5)]
    [InlineData(3, 6)]
    [InlineData(3, 7)]
    public async Task The_coordinator_is_asked_in_every_version(short find, short fetch)
    {
        (_cluster.FindCoordinatorVersion, _cluster.OffsetFetchVersion) = (find, fetch);
        Assert.Equal(All, await OffsetsAsync());
        // Whoever is asked first names the other one, that alone knows; what was never committed is none.
        Assert.Equal([(1, (short)10, find, "g"), (2, (short)9, fetch, "g")], _cluster.GroupQuestions);
    }

    [Theory]
    [InlineData(14)]
    [InlineData(15)]
    [InlineData(16)]
    public async Task A_coordinator_that_is_just_taking_over_is_waited_for(short error)
    {
        _cluster.CoordinatorErrors.Enqueue(error);
        _cluster.GroupErrors.Enqueue(error);
        Assert.Equal(All, await OffsetsAsync());
        Assert.True(_cluster.CoordinatorErrors.IsEmpty && _cluster.GroupErrors.IsEmpty);
        // Each time it is looked for anew.
        Assert.Equal([10, 10, 9, 10, 9], _cluster.GroupQuestions.Select(q => (int)q.Api));
    }

    [Fact]
    public async Task A_coordinator_that_does_not_come_is_told_at_the_limit()
    {
        for (var i = 0; i < 1000; i++) _cluster.CoordinatorErrors.Enqueue(15);
        var refused = await Limits.RefusedAsync(Connection, topics => topics.GroupOffsetsAsync("g", CancellationToken.None));
        Assert.True(refused.MayPass);
        Assert.Equal($"the brokers on {_cluster.Bootstrap} refuse the coordinator of group 'g': CoordinatorNotAvailable (15)", refused.Message);
    }

    [Fact]
    public async Task A_group_that_nobody_knows_has_committed_nothing()
    {
        Assert.Equal("", await OffsetsAsync("another"));
        _cluster.GroupErrors.Enqueue(69);
        Assert.Equal("", await OffsetsAsync());
        Assert.Equal(All, await OffsetsAsync());
    }

    [Theory]
    [InlineData(true, false, "the coordinator of group 'g'")]
    [InlineData(false, false, "the offsets of group 'g'")]
    [InlineData(false, true, "the offset of group 'g' in flights-0")]
    public async Task A_group_that_may_not_be_described_is_told_at_once(bool isCoordinator, bool isPartition, string what)
    {
        if (isPartition) _cluster.Change(c => c.GroupPartitionError = 30);
        else (isCoordinator ? _cluster.CoordinatorErrors : _cluster.GroupErrors).Enqueue(30);
        var refused = await Assert.ThrowsAsync<StartupException>(() => _topics.GroupOffsetsAsync("g", CancellationToken.None));
        Assert.False(refused.MayPass);
        Assert.Equal($"the brokers on {_cluster.Bootstrap} refuse {what}: GroupAuthorizationFailed (30)", refused.Message);
    }
}
