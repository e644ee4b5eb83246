using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Sources;
using StreamEngine.Kafka.Suite;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Questions;

/// <summary>Offsets are asked of the leaders, whoever leads now, and whatever one of them says is told or waited for.</summary>
public sealed class LeaderOffsetsTests : IDisposable
{
    private readonly ScriptedCluster _cluster = new(3);
    private readonly ScriptedBroker _first;
    private readonly ScriptedBroker _second;
    private readonly KafkaTopics _topics;

    public LeaderOffsetsTests()
    {
        (_first, _second) = (_cluster.Start(1), _cluster.Start(2));
        _cluster.Change(c =>
        {
            (c.Logs[1].Leader, c.Logs[1].Epoch) = (2, 5);
            (c.Logs[2].Leader, c.Logs[2].Epoch) = (2, 7);
            (c.Logs[1].Start, c.Logs[2].Start) = (10, 20);
        });
        for (var p = 0; p < 3; p++) _cluster.Append(p, "a", "b", "c", "d");
        _topics = new KafkaTopics(Connection, NullLogger.Instance);
    }

    public void Dispose()
    {
        _topics.Dispose();
        _cluster.Dispose();
    }

    private KafkaConnection Connection => new(_cluster.Bootstrap);

    private async Task<string> OffsetsAsync(StartPosition start, long time = 0, KafkaTopics? topics = null)
    {
        var offsets = await (topics ?? _topics).OffsetsAsync(new KafkaTopic(ScriptedCluster.Topic, "", 3), start, time, CancellationToken.None);
        return string.Join(' ', offsets.OrderBy(o => o.Key).Select(o => $"{o.Key}:{o.Value}"));
    }

