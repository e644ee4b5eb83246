using StreamEngine.Core;
using StreamEngine.Pipelines.Replay;

namespace StreamEngine.Pipelines.Tests.Replay;

/// <summary>Who holds a target follows from the records' order, and from nothing else.</summary>
public class TargetHoldersTests
{
    private readonly TargetHolders _holders = new();
    private long _end;

    // Each is stamped before the one before it.
    private void Take(string replay, string into = "shadow") => _holders.Add(_end, TargetJson.Write(new TargetTake(replay, into, new EventTimeRange(0, 1), "h", 1,
        DateTimeOffset.UnixEpoch.AddDays(-_end++))));

    private void Release(string replay, long taken, string into = "shadow") => End(replay, taken, into, isFree: true);

    private void End(string replay, long taken, string into, bool isFree) =>
        _holders.Add(_end++, TargetJson.Write(new TargetEnd(replay, into, taken, isFree, DateTimeOffset.UnixEpoch)));

    private string? Holder(string into = "shadow") => _holders.Of(into)?.Take.Replay;

    [Fact]
    public void The_first_has_it_whatever_the_clocks_say()
    {
        Assert.Null(Holder());
        Take("b");
        Take("a");
        Assert.Equal("b", Holder());
        Assert.Equal((0, 1), (_holders.Of("shadow")!.Offset, _holders.Seen));
    }

    [Fact]
    public void One_that_came_second_gets_it_by_taking_it_again_and_not_by_the_firsts_release()
    {
        Take("a");
        Take("b");
        Release("a", 0);
        Assert.Null(Holder());
        Take("b");
        Assert.Equal("b", Holder());
    }

    [Fact]
    public void A_release_frees_what_it_names_and_nothing_that_was_taken_since()
    {
        Take("a");
        Release("a", 0);
        Take("a");
        Release("a", 0);
        Assert.Equal("a", Holder());
        Release("b", 1);
        Assert.Equal("a", Holder());
        Release("a", 2);
        Assert.Null(Holder());
    }

    [Fact]
    public void One_that_is_being_cancelled_holds_it_until_that_is_done()
    {
        Take("a");
        End("a", 0, "shadow", isFree: false);
        Take("b");
        Take("a");
        Assert.Equal(("a", true, 0), (Holder(), _holders.Of("shadow")!.IsCancelled, _holders.Of("shadow")!.Offset));
        Release("a", 0);
        Take("a");
        Assert.Equal(("a", false), (Holder(), _holders.Of("shadow")!.IsCancelled));
        End("a", 0, "shadow", isFree: false);
        Assert.False(_holders.Of("shadow")!.IsCancelled);
    }

    [Fact]
    public void Targets_are_apart()
    {
        Take("a");
        Take("b", "shadow2");
        Assert.Equal(["a", "b"], _holders.All.Select(h => h.Take.Replay));
        Release("a", 0, "shadow2");
        Release("a", 0);
        Assert.Equal((null, "b"), (Holder(), Holder("shadow2")));
    }
}
