using StreamEngine.Core;
using StreamEngine.Kafka.Sources;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Fetching;

/// <summary>What brokers do, and what a source makes of it.</summary>
public sealed class FetchClientTests
{
    [Theory]
    [InlineData(4, 4)]
    [InlineData(5, 7)]
    [InlineData(7, 8)]
    [InlineData(9, 9)]
    [InlineData(11, 10)]
    [InlineData(12, 12)]
    [InlineData(17, 13)]
    public async Task Every_version_from_Kafka_0_11_on_is_spoken(short fetch, short metadata)
    {
        using var cluster = new ScriptedCluster { FetchVersion = fetch, MetadataVersion = metadata };
        cluster.Start(1);
        cluster.Append(0, "a", "b");
        cluster.Logs[0].Aborted.Add((7, 0));
        await using var topic = new FetchedTopic(cluster);
        Assert.Equal("0:a 1:b", await topic.ReadAsync(0, 2));
        // A topic's id is known from metadata of version 10 on.
        Assert.Equal(Math.Min(fetch, metadata >= 10 ? (short)13 : (short)12), cluster.Fetches.First().Version);
    }

    [Fact]
    public async Task Brokers_that_are_too_old_are_named()
    {
        using var cluster = new ScriptedCluster { FetchVersion = 3 };
        cluster.Start(1);
        await using var topic = new FetchedTopic(cluster);
        Assert.Contains($"broker 127.0.0.1:{cluster.Brokers[0].Port} serves Kafka's API 1 in versions 0 to 3, 4 to 13 are spoken here", await topic.FailureAsync(),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_breaks_at_any_byte_loses_and_repeats_nothing()
    {
        using var cluster = new ScriptedCluster(2);
        var broker = cluster.Start(1);
        for (var i = 0; i < 150; i += 3) broker.Misdeeds.Enqueue(new Misdeed.Reset(i));
        cluster.Append(0, "a", "b");
        cluster.Append(0, "c");
        cluster.Append(1, "x", "y");
        await using var topic = new FetchedTopic(cluster, settings: ("reconnect.backoff.max.ms", "10"));
        Assert.Equal("0:a 1:b 2:c", await topic.ReadAsync(0, 3));
        Assert.Equal("0:x 1:y", await topic.ReadAsync(1, 2));
        for (var i = 0; !broker.Misdeeds.IsEmpty; i++)
        {
            Assert.True(i < 6000, $"{broker.Misdeeds.Count} connections did not break");
            await Task.Delay(5);
        }
        cluster.Append(0, "d");
        Assert.Equal("3:d", await topic.ReadAsync(0, 1));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(9)]
    [InlineData(56)]
    [InlineData(74)]
    [InlineData(75)]
    [InlineData(78)]
    public async Task An_error_that_passes_is_waited_out_and_told_once(short code)
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        broker.Misdeeds.Enqueue(new Misdeed.Error(code));
        broker.Misdeeds.Enqueue(new Misdeed.Error(code));
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster);
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        lock (topic.Log) Assert.Single(topic.Log, l => l.StartsWith("Warning: flights-0: broker 1 at 127.0.0.1", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(29, "flights-0: broker 1 at {0} refuses to be read from offset 0: TopicAuthorizationFailed (29)\n  the user")]
    [InlineData(1, "flights-0: offset 0 does not exist any more (broker 1 at {0}: OffsetOutOfRange (1)): retention has deleted")]
    [InlineData(87, "flights-0: broker 1 at {0} refuses to be read from offset 0: Kafka's error 87")]
    public async Task An_error_that_stays_is_told_with_its_place(short code, string expected)
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        broker.Misdeeds.Enqueue(new Misdeed.Error(code));
        await using var topic = new FetchedTopic(cluster);
        Assert.StartsWith(string.Format(null, expected, $"127.0.0.1:{broker.Port}"), await topic.FailureAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_batch_that_stays_corrupt_on_the_broker_is_told_after_some_tries()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        for (var i = 0; i < 4; i++) broker.Misdeeds.Enqueue(new Misdeed.Error(2));
        await using var topic = new FetchedTopic(cluster);
        Assert.Contains("CorruptMessage (2)\n  the broker's copy", await topic.FailureAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_that_was_cut_off_below_what_was_read_is_a_loud_failure()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        cluster.Append(0, 4, "a", "b");
        await using var topic = new FetchedTopic(cluster);
        Assert.Equal("0:a 1:b", await topic.ReadAsync(0, 2));
        Assert.Equal((0, 1, 0L, -1), Asked(cluster.Fetches.First()));
        broker.Misdeeds.Enqueue(new Misdeed.Diverge(3, 1));
        Assert.Contains($"flights-0: the log of broker 1 at 127.0.0.1:{broker.Port} was cut off below what was read of it: offset 2 was next, in leader epoch 4, and the log's epoch 3 ends at offset 1",
            await topic.FailureAsync(), StringComparison.Ordinal);
        Assert.Equal((0, 1, 2L, 4), Asked(cluster.Fetches.Last()));
    }

    [Fact]
    public async Task A_source_that_starts_again_asks_by_the_epoch_that_its_position_was_read_in()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        cluster.Append(0, 4, "a", "b");
        broker.Misdeeds.Enqueue(new Misdeed.Diverge(3, 1));
        await using var topic = new FetchedTopic(cluster, new Dictionary<int, OffsetAndEpoch> { [0] = new(2, 4) });
        Assert.Contains("was cut off below what was read of it: offset 2 was next, in leader epoch 4, and the log's epoch 3 ends at offset 1", await topic.FailureAsync(),
            StringComparison.Ordinal);
        Assert.Equal((0, 1, 2L, 4), Asked(cluster.Fetches.First()));
    }

    [Fact]
    public async Task The_epoch_of_a_position_is_that_of_the_record_before_it_however_much_was_fetched_since()
    {
        using var cluster = new ScriptedCluster();
        cluster.Start(1);
        cluster.Append(0, 4, "a", "b");
        cluster.Append(0, 4, "c");
        cluster.Append(0, 6, "d");
        cluster.Append(0, 9, "e", "f");
        await using var topic = new FetchedTopic(cluster, new Dictionary<int, OffsetAndEpoch> { [0] = new(1, 3) });
        Assert.Equal("1:b 2:c 3:d 4:e 5:f", await topic.ReadAsync(0, 5));
        Assert.Equal([4, 4, 4, 6, 9, 9], Enumerable.Range(1, 6).Select(position => topic.Source.LeaderEpochBefore(0, position)));
    }

    [Fact]
    public async Task A_source_that_has_read_nothing_goes_on_from_the_epoch_it_was_given()
    {
        using var cluster = new ScriptedCluster();
        cluster.Start(1);
        cluster.Append(0, 4, "a", "b");
        await using var topic = new FetchedTopic(cluster, new Dictionary<int, OffsetAndEpoch> { [0] = new(2, 4) });
        Assert.Equal(4, topic.Source.LeaderEpochBefore(0, 2));
        cluster.Append(0, 5, "c");
        Assert.Equal("2:c", await topic.ReadAsync(0, 1));
        Assert.Equal((4, 5), (topic.Source.LeaderEpochBefore(0, 2), topic.Source.LeaderEpochBefore(0, 3)));
    }

    private static (int, int, long, int) Asked(FetchSeen fetch) => fetch.Partitions.Select(p => (p.Partition, p.LeaderEpoch, p.Offset, p.LastEpoch)).Single();

    [Fact]
    public async Task Damaged_records_are_told_with_broker_topic_partition_and_offset()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        broker.Misdeeds.Enqueue(new Misdeed.Damage());
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster);
        Assert.StartsWith($"broker 1 at 127.0.0.1:{broker.Port} has sent of flights-0 at offset 0: the checksum of the batch", await topic.FailureAsync(),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-5)]
    [InlineData(3)]
    [InlineData(int.MaxValue)]
    [InlineData(20)]
    public async Task A_response_of_a_wrong_length_is_told_with_its_place(int length)
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        broker.Misdeeds.Enqueue(new Misdeed.Length(length));
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster);
        Assert.StartsWith($"broker 1 at 127.0.0.1:{broker.Port} has answered a fetch of flights-0 from offset 0 with ", await topic.FailureAsync(),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_leader_that_moves_is_followed()
    {
        using var cluster = new ScriptedCluster(2);
        cluster.Start(1);
        cluster.Start(2);
        cluster.Append(0, "a");
        cluster.Append(1, "x");
        await using var topic = new FetchedTopic(cluster);
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        cluster.Change(c => (c.Logs[0].Leader, c.Logs[0].Epoch) = (2, 2));
        cluster.Append(0, "b");
        cluster.Append(1, "y");
        Assert.Equal("1:b", await topic.ReadAsync(0, 1));
        Assert.Equal("0:x 1:y", await topic.ReadAsync(1, 2));
        cluster.Brokers[1].GoDown();
        cluster.Change(c => (c.Logs[0].Leader, c.Logs[0].Epoch) = (1, 3));
        cluster.Append(0, "c");
        Assert.Equal("2:c", await topic.ReadAsync(0, 1));
        Assert.Contains(cluster.Fetches, f => f.Node == 2 && f.Partitions.Single().LeaderEpoch == 2);
    }

    [Fact]
    public async Task A_broker_that_is_away_for_a_while_does_not_end_the_source()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster);
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        broker.GoDown();
        await Task.Delay(1000);
        cluster.Append(0, "b");
        broker.ComeBack();
        Assert.Equal("1:b", await topic.ReadAsync(0, 1));
        lock (topic.Log) Assert.InRange(topic.Log.Count(l => l.StartsWith("Warning: broker 1 at", StringComparison.Ordinal)), 0, 1);
    }

    [Fact]
    public async Task A_broker_that_does_not_answer_is_given_up_and_asked_anew()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        broker.Misdeeds.Enqueue(new Misdeed.Stall());
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster, settings: ("socket.timeout.ms", "100"));
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
    }

    [Fact]
    public async Task While_a_leader_hangs_the_others_are_asked_and_who_leads_instead_is_gone_to()
    {
        using var cluster = new ScriptedCluster(2);
        var (first, second) = (cluster.Start(1), cluster.Start(2));
        cluster.Logs[1].Leader = 2;
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster, change: s => s with { Overdue = TimeSpan.FromMilliseconds(100) }, settings: ("socket.timeout.ms", "300000"));
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        // A busy machine may have let it seem to hang before.
        lock (topic.Log) topic.Log.Clear();
        first.StandStill();
        // It has an answer with this record, and never hears that the others go on without it.
        cluster.Append(0, "lost");
        await topic.ToldAsync($"Warning: broker 1 at 127.0.0.1:{first.Port} does not answer a fetch of flights-0: the others are asked who leads");
        cluster.Append(1, "x");
        Assert.Equal("0:x", await topic.ReadAsync(1, 1));
        cluster.Change(c =>
        {
            c.Logs[0].Batches.RemoveAt(1);
            (c.Logs[0].Leader, c.Logs[0].Epoch) = (2, 2);
        });
        await cluster.FetchedAsync(f => f.Node == 2 && f.Partitions.Any(p => (p.Partition, p.Offset) == (0, 1)));
        first.GoOn();
        await topic.ToldAsync("broker 1 at 127.0.0.1:" + first.Port + " answers again");
        cluster.Append(0, 2, "b");
        Assert.Equal("1:b", await topic.ReadAsync(0, 1));
        lock (topic.Log) Assert.Single(topic.Log, l => l.StartsWith("Warning: broker 1 at", StringComparison.Ordinal));
        Assert.True(second.Connections > 1);
    }

    [Fact]
    public async Task A_broker_that_hangs_when_asked_who_leads_is_given_up_for_another_one()
    {
        using var cluster = new ScriptedCluster();
        var hangs = cluster.Start(1);
        cluster.Start(2);
        cluster.Logs[0].Leader = 2;
        hangs.StandStill();
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster, change: s => s with { LongestMetadata = TimeSpan.FromMilliseconds(100) },
            settings: ("socket.timeout.ms", "300000"));
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        await topic.ToldAsync($"Warning: broker 127.0.0.1:{hangs.Port} cannot be asked for the leaders of flights: ");
    }

    [Fact]
    public async Task A_topic_that_no_broker_knows_for_long_is_gone()
    {
        using var cluster = new ScriptedCluster();
        cluster.Start(1);
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster, change: s => s with { UnknownTopic = TimeSpan.FromMilliseconds(300) });
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        cluster.Change(c => c.HasTopic = false);
        Assert.Equal("flights-0 does not exist any more: for 0.3 s the brokers have not known it", await topic.FailureAsync());
    }

    [Fact]
    public async Task A_topic_that_comes_back_in_time_is_read_on()
    {
        using var cluster = new ScriptedCluster();
        cluster.Start(1);
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster);
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        cluster.Change(c => c.HasTopic = false);
        await topic.ToldAsync("UnknownTopicOrPartition (3)");
        cluster.Append(0, "b");
        cluster.Change(c => c.HasTopic = true);
        Assert.Equal("1:b", await topic.ReadAsync(0, 1));
    }

    [Fact]
    public async Task A_broker_that_asks_to_be_left_alone_is_and_the_others_go_on()
    {
        using var cluster = new ScriptedCluster(2);
        var throttling = cluster.Start(1, b => b.ThrottleMs = 30_000);
        cluster.Start(2);
        cluster.Logs[1].Leader = 2;
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster);
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        cluster.Append(0, "b");
        for (var i = 0; i < 20; i++)
        {
            cluster.Append(1, "x");
            Assert.Equal($"{i}:x", await topic.ReadAsync(1, 1));
        }
        Assert.Single(cluster.Fetches, f => f.Node == throttling.Node);
    }

    [Fact]
    public async Task A_broker_that_was_left_alone_is_asked_again()
    {
        using var cluster = new ScriptedCluster();
        cluster.Start(1, b => b.ThrottleMs = 10);
        await using var topic = new FetchedTopic(cluster);
        for (var i = 0; i < 3; i++)
        {
            cluster.Append(0, "a");
            Assert.Equal($"{i}:a", await topic.ReadAsync(0, 1));
        }
    }

    [Fact]
    public async Task A_source_that_was_not_opened_is_not_started()
    {
        using var scope = new MemoryScope();
        await using var source = new KafkaSource(new KafkaConnection("127.0.0.1:1"), new KafkaSourceOptions("s", ScriptedCluster.Topic), scope, TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        Assert.Contains("source s is to be started and was not opened",
            Assert.Throws<InvalidOperationException>(() => source.Start(new Dictionary<int, OffsetAndEpoch>(), new Answers())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_end_of_a_source_does_not_wait_for_a_broker()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        broker.Misdeeds.Enqueue(new Misdeed.Stall());
        var topic = new FetchedTopic(cluster, settings: ("socket.timeout.ms", "300000"));
        await cluster.FetchedAsync(_ => true);
        await topic.DisposeAsync();
    }

    [Fact]
    public async Task A_partition_that_is_full_is_not_asked_for_and_the_others_go_on()
    {
        using var cluster = new ScriptedCluster(2);
        cluster.Start(1);
        for (var i = 0; i < 40; i++) cluster.Append(0, new string('x', 1000));
        cluster.Append(1, "a");
        await using var topic = new FetchedTopic(cluster, options: new KafkaSourceOptions("s", ScriptedCluster.Topic) { BatchRows = 1 }, settings:
            [("fetch.message.max.bytes", "3000"), ("queued.max.messages.kbytes", "4")]);
        Assert.Equal("0:a", await topic.ReadAsync(1, 1));
        for (var i = 0; i < 5; i++)
        {
            cluster.Append(1, "b");
            await topic.ReadAsync(1, 1);
        }
        // Only the other one, and with a short wait.
        var last = cluster.Fetches.Last();
        Assert.Equal(1, Assert.Single(last.Partitions).Partition);
        Assert.InRange(last.WaitMs, 0, 20);
        Assert.True(cluster.Fetches.Max(f => f.Partitions.Where(p => p.Partition == 0).Select(p => p.Offset).DefaultIfEmpty(0).Max()) < 20);
        var all = await topic.ReadAsync(0, 40);
        Assert.StartsWith("0:xxx", all, StringComparison.Ordinal);
        Assert.Contains(" 39:xxx", all, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Batches_larger_than_what_is_asked_for_have_their_turn_in_every_partition()
    {
        using var cluster = new ScriptedCluster(3);
        cluster.Start(1);
        for (var i = 0; i < 3; i++)
            for (var j = 0; j < 3; j++) cluster.Append(i, new string('x', 5000));
        await using var topic = new FetchedTopic(cluster, settings: [("fetch.message.max.bytes", "100"), ("fetch.max.bytes", "100")]);
        for (var i = 2; i >= 0; i--) Assert.Equal(3, (await topic.ReadAsync(i, 3)).Split(' ').Length);
    }

    [Fact]
    public async Task A_replica_that_the_leader_names_is_read_from()
    {
        using var cluster = new ScriptedCluster();
        cluster.Start(1);
        cluster.Start(2);
        cluster.Logs[0].PreferredReplica = 2;
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster, settings: ("client.rack", "r2"));
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        Assert.Contains(cluster.Fetches, f => f.Node == 2);
    }

    [Fact]
    public async Task The_leader_is_asked_again_which_replica_is_to_be_read_from()
    {
        using var cluster = new ScriptedCluster();
        cluster.Start(1);
        cluster.Start(2);
        cluster.Logs[0].PreferredReplica = 2;
        await using var topic = new FetchedTopic(cluster, settings: [("client.rack", "r2"), ("metadata.max.age.ms", "20")]);
        for (var i = 0; cluster.Fetches.Count(f => f.Node == 1) < 4; i++)
        {
            cluster.Append(0, "a");
            Assert.Equal($"{i}:a", await topic.ReadAsync(0, 1));
        }
        Assert.Contains(cluster.Fetches, f => f.Node == 2);
    }

    [Theory]
    [InlineData(12)]
    [InlineData(13)]
    public async Task A_topic_that_was_made_anew_under_the_source_stops_it(short fetch)
    {
        using var cluster = new ScriptedCluster { FetchVersion = fetch };
        var broker = cluster.Start(1);
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster);
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        // Where fetches name the topic by its id, not one record of the other is taken; an older broker tells with the next metadata.
        cluster.Change(c => c.TopicId = new Guid("00000000-0000-0000-0000-000000000002"));
        cluster.Append(0, "b", "c");
        if (fetch < 13) broker.Misdeeds.Enqueue(new Misdeed.Error(6));
        Assert.StartsWith("topic 'flights' was deleted and created again while it was read", await topic.FailureAsync(), StringComparison.Ordinal);
        if (fetch >= 13) Assert.False(topic.Source.TryTake(0, out _));
    }

    [Fact]
    public async Task A_bound_ends_the_reading_and_a_cut_begins_a_batch()
    {
        using var cluster = new ScriptedCluster(2);
        cluster.Start(1);
        cluster.Append(0, "a", "b", "c", "d", "e", "f");
        cluster.Append(1, "a", "b");
        var bounds = new Dictionary<int, Core.ReplayPartition> { [0] = Bound(5, 2, 4), [1] = Bound(0) };
        await using var topic = new FetchedTopic(cluster, options: new KafkaSourceOptions("s", ScriptedCluster.Topic) { Bounds = bounds });
        var sizes = new List<int>();
        var ends = new Dictionary<int, long>();
        while (ends.Count < 2)
        {
            while (topic.Source.TryTake(0, out var batch))
            {
                sizes.Add(batch!.Count);
                batch.Dispose();
            }
            if (await topic.Answers.NextAsync<object>() is Answers.EndOfPartition end) ends[end.Partition] = end.Offset;
        }
        Assert.Equal([2, 2, 1], sizes);
        Assert.Equal((5, 0), (ends[0], ends[1]));
    }

    private static Core.ReplayPartition Bound(long end, params long[] cuts) => new(0, end, 0, [.. cuts.Select(c => new Core.WatermarkMove(c, 0))]);
}
