using StreamEngine.Broker.Groups;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Core;

/// <summary>Membership by the core's clock alone.</summary>
public class GroupTests
{
    private readonly GroupCoordinator _groups = new(1, 0, 10);
    private long _now;

    private JoinResult? Join(out string id, string known = "", int session = 10_000, string protocol = "range", bool promise = true)
    {
        JoinResult? result = null;
        _groups.Join(new JoinRequest("g", known, null, "c", session, 5000, "consumer", [(protocol, [1])], promise), r => result = r, _now);
        id = result?.MemberId ?? known;
        return result;
    }

    private string JoinAlone(int session = 10_000)
    {
        Assert.Equal(ErrorCode.MemberIdRequired, Join(out var id, session: session)!.Error);
        var joined = Join(out _, id, session)!;
        Assert.Equal((ErrorCode.None, id, 1), (joined.Error, joined.Leader, joined.Members.Count));
        SyncResult? sync = null;
        _groups.Sync("g", joined.Generation, id, new Dictionary<string, byte[]> { [id] = [7] }, r => sync = r, _now);
        Assert.Equal([7], sync!.Assignment);
        return id;
    }

    [Fact]
    public void A_second_member_makes_the_first_join_again()
    {
        var one = JoinAlone();
        Join(out var two);
        // A promised id is waited for, but the round begins with its join.
        Assert.Equal(ErrorCode.None, _groups.Heartbeat("g", 1, one, _now));
        JoinResult? second = null, first = null;
        _groups.Join(new JoinRequest("g", two, null, "c", 10_000, 5000, "consumer", [("range", [1])], true), r => second = r, _now);
        Assert.Null(second);
        Assert.Equal(ErrorCode.RebalanceInProgress, _groups.Heartbeat("g", 1, one, _now));
        _groups.Join(new JoinRequest("g", one, null, "c", 10_000, 5000, "consumer", [("range", [1])], true), r => first = r, _now);
        Assert.Equal((2, 2, one), (first!.Generation, second!.Generation, second.Leader));
        Assert.Equal((2, 0), (first.Members.Count, second.Members.Count));

        SyncResult? waits = null, leads = null;
        _groups.Sync("g", 2, two, new Dictionary<string, byte[]>(), r => waits = r, _now);
        Assert.Null(waits);
        Assert.Equal(ErrorCode.RebalanceInProgress, _groups.CheckCommit("g", 2, two, transactional: false));
        _groups.Sync("g", 2, one, new Dictionary<string, byte[]> { [one] = [1], [two] = [2] }, r => leads = r, _now);
        Assert.Equal([1], leads!.Assignment);
        Assert.Equal([2], waits!.Assignment);
        Assert.Equal(ErrorCode.IllegalGeneration, _groups.Heartbeat("g", 1, two, _now));
        Assert.Equal(ErrorCode.None, _groups.CheckCommit("g", 2, two, transactional: true));
        Assert.Equal(ErrorCode.UnknownMemberId, _groups.CheckCommit("g", -1, "", transactional: false));
    }

    [Fact]
    public void A_silent_member_is_dropped_and_a_group_without_members_is_forgotten()
    {
        var one = JoinAlone();
        _now += 9_000;
        Assert.Equal(ErrorCode.None, _groups.Heartbeat("g", 1, one, _now));
        _now += 9_999;
        _groups.Advance(_now);
        Assert.True(_groups.HasMembers("g"));
        _now += 1;
        Assert.True(_groups.NextDeadline <= _now);
        _groups.Advance(_now);
        Assert.Null(_groups.Find("g"));
        Assert.Equal(ErrorCode.UnknownMemberId, _groups.Heartbeat("g", 1, one, _now));
        Assert.Equal(ErrorCode.UnknownMemberId, Join(out _, one)!.Error);
    }

    [Fact]
    public void A_round_ends_without_who_does_not_come()
    {
        var one = JoinAlone(session: 1_000_000);
        Join(out var two, session: 1_000_000);
        JoinResult? second = null;
        _groups.Join(new JoinRequest("g", two, null, "c", 1_000_000, 5000, "consumer", [("range", [1])], true), r => second = r, _now);
        _now += 5000;
        _groups.Advance(_now);
        Assert.Equal((two, 2), (second!.Leader, second.Generation));
        Assert.Equal(ErrorCode.UnknownMemberId, _groups.Heartbeat("g", 2, one, _now));
    }

    [Fact]
    public void Members_must_have_a_protocol_in_common_and_groups_are_counted()
    {
        JoinAlone();
        Assert.Equal(ErrorCode.InconsistentGroupProtocol, Join(out _, protocol: "other")!.Error);
        for (var i = 0; i < 9; i++)
            _groups.Join(new JoinRequest($"g{i}", "", null, "c", 1000, 1000, "consumer", [("range", [])], false), static r =>
                Assert.Equal(ErrorCode.None, r.Error), _now);
        _groups.Join(new JoinRequest("one too many", "", null, "c", 1000, 1000, "consumer", [("range", [])], false), static r =>
            Assert.Equal(ErrorCode.CoordinatorNotAvailable, r.Error), _now);
    }
}
