using StreamEngine.Compliance.Tests.Suite;
using StreamEngine.Core;
using StreamEngine.Streams;

namespace StreamEngine.Compliance.Tests.Stages;

/// <summary>The end of the graph: appends, commits at barriers, numbers epochs, and never goes on behind an answer that has not come.</summary>
public class CommitStageTests
{
    public static TheoryData<Setting> Settings() => [.. Setting.All];

    private sealed class Rig : IDisposable
    {
        public Rig(Setting setting, EpochManifest? last = null)
        {
            Lab = new StageLab(setting);
            var settings = new CommitSettings("plan", 0, [("out", "source")], 1, TimeSpan.FromSeconds(1), new CommitLogState(7, last));
            Control.AddSource(Commands.Add);
            End = Lab.Run(new CommitStage(settings, Log, Control, Progress, Lab.Clock));
        }

        public StageLab Lab { get; }

        public ScriptedCommitLog Log { get; } = new();

        public EpochControl Control { get; } = new(1);

        public RunProgress Progress { get; } = new();

        public List<SourceCommand> Commands { get; } = [];

        public Task<RunEnd> End { get; }

        public SourceProbe Input => Lab.Sources[0];

        /// <summary>Lets the barrier of the last command come, with so many rows and this offset.</summary>
        public Barrier SendBarrier(long rows, long offset, Action<RowCounts>? change = null, IReadOnlyList<WatermarkMove>? moves = null)
        {
            var barrier = Commands[^1].Barrier!;
            barrier.Report.PutSource("source", new SourcePosition("topic", "id", Watermark.None, new Dictionary<int,
                PartitionPosition> { [0] = new(offset, Watermark.None, moves ?? []) }));
            var counts = new RowCounts { In = rows, Done = rows };
            change?.Invoke(counts);
            barrier.Report.AddSource("source", new RowCounts { In = counts.In });
            counts.In = 0;
            barrier.Report.AddInsert("out", counts);
            Input.Send(barrier);
            Lab.System.Settle();
            return barrier;
        }

        public void Answer()
        {
            Log.Listener.OnCommitted(Log.Commits[^1].Epoch);
            Lab.System.Settle();
        }

        public void Pass(double seconds) => Lab.System.Pass(TimeSpan.FromSeconds(seconds));

        public Batch Output() => Elements.Records(Lab.Scope, BatchRole.Output, 2, "out");

