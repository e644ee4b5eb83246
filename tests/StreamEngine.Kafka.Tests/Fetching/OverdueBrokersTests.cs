using StreamEngine.Core;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Fetching;

/// <summary>Brokers that hang, and what they say when they wake.</summary>
public sealed class OverdueBrokersTests
{
    private static FetchSettings Soon(FetchSettings settings) => settings with { Overdue = TimeSpan.FromMilliseconds(100) };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_a_leader_of_the_past_says_late_does_not_end_the_source(bool diverges)
    {
        using var cluster = new ScriptedCluster();
        var first = cluster.Start(1);
        cluster.Start(2);
        cluster.Append(0, 4, "a", "b");
        first.Misdeeds.Enqueue(new Misdeed.Late(diverges ? new Misdeed.Diverge(3, 1) : new Misdeed.Shorten()));
        await using var topic = new FetchedTopic(cluster, new Dictionary<int, OffsetAndEpoch> { [0] = new(1, 4) }, change: Soon,
            settings: ("socket.timeout.ms", "300000"));
        await topic.ToldAsync($"Warning: broker 1 at 127.0.0.1:{first.Port} does not answer a fetch of flights-0: the others are asked who leads");
        cluster.Change(c => (c.Logs[0].Leader, c.Logs[0].Epoch) = (2, 5));
        Assert.Equal("1:b", await topic.ReadAsync(0, 1));
        first.GoOn();
        await topic.ToldAsync($"broker 1 at 127.0.0.1:{first.Port} answers again");
        cluster.Append(0, 5, "c");
        Assert.Equal("2:c", await topic.ReadAsync(0, 1));
    }

