using StreamEngine.Compliance.Tests.Suite;
using StreamEngine.Core;
using StreamEngine.Streams;

namespace StreamEngine.Compliance.Tests.Stages;

/// <summary>The stage that reads partitions into lanes and alone issues watermarks.</summary>
public class SourceStageTests
{
    private const long Delay = 10;

    public static TheoryData<Setting, int> Settings()
    {
        var data = new TheoryData<Setting, int>();
        foreach (var setting in Setting.All)
            foreach (var lanes in new[] { 1, 2, 3 }) data.Add(setting, lanes);
        return data;
    }

    private sealed class Rig : IAsyncDisposable
    {
        private readonly long[] _newest;
        private long _epoch;

        public Rig(Setting setting, int lanes, long watermark = Watermark.None, long drift = 1000, params PartitionPosition[] positions)
            : this(setting, lanes, watermark, new EventTimeSettings(Delay, TimeSpan.FromSeconds(30), drift), positions)
        {
        }

        public Rig(Setting setting, int lanes, IReadOnlyDictionary<int, IReadOnlyList<WatermarkMove>> moves, params PartitionPosition[] positions)
            : this(setting, lanes, Watermark.None, new EventTimeSettings(Delay, TimeSpan.MaxValue, long.MaxValue / 4), positions, moves)
        {
        }

        public Rig(Setting setting, int lanes, long watermark, EventTimeSettings time, PartitionPosition[] positions, IReadOnlyDictionary<int,
            IReadOnlyList<WatermarkMove>>? moves = null, bool? redrive = null)
        {
            Lab = new StageLab(setting);
            Source = new ScriptedSource(Lab.Scope);
            Redriven = new ScriptedSource(Lab.Scope);
            _newest = [.. positions.Select(p => p.Newest)];
            Feedback = new EventTimeFeedback(_newest);
            var run = new SourceRun(Source, new SourceLayout("topic", "id", positions.Length, new Dictionary<int, long>()),
                positions.Index().ToDictionary(p => p.Index, p => p.Item), watermark)
            {
                EventTime = time,
                Moves = moves ?? new Dictionary<int, IReadOnlyList<WatermarkMove>>(),
                Redrive = redrive is { } first ? new RedriveRun(Redriven, "redrive", 3, 5) { ComesFirst = first } : null,
            };
            Control.SetCommitter(Requests.Add);
            Lab.Run(new SourceStage(run, lanes, Feedback, Control, Progress, Lab.Clock));
        }

        public StageLab Lab { get; }

        public ScriptedSource Source { get; }

        /// <summary>The redrive topic, where the rig has one.</summary>
        public ScriptedSource Redriven { get; }

        public EventTimeFeedback Feedback { get; }

        public EpochControl Control { get; } = new(1);

        public RunProgress Progress { get; } = new();

        public List<EpochRequest> Requests { get; } = [];

        public SourcePosition Barrier(bool last = false)
        {
            var barrier = new Barrier(++_epoch, new EpochReport());
            Control.Tell(new SourceCommand(barrier, last));
            Lab.TakeAll();
            return barrier.Report.Sources()["source"];
        }

        /// <summary>A lane has seen rows up to that time.</summary>
        public void See(int partition, long time)
        {
            Feedback.Report(partition, time);
            Lab.System.Settle();
        }

        public List<long> Watermarks(int lane = 0)
        {
            Lab.TakeAll();
            return [.. Lab.Sinks[lane].Received.OfType<Watermark>().Select(w => w.Time)];
        }

        /// <summary>The lanes take what there is and are done with it.</summary>
        public void Process()
        {
            Lab.TakeAll();
            foreach (var batch in Lab.Sinks.SelectMany(s => s.Received).OfType<Batch>()) Feedback.Processed(batch.Records!.Partition, batch.Records.NextOffset);
        }

        /// <summary>The partition is at its end, nothing moved its watermark for the timeout, and the log says so.</summary>
        public void MakeIdle(int partition)
        {
            Process();
            Source.ReachEnd(partition);
            Lab.System.Pass(TimeSpan.FromSeconds(31));
            Assert.Contains(partition, Source.Queries);
            Source.AnswerEnds(partition);
            Lab.System.Settle();
        }