        public void Dispose() => Lab.Dispose();
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void Epochs_follow_one_another_and_nothing_is_taken_while_one_is_committed(Setting setting)
    {
        using var rig = new Rig(setting);
        // The first epoch of a new pipeline comes at once and is always committed.
        Assert.Equal(1, Assert.Single(rig.Commands).Barrier!.Epoch);
        rig.SendBarrier(0, 5);
        Assert.Single(rig.Log.Commits);
        rig.Input.Send(rig.Output());
        rig.Pass(5);
        Assert.Single(rig.Commands);
        Assert.Empty(rig.Log.Appended);
        rig.Answer();
        Assert.Equal(["out"], rig.Log.Appended);
        // The time for the next one was up already.
        Assert.Equal(2, rig.Commands[^1].Barrier!.Epoch);
        rig.SendBarrier(2, 7);
        var manifest = rig.Log.Commits[^1];
        Assert.Equal((2L, 7L, 0, 7L), (manifest.Epoch, manifest.Incarnation, manifest.Slot, manifest.Sources["source"].Partitions[0].Offset));
        Assert.Equal(new ConservationLine(2, 0, 2, 0, 0, 0, 0), manifest.Inserts["out"]);
        rig.Answer();
        Assert.Equal(2, rig.Progress.Epoch);
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void An_epoch_that_changes_nothing_is_not_written_but_offsets_alone_are_at_times(Setting setting)
    {
        using var rig = new Rig(setting);
        rig.SendBarrier(0, 5);
        rig.Answer();
        for (var epoch = 2; epoch <= 9; epoch++)
        {
            rig.Pass(1);
            Assert.Equal(epoch, rig.Commands[^1].Barrier!.Epoch);
            rig.SendBarrier(0, 5 + epoch);
        }
        Assert.Single(rig.Log.Commits);
        rig.Pass(3);
        rig.SendBarrier(0, 30);
        Assert.Equal(2, rig.Log.Commits.Count);
        rig.Answer();
        rig.Pass(1);
        rig.SendBarrier(0, 30, moves: [new WatermarkMove(30, 9)]);
        Assert.Equal(3, rig.Log.Commits.Count);
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void A_refused_append_is_tried_again_when_the_log_is_writable(Setting setting)
    {
        using var rig = new Rig(setting);
        rig.Log.Writable = false;
        rig.Input.Send(rig.Output(), rig.Output());
        rig.Lab.System.Settle();
        rig.Log.Listener.OnWritable();
        rig.Lab.System.Settle();
        Assert.Empty(rig.Log.Appended);
        rig.Log.Writable = true;
        rig.Log.Listener.OnWritable();
        rig.Log.Listener.OnWritable();
        rig.SendBarrier(1, 1);
        Assert.Equal(["out", "out"], rig.Log.Appended);
        Assert.Single(rig.Log.Commits);
        Assert.Equal(0, rig.Lab.Scope.BlocksOut);
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_drain_commits_what_is_there_and_ends(Setting setting)
    {
        using var rig = new Rig(setting);
        rig.Control.Ask(EpochRequest.Drain);
        rig.SendBarrier(3, 3);
        rig.Answer();
        Assert.True(rig.Commands[^1].Last);
        Assert.Equal(2, rig.Commands[^1].Barrier!.Epoch);
        rig.SendBarrier(1, 4);
        rig.Input.Send(End.Instance);
        rig.Lab.System.Settle();
        Assert.False(rig.End.IsCompleted);
        rig.Answer();
        Assert.True(rig.End.IsCompletedSuccessfully);
        var end = await rig.End;
        Assert.Equal((2L, false, false), (end.Last!.Epoch, end.Finished, end.Last.Finished));
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task Finished_sources_end_the_run_and_the_manifest_says_so(Setting setting)
    {
        using var rig = new Rig(setting);
        rig.SendBarrier(3, 3);
        rig.Answer();
        rig.Control.Ask(EpochRequest.SourceFinished);
        rig.Lab.System.Settle();
        Assert.True(rig.Commands[^1].Last);
        rig.SendBarrier(0, 3);
        rig.Answer();
        rig.Input.Send(End.Instance);
        rig.Lab.System.Settle();
        var end = await rig.End;
        Assert.Equal((true, true), (end.Finished, end.Last!.Finished));
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_drain_behind_the_sources_ends_takes_nothing_from_them(Setting setting)
    {
        using var rig = new Rig(setting);
        rig.SendBarrier(3, 3);
        rig.Answer();
        rig.Control.Ask(EpochRequest.SourceFinished);
        rig.Control.Ask(EpochRequest.Drain);
        rig.Lab.System.Settle();
        rig.SendBarrier(0, 3);
        rig.Answer();
        rig.Input.Send(End.Instance);
        rig.Lab.System.Settle();
        var end = await rig.End;
        Assert.Equal((true, true), (end.Finished, end.Last!.Finished));
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_drain_that_finds_the_end_committed_already_leaves_it_so(Setting setting)
    {
        EpochManifest last;
        using (var rig = new Rig(setting))
        {
            rig.SendBarrier(3, 3);
            rig.Answer();
            rig.Control.Ask(EpochRequest.SourceFinished);
            rig.Lab.System.Settle();
            rig.SendBarrier(0, 3);
            last = rig.Log.Commits[^1];
            rig.Answer();
        }
        using var next = new Rig(setting, last);
        next.Control.Ask(EpochRequest.Drain);
        next.Lab.System.Settle();
        next.SendBarrier(0, 3);
        next.Input.Send(End.Instance);
        next.Lab.System.Settle();
        Assert.Empty(next.Log.Commits);
        Assert.True((await next.End).Finished);
        // Rows that came since are another matter.
        using var further = new Rig(setting, last);
        further.Control.Ask(EpochRequest.Drain);
        further.Lab.System.Settle();
        further.SendBarrier(2, 5);
        Assert.False(Assert.Single(further.Log.Commits).Finished);
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void Whatever_goes_wrong_fails_the_run_and_gives_back_what_waits(Setting setting)
    {
        var failures = new (string Message, Action<Rig> Act)[]
        {
            ("unknown outcome", rig => rig.Log.Listener.OnFailed(new TimeoutException("unknown outcome"))),
            ("upstream", rig => rig.Input.Fail(new TimeoutException("upstream"))),
            ("without an End", rig => rig.Input.Complete()),
            ("rows are not conserved", rig => rig.SendBarrier(3, 3, counts => counts.Done = 2)),
            ("which is not being committed", rig => rig.Log.Listener.OnCommitted(5)),
            ("without having been encoded", rig => rig.Input.Send(Elements.Rows(rig.Lab.Scope, (1, 1)))),
            ("stopped before it came to its end", rig => rig.Lab.Stop()),
        };
        foreach (var (message, act) in failures)
        {
            using var rig = new Rig(setting);
            act(rig);
            rig.Lab.System.Settle();
            Assert.True(rig.End.IsFaulted, message);
            var cause = rig.End.Exception!.InnerException!;
            Assert.True(cause.Message.Contains(message, StringComparison.Ordinal) || cause is Akka.Streams.AbruptTerminationException, cause.ToString());
            rig.Input.FreeWaiting();
            Assert.Equal(0, rig.Lab.Scope.BlocksOut);
        }
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void A_failure_gives_back_a_batch_that_was_refused(Setting setting)
    {
        using var rig = new Rig(setting with { Async = false });
        rig.Log.Writable = false;
        rig.Input.Send(rig.Output());
        rig.Lab.System.Settle();
        rig.Log.Listener.OnFailed(new TimeoutException());
        rig.Lab.System.Settle();
        Assert.True(rig.End.IsFaulted);
        Assert.Equal(0, rig.Lab.Scope.BlocksOut);
    }
}