    [Fact]
    public async Task A_leader_that_hangs_is_told_of_while_another_partition_has_none()
    {
        using var cluster = new ScriptedCluster(2);
        var first = cluster.Start(1);
        cluster.Start(2);
        cluster.Logs[1].Leader = -1;
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster, change: s => Soon(s) with { LongestMetadata = TimeSpan.FromMilliseconds(100) },
            settings: ("socket.timeout.ms", "300000"));
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        first.StandStill();
        await topic.ToldAsync($"Warning: broker 1 at 127.0.0.1:{first.Port} does not answer a fetch of flights-0: the others are asked who leads");
    }

    [Theory]
    [InlineData(2)]
    [InlineData(30)]
    [InlineData(150)]
    public async Task A_leader_that_stops_within_an_answer_hangs(int bytes)
    {
        using var cluster = new ScriptedCluster();
        var first = cluster.Start(1);
        cluster.Start(2);
        cluster.Append(0, new string('x', 1000));
        first.Misdeeds.Enqueue(new Misdeed.Stop(bytes));
        await using var topic = new FetchedTopic(cluster, change: Soon, settings: ("socket.timeout.ms", "300000"));
        await topic.ToldAsync($"Warning: broker 1 at 127.0.0.1:{first.Port} does not answer a fetch of flights-0: the others are asked who leads");
        cluster.Change(c => (c.Logs[0].Leader, c.Logs[0].Epoch) = (2, 2));
        Assert.StartsWith("0:xxx", await topic.ReadAsync(0, 1), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_process_that_stood_still_itself_takes_no_broker_for_one_that_hangs()
    {
        using var cluster = new ScriptedCluster();
        var broker = cluster.Start(1);
        cluster.Append(0, "a");
        broker.Misdeeds.Enqueue(new Misdeed.Late());
        var clock = new SteppedClock();
        await using var topic = new FetchedTopic(cluster, change: Soon, time: clock, settings: ("socket.timeout.ms", "300000"));
        await cluster.FetchedAsync(_ => true);
        // Behind the question, and then behind more than one look whether it was answered.
        await clock.LooksAsync(4);
        clock.Step(TimeSpan.FromMinutes(1));
        await clock.LooksAsync(8);
        broker.GoOn();
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        lock (topic.Log) Assert.Empty(topic.Log);
    }

    [Fact]
    public async Task A_leader_whose_answer_comes_slowly_does_not_hang()
    {
        using var cluster = new ScriptedCluster(4);
        var broker = cluster.Start(1);
        for (var p = 0; p < 4; p++) cluster.Append(p, "a");
        var slow = new Misdeed.BitByBit();
        broker.Misdeeds.Enqueue(slow);
        var clock = new SteppedClock();
        await using var topic = new FetchedTopic(cluster, change: Soon, time: clock, settings: ("socket.timeout.ms", "300000"));
        await cluster.FetchedAsync(_ => true);
        foreach (var partition in cluster.Fetches.First().Partitions)
        {
            // Far longer than it may take, but with some of the answer before each look.
            slow.Next.Release();
            Assert.Equal("0:a", await topic.ReadAsync(partition.Partition, 1));
            clock.Step(TimeSpan.FromSeconds(2));
            await clock.LooksAsync(4);
        }
        lock (topic.Log) Assert.Empty(topic.Log);
    }

    /// <summary>Stands but for its steps; counts who looks at it among the threads that ask for leaders.</summary>
    private sealed class SteppedClock : TimeProvider
    {
        private long _now = 1;
        private int _looks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Step(TimeSpan by) => Interlocked.Add(ref _now, by.Ticks);

        public override long GetTimestamp()
        {
            if (Thread.CurrentThread.Name?.StartsWith("kafka leaders", StringComparison.Ordinal) == true) Interlocked.Increment(ref _looks);
            return Volatile.Read(ref _now);
        }

        public async Task LooksAsync(int more)
        {
            var until = Volatile.Read(ref _looks) + more;
            for (var i = 0; Volatile.Read(ref _looks) < until; i++)
            {
                Assert.True(i < 6000, "nobody looks at the clock");
                await Task.Delay(5);
            }
        }
    }

    [Fact]
    public async Task While_a_nearer_replica_hangs_the_leader_is_read_from()
    {
        using var cluster = new ScriptedCluster();
        cluster.Start(1);
        var near = cluster.Start(2);
        cluster.Logs[0].PreferredReplica = 2;
        cluster.Append(0, "a");
        await using var topic = new FetchedTopic(cluster, change: Soon, settings: [("client.rack", "r2"), ("socket.timeout.ms", "300000")]);
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        near.StandStill();
        await topic.ToldAsync($"Warning: broker 2 at 127.0.0.1:{near.Port} does not answer a fetch of flights-0");
        for (var i = 1; i < 4; i++)
        {
            cluster.Append(0, "b");
            Assert.Equal($"{i}:b", await topic.ReadAsync(0, 1));
        }
        near.GoOn();
        await topic.ToldAsync($"broker 2 at 127.0.0.1:{near.Port} answers again");
        await cluster.FetchedAsync(f => f.Node == 2 && f.Partitions.Single().Offset == 4);
        cluster.Append(0, "c");
        Assert.Equal("4:c", await topic.ReadAsync(0, 1));
    }

    [Fact]
    public async Task A_replica_that_hangs_is_not_gone_to_although_the_leader_names_it()
    {
        using var cluster = new ScriptedCluster(2);
        var leader = cluster.Start(1);
        var near = cluster.Start(2);
        cluster.Logs[0].PreferredReplica = 2;
        cluster.Append(0, "a");
        var clock = new SteppedClock();
        await using var topic = new FetchedTopic(cluster, change: Soon, time: clock, settings: [("client.rack", "r2"), ("socket.timeout.ms", "300000")]);
        Assert.Equal("0:a", await topic.ReadAsync(0, 1));
        near.StandStill();
        for (var i = 0; !topic.HasTold($"Warning: broker 2 at 127.0.0.1:{near.Port} does not answer a fetch of flights-0"); i++)
        {
            Assert.True(i < 30, "nobody sees that it hangs");
            clock.Step(TimeSpan.FromSeconds(2));
            await clock.LooksAsync(4);
        }
        // Asked before anybody knew that it hangs, say.
        leader.Misdeeds.Enqueue(new Misdeed.Nearer(2));
        for (var i = 0; !leader.Misdeeds.IsEmpty; i++)
        {
            Assert.True(i < 6000, "the leader is not asked any more");
            await Task.Delay(5);
        }
        cluster.Append(1, "x");
        // Past the pause after such an answer, and not up to the next look for those that hang, which would take the partition back.
        var read = topic.ReadAsync(1, 1);
        for (var i = 0; i < 300 && !read.IsCompleted; i++)
        {
            clock.Step(TimeSpan.FromMilliseconds(3));
            await Task.WhenAny(read, Task.Delay(20));
        }
        Assert.Equal("0:x", await read);
    }
}
