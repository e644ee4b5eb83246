using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Cli.Tests.Suite;
using StreamEngine.Core;
using StreamEngine.Kafka.Commits;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Pipelines.Replay;

namespace StreamEngine.Cli.Tests.Replay;

/// <summary>A replay that is cancelled before it has committed anything: it does not begin any more, and its target is free for others.</summary>
public sealed class CancelledReplayTests(BrokerFixture broker) : IClassFixture<BrokerFixture>
{
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
        Assert.Empty(await lab.TopicsOfAsync(lab.Replay(0)));
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
        await ReplayLab.IsRefusedAsync(lab.PrepareAsync(1), lab.Replay(0));
        Assert.True((await lab.FindAsync()).IsCancelled);
        await lab.CancelAsync(await lab.FindAsync());
        await lab.RunAsync(0);
        Assert.Equal([ReplayLab.RowOf(0)], await lab.RowsAsync());
    }

    /// <summary>One that an older engine has finished never took its target: it is cancelled as it was before.</summary>
    [Fact]
    public async Task One_of_an_older_engine_is_cancelled_without_having_taken_anything()
    {
        await using var lab = await ReplayLab.CreateAsync(broker);
        await lab.BeginAsBeforeAsync(0);
        await lab.CancelAsync(await lab.FindAsync());
        Assert.DoesNotContain(await lab.Topics.ListAsync(CancellationToken.None), t => t.Name.StartsWith($"{lab.Name}.replay.", StringComparison.Ordinal));
        await lab.RunAsync(1);
    }
}