    /// <summary>What the brokers were asked since it was called last: NODE PARTITION/EPOCH@TIME, and whether as a committed reader.</summary>
    private string Seen()
    {
        var seen = new List<string>();
        while (_cluster.Offsets.TryDequeue(out var one))
            seen.Add($"{one.Node} {string.Join(' ', one.Partitions.Select(p => $"{p.Partition}/{p.LeaderEpoch}@{p.Time}"))}{(one.Committed ? " committed" : "")}");
        return string.Join(", ", seen.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(2, false)]
    [InlineData(4, true)]
    [InlineData(5, true)]
    [InlineData(6, true)]
    [InlineData(7, true)]
    public async Task Each_partition_is_asked_of_its_leader_in_every_version(short version, bool hasEpoch)
    {
        _cluster.OffsetsVersion = version;
        var (one, five, seven) = hasEpoch ? (1, 5, 7) : (-1, -1, -1);
        _cluster.Change(c => c.Logs[1].Stable = 12);
        Assert.Equal("0:0 1:10 2:20", await OffsetsAsync(StartPosition.Earliest));
        Assert.Equal($"1 0/{one}@-2 committed, 2 1/{five}@-2 2/{seven}@-2 committed", Seen());
        Assert.Equal("0:4 1:12 2:24", await OffsetsAsync(StartPosition.Latest));
        Assert.Equal($"1 0/{one}@-1 committed, 2 1/{five}@-1 2/{seven}@-1 committed", Seen());
        Assert.Equal((12L, 14L), await _topics.EndsAsync(ScriptedCluster.Topic, 1, CancellationToken.None));
        Assert.Equal($"2 1/{five}@-1, 2 1/{five}@-1 committed", Seen());
        Assert.Equal((10L, 12L), await _topics.BoundsAsync(ScriptedCluster.Topic, 1, CancellationToken.None));
        Assert.Equal($"2 1/{five}@-1 committed, 2 1/{five}@-2 committed", Seen());
        _cluster.Change(c => c.Logs[1].Times.Add((1000, 11)));
        Assert.Equal(11, await _topics.OffsetOfTimeAsync(ScriptedCluster.Topic, 1, 999, CancellationToken.None));
        Assert.Null(await _topics.OffsetOfTimeAsync(ScriptedCluster.Topic, 1, 1001, CancellationToken.None));
        Assert.Equal($"2 1/{five}@1001 committed, 2 1/{five}@999 committed", Seen());
    }

    [Fact]
    public async Task A_version_is_spoken_that_the_broker_serves_and_none_is_told_as_that()
    {
        _cluster.OffsetsVersion = 3;
        await OffsetsAsync(StartPosition.Earliest);
        Assert.Equal([3, 3], _cluster.Offsets.Select(o => (int)o.Version));
        using var old = new ScriptedCluster { OffsetsVersion = 1 };
        old.Start(1);
        using var topics = new KafkaTopics(new KafkaConnection(old.Bootstrap), NullLogger.Instance);
        var refused = await Assert.ThrowsAsync<StartupException>(() => topics.BoundsAsync(ScriptedCluster.Topic, 0, CancellationToken.None));
        Assert.Contains("serves Kafka's API 2 in versions 0 to 1, 2 to 7 are spoken here", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_time_behind_all_records_is_the_end_and_only_for_those_partitions()
    {
        _cluster.Change(c =>
        {
            c.Logs[0].Times.Add((1000, 2));
            c.Logs[1].Times.Add((500, 11));
            c.Logs[2].Times.AddRange([(500, 21), (1500, 23)]);
            c.Logs[1].Stable = 13;
        });
        Assert.Equal("0:2 1:13 2:23", await OffsetsAsync(StartPosition.Time, 1000));
        Assert.Equal("1 0/1@1000 committed, 2 1/5@-1 committed, 2 1/5@1000 2/7@1000 committed", Seen());
        Assert.Equal("0:2 1:11 2:21", await OffsetsAsync(StartPosition.Time, 500));
        Assert.Equal("1 0/1@500 committed, 2 1/5@500 2/7@500 committed", Seen());
    }

    [Theory]
    [InlineData(6)]
    [InlineData(74)]
    [InlineData(75)]
    public async Task A_leader_that_has_moved_is_looked_for_anew(short error)
    {
        Assert.Equal("0:0 1:10 2:20", await OffsetsAsync(StartPosition.Earliest));
        // What the metadata says is old for the first two times.
        _cluster.Logs[1].OffsetErrors.Enqueue(error);
        _cluster.Logs[1].OffsetErrors.Enqueue(error);
        _cluster.Change(c => (c.Logs[1].Leader, c.Logs[1].Epoch) = (1, 6));
        Seen();
        Assert.Equal("0:4 1:14 2:24", await OffsetsAsync(StartPosition.Latest));
        Assert.EndsWith("2 2/7@-1 committed", Seen(), StringComparison.Ordinal);
        Assert.True(_cluster.Logs[1].OffsetErrors.IsEmpty);
        _cluster.Append(1, 6, "e");
        Assert.Equal((14L + 1, 14L + 1), await _topics.EndsAsync(ScriptedCluster.Topic, 1, CancellationToken.None));
        Assert.Equal("1 1/6@-1, 1 1/6@-1 committed", Seen());
    }

    [Fact]
    public async Task A_node_that_does_not_lead_any_more_is_not_believed()
    {
        // It answers that it does not, and the others know by then who does.
        _cluster.Change(c => c.Logs[1].Leader = -1);
        var asked = OffsetsAsync(StartPosition.Latest);
        await ScriptedCluster.UntilAsync(() => _first.MetadataAsked + _second.MetadataAsked >= 3, "the leader is not asked for again");
        Assert.False(asked.IsCompleted);
        Assert.DoesNotContain("1/5", Seen(), StringComparison.Ordinal);
        _cluster.Change(c => (c.Logs[1].Leader, c.Logs[1].Epoch) = (1, 6));
        Assert.Equal("0:4 1:14 2:24", await asked);
    }

    [Theory]
    [InlineData(6, "NotLeaderOrFollower (6)")]
    [InlineData(78, "OffsetNotAvailable (78)")]
    public async Task An_error_that_stays_is_told_at_the_limit(short error, string name)
    {
        _cluster.Change(c => c.Logs[2].OffsetError = error);
        bool IsAskedAgain() => _cluster.Offsets.Count(o => o.Partitions.Any(p => p.Partition == 2)) > 1;
        var refused = await Limits.RefusedAsync(Connection, topics => OffsetsAsync(StartPosition.Latest, topics: topics), IsAskedAgain);
        Assert.True(refused.MayPass);
        Assert.Equal($"the brokers on {_cluster.Bootstrap} refuse the offsets of {ScriptedCluster.Topic}-2: {name}", refused.Message);
        Assert.True(IsAskedAgain(), "it was asked once");
    }

    [Fact]
    public async Task A_partition_that_stays_without_a_leader_is_told_at_the_limit()
    {
        _cluster.Change(c => c.Logs[1].Leader = -1);
        var refused = await Limits.RefusedAsync(Connection, topics => OffsetsAsync(StartPosition.Latest, topics: topics));
        Assert.True(refused.MayPass);
        Assert.Equal($"the brokers on {_cluster.Bootstrap} refuse the leader of {ScriptedCluster.Topic}-1: LeaderNotAvailable (5)", refused.Message);
    }

    [Fact]
    public async Task A_partition_or_topic_that_is_not_there_is_told_at_the_limit()
    {
        var refused = await Limits.RefusedAsync(Connection, topics => topics.BoundsAsync(ScriptedCluster.Topic, 9, CancellationToken.None));
        Assert.True(refused.MayPass);
        Assert.Contains($"refuse the leader of {ScriptedCluster.Topic}-9: UnknownTopicOrPartition (3)", refused.Message, StringComparison.Ordinal);
        _cluster.Change(c => c.HasTopic = false);
        refused = await Limits.RefusedAsync(Connection, topics => topics.BoundsAsync(ScriptedCluster.Topic, 0, CancellationToken.None));
        Assert.True(refused.MayPass);
        Assert.Contains($"refuse the leaders of topic '{ScriptedCluster.Topic}': UnknownTopicOrPartition (3)", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_allowed_is_told_at_once()
    {
        _cluster.Change(c => c.Logs[2].OffsetErrors.Enqueue(29));
        var refused = await Assert.ThrowsAsync<StartupException>(() => OffsetsAsync(StartPosition.Latest));
        Assert.False(refused.MayPass);
        Assert.Equal($"the brokers on {_cluster.Bootstrap} refuse the offsets of {ScriptedCluster.Topic}-2: TopicAuthorizationFailed (29)", refused.Message);
        // It was not asked again: it would have been told.
        Assert.Single(_cluster.Offsets, o => o.Node == 2);
        _cluster.Change(c => c.TopicError = 29);
        refused = await Assert.ThrowsAsync<StartupException>(() => OffsetsAsync(StartPosition.Latest));
        Assert.False(refused.MayPass);
        Assert.Contains($"refuse the leaders of topic '{ScriptedCluster.Topic}': TopicAuthorizationFailed (29)", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>A broker that was cut off names itself as it was, and would answer.</summary>
    [Fact]
    public async Task A_leader_of_the_past_is_not_believed_once_a_later_one_is_known()
    {
        Assert.Equal((10L, 14L), await _topics.BoundsAsync(ScriptedCluster.Topic, 1, CancellationToken.None));
        _cluster.Change(c => (c.Logs[1].Leader, c.Logs[1].Epoch) = (1, 4));
        Seen();
        var asked = _topics.BoundsAsync(ScriptedCluster.Topic, 1, CancellationToken.None);
        using (var another = new KafkaTopics(Connection, NullLogger.Instance))
        {
            // Who has heard of no other one believes it.
            Assert.Equal((10L, 14L), await another.BoundsAsync(ScriptedCluster.Topic, 1, CancellationToken.None));
        }
        Assert.NotSame(asked, await Task.WhenAny(asked, Task.Delay(300)));
        _cluster.Change(c => (c.Logs[1].Leader, c.Logs[1].Epoch) = (2, 6));
        Assert.Equal((10L, 14L), await asked);
        // A topic that was made anew begins anew.
        _cluster.Change(c => (c.TopicId, c.Logs[1].Epoch) = (new Guid("00000000-0000-0000-0000-000000000002"), 0));
        Assert.Equal((10L, 14L), await _topics.BoundsAsync(ScriptedCluster.Topic, 1, CancellationToken.None));
    }
}
