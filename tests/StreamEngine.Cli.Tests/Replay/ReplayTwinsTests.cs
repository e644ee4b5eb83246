using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Cli.Tests.Suite;
using StreamEngine.Core;
using StreamEngine.Kafka.Commits;
using StreamEngine.Pipelines.Commands.Topics;
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

    private static async Task IsRefusedAsync(Task<PipelineWorker?> start, ReplayDefinition by) =>
        Assert.StartsWith($"replay {by.Id} writes into 'shadow' already", (await Assert.ThrowsAsync<StartupException>(() => start)).Message, StringComparison.Ordinal);

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
        await IsRefusedAsync(starts[second], lab.Replay(first));
        Assert.Empty(lab.TopicsOf(lab.Replay(second)));
        await ReplayLab.RunAsync(worker);
        Assert.Equal([ReplayLab.RowOf(first)], await lab.RowsAsync());
        // Nothing that the refused one left makes a difference: it may come as soon as the other one is forgotten.
        await IsRefusedAsync(lab.PrepareAsync(second), lab.Replay(first));
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
            await IsRefusedAsync(starts[1 - winner], lab.Replay(winner));
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

    /// <summary>Killed before its claim, and behind it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_that_died_before_it_had_committed_anything_can_be_cancelled(bool hasClaimed)
    {
        await using var lab = await ReplayLab.CreateAsync(broker);
        Assert.NotNull(await lab.PrepareAsync(0));
        if (hasClaimed)
            await using (var log = new KafkaCommitLog(lab.Connection, new KafkaCommitLogOptions(lab.Replay(0).Definition.QualifiedName), TimeProvider.System,
                NullLogger.Instance)) await log.OpenAsync(null, CancellationToken.None);
        await lab.CancelAsync(await lab.FindAsync());
        Assert.Empty(lab.TopicsOf(lab.Replay(0)));
        Assert.Contains("has no replays", (await Assert.ThrowsAsync<StartupException>(() => lab.FindAsync())).Message, StringComparison.Ordinal);
        await lab.RunAsync(1);
        Assert.Equal([ReplayLab.RowOf(1)], await lab.RowsAsync());
        Assert.Equal(["take", "cancel", "release", "take"], (await broker.ReadAsync(new ReadRequest($"{lab.Name}.replay.targets")))
            .Select(r => JsonDocument.Parse(r.Value).RootElement.GetProperty("kind").GetString()));
    }

    /// <summary>Nothing fences one that has not claimed its slot yet.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_that_is_cancelled_between_its_start_and_its_claim_writes_nothing(bool another)
    {
        await using var lab = await ReplayLab.CreateAsync(broker);
        var worker = (await lab.PrepareAsync(0))!;
        await lab.CancelAsync(await lab.FindAsync());
        if (another) Assert.NotNull(await lab.PrepareAsync(1));
        var cancelled = await Assert.ThrowsAsync<FencedException>(() => worker.RunAsync(CancellationToken.None));
        Assert.StartsWith($"replay {lab.Replay(0).Id} was cancelled by somebody else", cancelled.Message, StringComparison.Ordinal);
        if (another) Assert.EndsWith($"replay {lab.Replay(1).Id} writes into 'shadow' now", cancelled.Message, StringComparison.Ordinal);
        Assert.Empty(await lab.RowsAsync());
        await lab.RunAsync(another ? 1 : 0);
        Assert.Equal([ReplayLab.RowOf(another ? 1 : 0)], await lab.RowsAsync());
    }

    /// <summary>
    /// A process that claims its slot behind the fence is not fenced: that it must not begin stands where it has taken its target, before anything is deleted.
    /// </summary>
    [Fact]
    public async Task One_whose_cancelling_has_begun_does_not_begin_and_is_cancelled_to_the_end()
    {
        await using var lab = await ReplayLab.CreateAsync(broker);
        var worker = (await lab.PrepareAsync(0))!;
        var targets = new TargetLog(lab.Connection, lab.Name, TimeProvider.System);
        await targets.CancelAsync((await targets.ReadAsync(lab.Topics, CancellationToken.None)).Of("shadow")!, CancellationToken.None);
        var cancelled = await Assert.ThrowsAsync<FencedException>(() => worker.RunAsync(CancellationToken.None));
        Assert.Equal($"replay {lab.Replay(0).Id} was cancelled by somebody else", cancelled.Message);
        Assert.Empty(await lab.RowsAsync());
        var refused = await Assert.ThrowsAsync<StartupException>(() => lab.PrepareAsync(0));
        Assert.StartsWith($"replay {lab.Replay(0).Id} is being cancelled, or was in part\n", refused.Message, StringComparison.Ordinal);
        await IsRefusedAsync(lab.PrepareAsync(1), lab.Replay(0));
        Assert.True((await lab.FindAsync()).IsCancelled);
        await lab.CancelAsync(await lab.FindAsync());
        await lab.RunAsync(0);
        Assert.Equal([ReplayLab.RowOf(0)], await lab.RowsAsync());
    }

    /// <summary>An engine before this one wrote manifests alone: what it has begun is in the way of others, and is gone on with.</summary>
    [Fact]
    public async Task One_of_an_older_engine_takes_its_target_when_it_goes_on()
    {
        await using var lab = await ReplayLab.CreateAsync(broker);
        await lab.BeginAsBeforeAsync(0);
        await IsRefusedAsync(lab.PrepareAsync(1), lab.Replay(0));
        Assert.False((await lab.FindAsync()).IsFinished);
        await lab.RunAsync(0);
        Assert.Equal([ReplayLab.RowOf(0)], await lab.RowsAsync());
        await lab.CancelAsync(await lab.FindAsync());
        await lab.RunAsync(1);
        Assert.Equal([ReplayLab.RowOf(1)], await lab.RowsAsync());
    }

    /// <summary>One that an older engine has finished never took its target: it is cancelled as it was before.</summary>
    [Fact]
    public async Task One_of_an_older_engine_is_cancelled_without_having_taken_anything()
    {
        await using var lab = await ReplayLab.CreateAsync(broker);
        await lab.BeginAsBeforeAsync(0);
        await lab.CancelAsync(await lab.FindAsync());
        Assert.DoesNotContain(lab.Topics.List(), t => t.Name.StartsWith($"{lab.Name}.replay.", StringComparison.Ordinal));
        await lab.RunAsync(1);
    }
}