        public async ValueTask DisposeAsync()
        {
            Lab.Stop();
            await Source.DisposeAsync();
            await Redriven.DisposeAsync();
            Lab.Dispose();
        }
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task The_leaders_epoch_goes_from_the_manifest_to_the_source_and_back(Setting setting, int lanes)
    {
        await using var rig = new Rig(setting, lanes, positions: [At(5) with { LeaderEpoch = 3 }, At(8)]);
        rig.Lab.System.Settle();
        Assert.Equal([new OffsetAndEpoch(5, 3), new OffsetAndEpoch(8)], rig.Source.Started.OrderBy(p => p.Key).Select(p => p.Value));
        rig.Source.Give(0, 4);
        // The answers of the scripted source hold partition and offset.
        var position = rig.Barrier();
        Assert.All(position.Partitions, p => Assert.Equal(100 * p.Key + p.Value.Offset, p.Value.LeaderEpoch));
    }

    private static Rig WithRedrive(Setting setting, int lanes, bool first, params PartitionPosition[] positions) =>
        new(setting, lanes, Watermark.None, new EventTimeSettings(Delay, TimeSpan.FromSeconds(30), 1000), positions, null, first);

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task Redriven_rows_stand_between_the_barriers_that_their_offsets_say_and_know_the_watermark(Setting setting, int lanes)
    {
        await using var rig = WithRedrive(setting, lanes, first: false, At(0), At(0));
        var random = rig.Lab.Random;
        var positions = new List<SourcePosition>();
        for (var i = 0; i < 60; i++)
        {
            switch (random.Next(5))
            {
                case 0: positions.Add(rig.Barrier()); break;
                case 1: rig.Lab.Sinks[random.Next(lanes)].Request(random.Next(3)); break;
                case 2: rig.Source.Give(random.Next(2), 1 + random.Next(10)); break;
                case 3: rig.Feedback.Report(0, 100 + i); rig.Feedback.Report(1, 100 + i); break;
                default: rig.Redriven.Give(0, 1 + random.Next(10), new RedrivenRows(null, null)); break;
            }
            if (random.Next(2) == 0) rig.Lab.System.Settle();
        }
        positions.Add(rig.Barrier(last: true));
        var (next, barrier, watermark) = (5L, 0, Watermark.None);
        foreach (var element in rig.Lab.Sinks[0].Received)
        {
            if (element is Watermark issued) watermark = issued.Time;
            if (element is Barrier) Assert.Equal(new RedrivePosition("redrive", 3, next), positions[barrier++].Redrive);
            if (element is not Batch { Records.Redrive: { } redrive } batch) continue;
            Assert.Equal((next, watermark), (FirstOffset(batch), redrive.Watermark));
            next = batch.Records.NextOffset;
        }
        Assert.True(next > 5 && barrier == positions.Count);
        Assert.DoesNotContain(rig.Lab.Sinks.Skip(1), s => s.Received.OfType<Batch>().Any(b => b.Records!.Redrive is not null));
        await rig.Source.DisposeAsync();
        await rig.Redriven.DisposeAsync();
        Assert.Equal(0, rig.Lab.Lost());
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task In_a_replay_they_come_before_everything_and_are_never_late(Setting setting, int lanes)
    {
        await using var rig = WithRedrive(setting, lanes, first: true, At(0, newest: 500), At(0, newest: 500));
        rig.Source.Give(0, 3);
        rig.Source.Give(1, 3);
        rig.Redriven.Give(0, 2, new RedrivenRows("a", null));
        rig.Barrier();
        Assert.All(rig.Lab.Sinks.SelectMany(s => s.Received).OfType<Batch>(), b => Assert.Equal(Watermark.None, b.Records!.Redrive!.Watermark));
        rig.Source.ReachEnd(0, finished: true);
        rig.Source.ReachEnd(1, finished: true);
        rig.Redriven.ReachEnd(0, finished: true);
        rig.Lab.TakeAll();
        Assert.Equal(3, rig.Lab.Sinks.SelectMany(s => s.Received).OfType<Batch>().Count());
        rig.Source.ReachEnd(0, finished: true);
        rig.Source.ReachEnd(1, finished: true);
        rig.Lab.TakeAll();
        Assert.Contains(EpochRequest.SourceFinished, rig.Requests);
    }

    private static PartitionPosition At(long offset, long newest = Watermark.None, bool idle = false) => new(offset, newest, [], idle);

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_barrier_stands_behind_exactly_what_its_offsets_say(Setting setting, int lanes)
    {
        await using var rig = new Rig(setting, lanes, Watermark.None, 1000, At(0), At(100), At(7), At(0));
        var random = rig.Lab.Random;
        var positions = new List<SourcePosition>();
        for (var i = 0; i < 40; i++)
        {
            switch (random.Next(4))
            {
                case 0: positions.Add(rig.Barrier()); break;
                case 1: rig.Lab.Sinks[random.Next(lanes)].Request(random.Next(3)); break;
                default: rig.Source.Give(random.Next(4), 1 + random.Next(10)); break;
            }
            if (random.Next(2) == 0) rig.Lab.System.Settle();
        }
        positions.Add(rig.Barrier(last: true));
        Assert.All(rig.Lab.Sinks, s => Assert.True(s.Completed));
        Assert.All(rig.Lab.Sinks, s => Assert.IsType<End>(s.Received[^1]));
        foreach (var partition in Enumerable.Range(0, 4))
        {
            var lane = Assert.Single(rig.Lab.Sinks, s => s.Received.OfType<Barrier>().Any()
                && (s.Received.OfType<Batch>().Any(b => b.Records!.Partition == partition) || s == rig.Lab.Sinks[partition % lanes]));
            long next = new[] { 0, 100, 7, 0 }[partition];
            var barrier = 0;
            foreach (var element in lane.Received)
            {
                if (element is Barrier) Assert.Equal(next, positions[barrier++].Partitions[partition].Offset);
                if (element is not Batch batch || batch.Records!.Partition != partition) continue;
                Assert.Equal(next, FirstOffset(batch));
                next = batch.Records.NextOffset;
            }
            Assert.Equal(positions.Count, barrier);
        }
        await rig.Source.DisposeAsync();
        Assert.Equal(0, rig.Lab.Lost());
    }

    private static unsafe long FirstOffset(Batch batch) => batch.Records!.Offsets[0];

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task The_watermark_is_the_least_over_the_partitions_that_are_not_idle(Setting setting, int lanes)
    {
        await using var rig = new Rig(setting, lanes, Watermark.None, long.MaxValue / 4, At(0), At(0));
        rig.See(0, 500);
        Assert.Empty(rig.Watermarks());
        rig.See(1, 300);
        rig.See(1, 400);
        rig.See(0, 900);
        Assert.Equal([290, 390], rig.Watermarks());
        rig.MakeIdle(1);
        Assert.Equal([290, 390, 890], rig.Watermarks());
        Assert.True(rig.Barrier().Partitions[1].Idle);
        // It wakes: its rows are lifted to the watermark issued, which the manifest says, and it holds the others back again.
        rig.Source.Give(1, 3);
        rig.Lab.TakeAll();
        var woken = rig.Lab.Sinks[1 % lanes].Received.OfType<Batch>().Last();
        Assert.Equal(890, woken.Records!.IdleFloor);
        rig.See(0, 2000);
        Assert.Equal([290, 390, 890], rig.Watermarks());
        var position = rig.Barrier().Partitions[1];
        Assert.Equal([new WatermarkMove(0, 890)], position.Moves);
        Assert.False(position.Idle);
        rig.See(1, 1500);
        Assert.All(Enumerable.Range(0, lanes), lane => Assert.Equal([290, 390, 890, 1490], rig.Watermarks(lane)));
        Assert.Empty(rig.Barrier().Partitions[1].Moves);
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_partition_whose_rows_still_wait_in_its_lane_is_not_idle(Setting setting, int lanes)
    {
        await using var rig = new Rig(setting, lanes, Watermark.None, long.MaxValue / 4, At(0), At(0));
        rig.See(0, 500);
        rig.Source.Give(1, 3);
        rig.Lab.TakeAll();
        rig.Source.ReachEnd(1);
        // Everything is taken and sent, but the lane is back-pressured: what its rows say is not known yet.
        rig.Lab.System.Pass(TimeSpan.FromMinutes(2));
        Assert.DoesNotContain(1, rig.Source.Queries);
        rig.Source.AnswerEnds(1);
        rig.Lab.System.Settle();
        Assert.False(rig.Barrier().Partitions[1].Idle);
        rig.Process();
        rig.See(1, 700);
        rig.Source.ReachEnd(1);
        rig.Lab.System.Pass(TimeSpan.FromSeconds(31));
        // Committed readers are at the end, but a transaction is open behind it: its rows may yet come.
        Assert.Contains(1, rig.Source.Queries);
        rig.Source.AnswerEnds(1, open: 2);
        rig.Lab.System.Settle();
        Assert.False(rig.Barrier().Partitions[1].Idle);
        Assert.Equal([490], rig.Watermarks());
        rig.MakeIdle(1);
        Assert.True(rig.Barrier().Partitions[1].Idle);
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_quiet_source_goes_on_by_the_clock_where_it_is_asked_to(Setting setting, int lanes)
    {
        var time = new EventTimeSettings(Delay, TimeSpan.FromSeconds(30), long.MaxValue / 4) { CloseByClockAfter = TimeSpan.FromMinutes(5) };
        await using var rig = new Rig(setting, lanes, Watermark.None, time, [At(0), At(0)]);
        rig.See(0, 500);
        rig.See(1, 300);
        rig.MakeIdle(0);
        rig.Lab.System.Pass(TimeSpan.FromMinutes(10));
        // One partition is not idle: the clock says nothing.
        Assert.Equal([290], rig.Watermarks());
        rig.MakeIdle(1);
        var clock = (rig.Lab.Clock.GetUtcNow().UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / 10 - Delay;
        Assert.Equal([290, 490, clock], rig.Watermarks());
        rig.Source.Give(1, 1);
        rig.Lab.TakeAll();
        Assert.Equal(clock, rig.Lab.Sinks[1 % lanes].Received.OfType<Batch>().Last().Records!.IdleFloor);
        Assert.Equal([new WatermarkMove(0, clock)], rig.Barrier().Partitions[1].Moves);
        // It is awake and holds the clock back.
        rig.Lab.System.Pass(TimeSpan.FromMinutes(10));
        Assert.Equal([290, 490, clock], rig.Watermarks());
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_partition_goes_on_as_it_was_restored(Setting setting, int lanes)
    {
        // 0 is ahead, 1 had woken and was catching up from the floor of 890, 2 is idle.
        await using var rig = new Rig(setting, lanes, 890, long.MaxValue / 4, At(10, 2000), At(3, 400), At(5, 300, idle: true));
        rig.See(0, 3000);
        // What was issued before is said again, before any row, and nothing more for now.
        Assert.Equal([890], rig.Watermarks());
        Assert.All(rig.Lab.Sinks, s => Assert.IsType<Watermark>(s.Received[0]));
        rig.Source.Give(1, 2);
        rig.Source.Give(2, 2);
        rig.Lab.TakeAll();
        Assert.All(rig.Lab.Sinks.SelectMany(s => s.Received).OfType<Batch>(), b => Assert.Equal(890, b.Records!.IdleFloor));
        var position = rig.Barrier();
        Assert.Equal(890, position.Watermark);
        Assert.Equal([new WatermarkMove(3, 890)], position.Partitions[1].Moves);
        Assert.Equal([new WatermarkMove(5, 890)], position.Partitions[2].Moves);
        Assert.Empty(position.Partitions[0].Moves);
        rig.See(1, 1200);
        rig.See(2, 1300);
        Assert.Equal([890, 1190], rig.Watermarks());
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_replay_lifts_watermarks_where_the_live_run_did(Setting setting, int lanes)
    {
        var moves = new Dictionary<int, IReadOnlyList<WatermarkMove>> { [0] = [new(1, 100), new(5, 200), new(9, 300)] };
        await using var rig = new Rig(setting, lanes, moves, At(3), At(0));
        rig.Source.Give(0, 2);
        rig.Source.Give(0, 4);
        rig.Source.Give(1, 1);
        rig.Source.Give(0, 1);
        rig.Lab.TakeAll();
        var floors = rig.Lab.Sinks.SelectMany(s => s.Received).OfType<Batch>().Where(b => b.Records!.Partition == 0).Select(b => b.Records!.IdleFloor);
        Assert.Equal([100, 200, 300], floors);
        // The replay's bounds have them already, in each manifest.
        Assert.Empty(rig.Barrier().Partitions[0].Moves);
        Assert.Equal(Watermark.None, rig.Lab.Sinks[1 % lanes].Received.OfType<Batch>().Single(b => b.Records!.Partition == 1).Records!.IdleFloor);
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_partition_too_far_ahead_is_not_read_and_one_at_its_end_holds_nobody_back(Setting setting, int lanes)
    {
        await using var rig = new Rig(setting, lanes, Watermark.None, 1000, At(0), At(0));
        rig.Lab.TakeAll();
        rig.See(1, 100);
        rig.Source.Give(0, 1);
        rig.Lab.System.Settle();
        rig.See(0, 5000);
        rig.Source.Give(0, 1);
        rig.Lab.System.Settle();
        Assert.Single(rig.Lab.Sinks.SelectMany(s => s.Received).OfType<Batch>());
        rig.See(1, 4500);
        Assert.Equal(2, rig.Lab.Sinks.SelectMany(s => s.Received).OfType<Batch>().Count());
        rig.See(0, 9000);
        rig.Source.Give(0, 1);
        rig.Lab.System.Settle();
        Assert.Equal(2, rig.Lab.Sinks.SelectMany(s => s.Received).OfType<Batch>().Count());
        rig.Source.ReachEnd(1);
        rig.Lab.System.Settle();
        Assert.Equal(3, rig.Lab.Sinks.SelectMany(s => s.Received).OfType<Batch>().Count());
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_finished_source_closes_every_window_once_and_says_so(Setting setting, int lanes)
    {
        await using var rig = new Rig(setting, lanes, Watermark.None, 1000, At(0), At(0));
        rig.Lab.TakeAll();
        rig.Source.Give(0, 4);
        rig.Source.ReachEnd(0, finished: true);
        rig.Lab.System.Settle();
        Assert.DoesNotContain(EpochRequest.SourceFinished, rig.Requests);
        rig.Source.ReachEnd(1, finished: true);
        rig.Source.ReachEnd(1, finished: true);
        rig.Lab.System.Settle();
        Assert.Equal([EpochRequest.SourcesStarted, EpochRequest.SourceFinished], rig.Requests);
        rig.See(0, 50);
        Assert.All(Enumerable.Range(0, lanes), lane => Assert.Equal([Watermark.Finished], rig.Watermarks(lane)));
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_failing_source_and_a_lane_that_cancels_fail_all_lanes(Setting setting, int lanes)
    {
        await using var rig = new Rig(setting, lanes, Watermark.None, 1000, At(0));
        rig.Source.Give(0, 4);
        if (setting.Seed % 2 == 0)
        {
            rig.Source.Listener.OnFailed(new TimeoutException("the source"));
            rig.Lab.System.Settle();
            Assert.All(rig.Lab.Sinks, s => Assert.IsType<TimeoutException>(s.Failure));
            return;
        }
        rig.Lab.Sinks[0].Cancel();
        rig.Lab.System.Settle();
        Assert.All(rig.Lab.Sinks.Skip(1), s => Assert.Contains("lane 0 cancelled while rows flow", s.Failure!.Message, StringComparison.Ordinal));
    }
}
