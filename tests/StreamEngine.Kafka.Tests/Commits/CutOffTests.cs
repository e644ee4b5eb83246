using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Broker;
using StreamEngine.Cli.Processes;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Commits;

/// <summary>A client that loses all brokers within a commit: its library may wait for ever, so that it is not waited for.</summary>
public sealed class CutOffTests
{
    [Fact]
    public async Task A_client_that_is_cut_off_within_a_commit_is_told_and_left_behind_after_ten_seconds()
    {
        await using var proxy = TcpProxy.Start(TimeProvider.System);
        await using var broker = await BrokerHost.StartAsync(new BrokerOptions { AdvertisedPort = proxy.Port }, NullLoggerFactory.Instance, TimeProvider.System);
        proxy.Target = new IPEndPoint(IPAddress.Loopback, broker.Port);
        var (clock, lines, answers) = (new HeldClock(), new List<string>(), new Answers());
        var options = new KafkaCommitLogOptions(Suite.Cluster.Name("pipeline")) { IdleLook = TimeSpan.FromHours(1) };
        Assert.True(options.CallTimeout > TimeSpan.FromSeconds(20), "calls end before it can be told who has ended them");
        await using var log = new KafkaCommitLog(new KafkaConnection(proxy.Address), options, clock, new Lines(lines));
        var state = await log.OpenAsync(null, CancellationToken.None);
        log.Listen(answers);

        proxy.Stall(ProxyWay.Both);
        var calls = clock.Calls;
        log.Commit(new EpochManifest
        {
            Pipeline = "hash", Slot = 0, Incarnation = state.Incarnation, Epoch = 1, At = DateTimeOffset.UnixEpoch, Sources = new Dictionary<string, SourcePosition>(),
            Inserts = new Dictionary<string, ConservationLine>(), State = new StatePositions([], 0),
        });
        // The manifest is handed over, and its delivery is waited for.
        await UntilAsync(() => clock.Calls >= calls + 2, () => "the commit does not begin");
        // A broker that is slow has the whole time of the call.
        clock.Step(TimeSpan.FromSeconds(9));
        clock.Look();
        clock.Step(TimeSpan.FromSeconds(11));
        clock.Look();
        lock (lines) Assert.DoesNotContain(lines, l => l.Contains("left behind", StringComparison.Ordinal) || l.Contains("can be reached", StringComparison.Ordinal));

        await proxy.RefuseAsync();
        proxy.CutAll();
        var told = $"Warning: Kafka client: none of the brokers on {proxy.Address} can be reached: what was not committed is read again, by a new client, once one answers";
        await UntilAsync(() => lines.Contains(told), () => string.Join('\n', lines));
        clock.Look();
        Assert.Equal("the Kafka client did not deliver the records in 10 s", (await answers.NextAsync<TimeoutException>()).Message);
        lock (lines)
        {
            Assert.Contains(lines, l => l.Contains("does not come back from the call to deliver the records; it is left behind", StringComparison.Ordinal));
            Assert.Single(lines, told);
        }

        async Task UntilAsync(Func<bool> condition, Func<string> state)
        {
            for (var i = 0; ; i++)
            {
                lock (lines)
                {
                    if (condition()) return;
                    Assert.True(i < 6000, state());
                }
                await Task.Delay(5);
            }
        }
    }

    /// <summary>Stands but for its steps, and looks after the calls of the client only when it is told to; what is delayed otherwise is so in real time.</summary>
    private sealed class HeldClock : TimeProvider
    {
        private long _now = 1;
        private int _calls;
        private Action? _look;

        /// <summary>How often the log's own thread has looked at it: once for each call of the client.</summary>
        public int Calls => Volatile.Read(ref _calls);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp()
        {
            if (Thread.CurrentThread.Name?.StartsWith("kafka commit", StringComparison.Ordinal) == true) Interlocked.Increment(ref _calls);
            return Volatile.Read(ref _now);
        }

        public void Step(TimeSpan by) => Interlocked.Add(ref _now, by.Ticks);

        public void Look() => _look!();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (period == Timeout.InfiniteTimeSpan) return base.CreateTimer(callback, state, dueTime, period);
            _look = () => callback(state);
            return base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
