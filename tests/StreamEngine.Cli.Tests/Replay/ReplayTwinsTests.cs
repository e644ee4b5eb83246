using StreamEngine.Cli.Tests.Suite;
using StreamEngine.Core;
using StreamEngine.Pipelines.Replay;
using StreamEngine.Pipelines.Running;

namespace StreamEngine.Cli.Tests.Replay;

/// <summary>Two replays into one target: whatever they do side by side, one of them writes, and the other one is told which.</summary>
public sealed class ReplayTwinsTests(BrokerFixture broker) : IClassFixture<BrokerFixture>
{
    /// <summary>Two that have both looked, before either takes the target; who goes on first is up to the test.</summary>
    private sealed class Meeting
    {
        private readonly TaskCompletionSource[] _came = [New(), New()];
        private readonly TaskCompletionSource[] _mayGo = [New(), New()];

        public Task Both => Task.WhenAll(_came.Select(c => c.Task));

        public Func<Task> Of(int hour) => () =>
        {
            _came[hour].SetResult();
            return _mayGo[hour].Task;
        };

        public void LetGo(int hour) => _mayGo[hour].SetResult();

        private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    [Fact]
    public async Task The_same_replay_begun_twice_goes_on_with_what_the_first_has_found()
    {
        await using var lab = await ReplayLab.CreateAsync(broker);
        var second = (await lab.PrepareAsync(0))!;
        // The first one commits its beginning between the second one's look and its claim; it has found another end.
        await lab.BeginAsBeforeAsync(0);
        var refused = await Assert.ThrowsAsync<StartupException>(() => ReplayLab.RunAsync(second));
        Assert.Contains("was begun by another process meanwhile", refused.Message, StringComparison.Ordinal);
        Assert.Empty(await lab.RowsAsync());
        await lab.RunAsync(0);
        Assert.Equal([ReplayLab.RowOf(0)], await lab.RowsAsync());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Of_two_that_have_both_looked_the_second_is_refused(int first)
    {
        await using var lab = await ReplayLab.CreateAsync(broker);
        var (second, meeting) = (1 - first, new Meeting());
        Task<PipelineWorker?>[] starts = [lab.PrepareAsync(0, meeting.Of(0)), lab.PrepareAsync(1, meeting.Of(1))];
        await Task.WhenAny(meeting.Both, starts[0], starts[1]);
        Assert.True(meeting.Both.IsCompleted);
        meeting.LetGo(first);
        var worker = (await starts[first])!;
        meeting.LetGo(second);
        await ReplayLab.IsRefusedAsync(starts[second], lab.Replay(first));
        Assert.Empty(await lab.TopicsOfAsync(lab.Replay(second)));
        await ReplayLab.RunAsync(worker);
        Assert.Equal([ReplayLab.RowOf(first)], await lab.RowsAsync());
        // Nothing that the refused one left makes a difference: it may come as soon as the other one is forgotten.
        await ReplayLab.IsRefusedAsync(lab.PrepareAsync(second), lab.Replay(first));
        await lab.CancelAsync(await lab.FindAsync());
        await lab.RunAsync(second);
        Assert.Equal([ReplayLab.RowOf(second)], await lab.RowsAsync());
    }

    [Fact]
    public async Task Of_two_that_take_it_at_once_one_is_refused()
    {
        await using var lab = await ReplayLab.CreateAsync(broker);
        for (var i = 0; i < 4; i++)
        {
            var meeting = new Meeting();
            Task<PipelineWorker?>[] starts = [lab.PrepareAsync(0, meeting.Of(0)), lab.PrepareAsync(1, meeting.Of(1))];
            await Task.WhenAny(meeting.Both, starts[0], starts[1]);
            Assert.True(meeting.Both.IsCompleted);
            meeting.LetGo(i % 2);
            meeting.LetGo(1 - i % 2);
            await Task.WhenAll(starts).ContinueWith(_ => { }, TaskScheduler.Default);
            var winner = Array.FindIndex(starts, s => s.IsCompletedSuccessfully);
            await ReplayLab.IsRefusedAsync(starts[1 - winner], lab.Replay(winner));
            Assert.Equal(lab.Replay(winner).Id, (await lab.FindAsync()).Id);
            await lab.CancelAsync(await lab.FindAsync());
        }
    }

    [Fact]
    public async Task One_that_died_before_it_had_committed_anything_keeps_its_target_until_it_is_started_again()
    {
        await using var lab = await ReplayLab.CreateAsync(broker);
        Assert.NotNull(await lab.PrepareAsync(0));
        var refused = await Assert.ThrowsAsync<StartupException>(() => lab.PrepareAsync(1));
        Assert.StartsWith($"replay {lab.Replay(0).Id} writes into 'shadow' already: process {Environment.ProcessId} on {Environment.MachineName} began with it at ",
            refused.Message, StringComparison.Ordinal);
        Assert.Contains("stays taken until it is started again or cancelled", refused.Message, StringComparison.Ordinal);
        Assert.Contains("./engine replay start FILE --from 1970-01-01T00:00:00Z --to 1970-01-01T01:00:00Z --into shadow\n", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"./engine replay cancel FILE --id {lab.Replay(0).Id}\n", refused.Message, StringComparison.Ordinal);
        var state = await lab.FindAsync();
        Assert.Equal((lab.Replay(0).Id, "shadow", lab.Replay(0).Range, false, null), (state.Id, state.Bounds.Into, state.Bounds.Range, state.IsFinished, state.Left));
        await lab.RunAsync(0);
        Assert.Equal([ReplayLab.RowOf(0)], await lab.RowsAsync());
        Assert.True((await lab.FindAsync()).IsFinished);
    }

    /// <summary>An engine before this one wrote manifests alone: what it has begun is in the way of others, and is gone on with.</summary>
    [Fact]
    public async Task One_of_an_older_engine_takes_its_target_when_it_goes_on()
    {
        await using var lab = await ReplayLab.CreateAsync(broker);
        await lab.BeginAsBeforeAsync(0);
        await ReplayLab.IsRefusedAsync(lab.PrepareAsync(1), lab.Replay(0));
        Assert.False((await lab.FindAsync()).IsFinished);
        await lab.RunAsync(0);
        Assert.Equal([ReplayLab.RowOf(0)], await lab.RowsAsync());
        await lab.CancelAsync(await lab.FindAsync());
        await lab.RunAsync(1);
        Assert.Equal([ReplayLab.RowOf(1)], await lab.RowsAsync());
    }
}
