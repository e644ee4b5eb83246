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

    private JoinResult? JoinStatic(string instance, string known = "", bool knowsSkipping = false, string protocol = "range")
    {
        JoinResult? result = null;
        _groups.Join(new JoinRequest("g", known, instance, "c", 10_000, 5000, "consumer", [(protocol, [1])], false, knowsSkipping), r => result = r, _now);
        return result;
    }

    private SyncResult? SyncStatic(int generation, string id, string instance, params (string Id, byte[] Assignment)[] assignments)
    {
        SyncResult? result = null;
        _groups.Sync("g", generation, id, assignments.ToDictionary(a => a.Id, a => a.Assignment), r => result = r, _now, instance);
        return result;
    }

    [Fact]
    public void A_static_member_that_starts_again_takes_its_place_and_the_old_one_is_fenced()
    {
        var old = JoinStatic("i")!;
        Assert.Equal((ErrorCode.None, old.MemberId), (old.Error, old.Leader));
        Assert.Equal([7], SyncStatic(1, old.MemberId, "i", (old.MemberId, [7]))!.Assignment);

        var again = JoinStatic("i")!;
        Assert.Equal((ErrorCode.None, 1, false), (again.Error, again.Generation, again.SkipAssignment));
        Assert.NotEqual(old.MemberId, again.MemberId);
        // It would assign anew as a leader, and takes the old one for that.
        Assert.Equal(old.MemberId, again.Leader);
        Assert.Equal([7], SyncStatic(1, again.MemberId, "i")!.Assignment);
        Assert.Single(_groups.Find("g")!.Members);

        Assert.Equal(ErrorCode.FencedInstanceId, _groups.Heartbeat("g", 1, old.MemberId, _now, "i"));
        Assert.Equal(ErrorCode.FencedInstanceId, SyncStatic(1, old.MemberId, "i")!.Error);
        Assert.Equal(ErrorCode.FencedInstanceId, JoinStatic("i", old.MemberId)!.Error);
        Assert.Equal(ErrorCode.FencedInstanceId, _groups.CheckCommit("g", 1, old.MemberId, transactional: false, "i"));
        Assert.Equal(ErrorCode.FencedInstanceId, _groups.CheckCommit("g", 1, old.MemberId, transactional: true, "i"));
        Assert.Equal(ErrorCode.FencedInstanceId, _groups.Leave("g", old.MemberId, _now, "i"));
        Assert.Equal(ErrorCode.None, _groups.Heartbeat("g", 1, again.MemberId, _now, "i"));
        Assert.Equal(ErrorCode.UnknownMemberId, JoinStatic("other", again.MemberId)!.Error);

        // A client that can be told to assign nothing learns who is in the group (KIP-814).
        JoinStatic("i");
        var leader = _groups.Find("g")!.Leader;
        var told = JoinStatic("i", knowsSkipping: true)!;
        Assert.NotEqual(leader, told.MemberId);
        Assert.Equal((told.MemberId, true, 1), (told.Leader, told.SkipAssignment, told.Members.Count));
        // With other protocols alone there is another round; by its instance id anybody may take it out.
        Assert.Equal(2, JoinStatic("i", protocol: "sticky")!.Generation);
        Assert.Equal(ErrorCode.None, _groups.Leave("g", "", _now, "i"));
        Assert.Null(_groups.Find("g"));
    }

    [Fact]
    public void A_static_member_that_starts_again_within_a_round_ends_the_wait_of_the_old_one()
    {
        var one = JoinAlone();
        JoinResult? before = null;
        _groups.Join(new JoinRequest("g", "", "i", "c", 10_000, 5000, "consumer", [("range", [1])], false), r => before = r, _now);
        Assert.Null(before);
        Assert.Null(JoinStatic("i"));
        Assert.Equal(ErrorCode.FencedInstanceId, before!.Error);
        var leads = Join(out _, one)!;
        Assert.Equal((2, one, 2), (leads.Generation, leads.Leader, leads.Members.Count));
    }

    [Fact]
    public void A_static_member_that_is_away_keeps_its_place_until_its_session_ends()
    {
        var one = JoinStatic("i")!.MemberId;
        SyncStatic(1, one, "i", (one, [7]));
        JoinResult? second = null;
        _groups.Join(new JoinRequest("g", "", null, "c", 1_000_000, 5000, "consumer", [("range", [1])], false), r => second = r, _now);
        _now += 5000;
        _groups.Advance(_now);
        // Its partitions are the new leader's to give.
        Assert.Equal((2, second!.MemberId), (second.Generation, second.Leader));
        Assert.Equal([second.MemberId, one], second.Members.Select(m => m.MemberId));
        SyncResult? sync = null;
        _groups.Sync("g", 2, second.MemberId, new Dictionary<string, byte[]> { [one] = [8] }, r => sync = r, _now);
        Assert.Empty(sync!.Assignment);
        Assert.Equal(ErrorCode.IllegalGeneration, _groups.Heartbeat("g", 1, one, _now, "i"));
        Assert.Equal(2, JoinStatic("i", one)!.Generation);
        Assert.Equal([8], SyncStatic(2, one, "i")!.Assignment);
        _now += 10_000;
        _groups.Advance(_now);
        Assert.Equal([second.MemberId], _groups.Find("g")!.Members.Select(m => m.Id));
    }

    [Fact]
    public void A_round_to_which_nobody_of_static_members_comes_ends_with_their_sessions()
    {
        var one = JoinStatic("i")!.MemberId;
        SyncStatic(1, one, "i", (one, [7]));
        // Somebody starts a round and leaves it.
        string? id = null;
        _groups.Join(new JoinRequest("g", "", null, "c", 6000, 5000, "consumer", [("range", [1])], true), r => id = r.MemberId, _now);
        _groups.Join(new JoinRequest("g", id!, null, "c", 6000, 5000, "consumer", [("range", [1])], true), static _ => { }, _now);
        Assert.Equal(ErrorCode.None, _groups.Leave("g", id!, _now));
        Assert.Equal(GroupState.PreparingRebalance, _groups.Find("g")!.State);
        _now += 5000;
        _groups.Advance(_now);
        Assert.Single(_groups.Find("g")!.Members);
        Assert.True(_groups.NextDeadline > _now, "it would be looked at again and again");
        _now += 5000;
        _groups.Advance(_now);
        Assert.Null(_groups.Find("g"));
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
