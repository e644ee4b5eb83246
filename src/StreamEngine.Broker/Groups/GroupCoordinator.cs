using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Topics;

namespace StreamEngine.Broker.Groups;

/// <summary>
/// Membership of consumer groups, the classic protocol (KIP-62, KIP-394): members join, the first of them assigns, all sync. A static member (KIP-345) that starts
/// again takes its own place, and whoever had it is fenced. It lives in memory: after a restart members are unknown and join again, with their committed offsets where
/// they were.
/// </summary>
internal sealed class GroupCoordinator(ulong seed, long startedAt, int maxGroups)
{
    public const int MaxMembers = 1000;

    /// <summary>Each member's protocols are held against every other's; clients have two or three.</summary>
    private const int MaxProtocols = 32;
    private const int MaxMetadata = 1 << 20;
    private const int MaxSessionMs = 1_800_000;
    private const int MaxRebalanceMs = 1_800_000;
    private const int LeastPostponedMs = 1000;
    private readonly SortedDictionary<string, Group> _groups = new(StringComparer.Ordinal);
    private readonly ulong _seed = seed ^ (ulong)startedAt;
    private long _members;

    public long NextDeadline { get; private set; } = long.MaxValue;

    public IEnumerable<Group> All => _groups.Values;

    public Group? Find(string group) => _groups.GetValueOrDefault(group);

    public bool HasMembers(string group) => Find(group) is { Members.Count: > 0 };

    public void Join(JoinRequest request, Action<JoinResult> answer, long now)
    {
        if (CheckJoin(request) is var error && error != ErrorCode.None)
        {
            answer(JoinResult.Failed(error, request.MemberId));
            return;
        }
        if (!_groups.TryGetValue(request.Group, out var group)) _groups[request.Group] = group = new Group(request.Group);
        var id = request.MemberId;
        if (request.InstanceId is not null)
        {
            if (id.Length == 0 && group.PlaceOf(request) is { } before)
            {
                Replace(group, before, NewId(request.InstanceId), request, answer, now);
                NextDeadline = Math.Min(NextDeadline, group.NextDeadline());
                return;
            }
            if (id.Length > 0 && CheckStatic(group, id, request.InstanceId) is var fenced && fenced != ErrorCode.None)
            {
                Forget(group);
                answer(JoinResult.Failed(fenced, id));
                return;
            }
        }
        if (id.Length == 0)
        {
            id = NewId(request.InstanceId ?? request.ClientId);
            if (request.NeedsKnownId)
            {
                // A client whose first answer is lost would leave a member behind that nobody is: so the id is promised first.
                group.Promised[id] = now + request.SessionTimeoutMs;
                NextDeadline = Math.Min(NextDeadline, group.NextDeadline());
                answer(JoinResult.Failed(ErrorCode.MemberIdRequired, id));
                return;
            }
        }
        else if (!group.Promised.Remove(id) && group.Find(id) is null)
        {
            Forget(group);
            answer(JoinResult.Failed(ErrorCode.UnknownMemberId, id));
            return;
        }
        Admit(group, id, request, answer, now);
        NextDeadline = Math.Min(NextDeadline, group.NextDeadline());
    }

    public void Sync(string groupId, int generation, string memberId, IReadOnlyDictionary<string, byte[]> assignments, Action<SyncResult> answer, long now,
        string? instanceId = null)
    {
        var error = Check(groupId, generation, memberId, instanceId, out var group, out var member);
        if (error == ErrorCode.None && group!.State == GroupState.PreparingRebalance) error = ErrorCode.RebalanceInProgress;
        if (error != ErrorCode.None)
        {
            answer(new SyncResult(error, null, null, []));
            return;
        }
        Touch(member!, now);
        member!.Syncing = answer;
        if (group!.State == GroupState.CompletingRebalance)
        {
            if (member.Id != group.Leader) return;
            foreach (var one in group.Members) one.Assignment = assignments.GetValueOrDefault(one.Id) ?? [];
            group.State = GroupState.Stable;
        }
        foreach (var one in group.Members.Where(m => m.Syncing is not null)) AnswerSync(group, one, ErrorCode.None);
    }

    public ErrorCode Heartbeat(string groupId, int generation, string memberId, long now, string? instanceId = null)
    {
        var error = Check(groupId, generation, memberId, instanceId, out var group, out var member);
        if (error != ErrorCode.None) return error;
        Touch(member!, now);
        return group!.State == GroupState.PreparingRebalance ? ErrorCode.RebalanceInProgress : ErrorCode.None;
    }

    /// <summary>A static member is removed by its instance id alone by who administers the group, or with its member id by itself.</summary>
    public ErrorCode Leave(string groupId, string memberId, long now, string? instanceId = null)
    {
        if (Find(groupId) is not { } group) return ErrorCode.UnknownMemberId;
        if (instanceId is not null)
        {
            if (group.FindStatic(instanceId) is not { } holder) return ErrorCode.UnknownMemberId;
            if (memberId.Length > 0 && memberId != holder.Id) return ErrorCode.FencedInstanceId;
            Remove(group, holder, now);
            return ErrorCode.None;
        }
        if (group.Promised.Remove(memberId))
        {
            Progress(group, now);
            return ErrorCode.None;
        }
        if (group.Find(memberId) is not { } member) return ErrorCode.UnknownMemberId;
        Remove(group, member, now);
        return ErrorCode.None;
    }

    /// <summary>Whether who commits offsets may: a member of the present generation, or nobody's member while the group has none.</summary>
    public ErrorCode CheckCommit(string groupId, int generation, string memberId, bool transactional, string? instanceId = null)
    {
        if (memberId.Length == 0 && generation < 0) return transactional || !HasMembers(groupId) ? ErrorCode.None : ErrorCode.UnknownMemberId;
        var error = Check(groupId, generation, memberId, instanceId, out var group, out _);
        return error == ErrorCode.None && !transactional && group!.State == GroupState.CompletingRebalance ? ErrorCode.RebalanceInProgress : error;
    }

    /// <summary>Takes silent members for dead, and ends rebalances whose time is up without those who did not come.</summary>
    public void Advance(long now)
    {
        if (now < NextDeadline) return;
        foreach (var group in _groups.Values.ToList())
        {
            foreach (var id in group.Promised.Where(p => p.Value <= now).Select(p => p.Key).ToList()) group.Promised.Remove(id);
            foreach (var member in group.Members.Where(m => m.Joining is null && m.Deadline <= now).ToList()) Remove(group, member, now);
            if (group.State == GroupState.PreparingRebalance && group.RebalanceDeadline <= now)
            {
                group.Promised.Clear();
                // The place of a static member that is away is kept until its session ends.
                group.Members.RemoveAll(m => m is { Joining: null, InstanceId: null });
                Progress(group, now, isDue: true);
                continue;
            }
            Progress(group, now);
        }
        NextDeadline = _groups.Count == 0 ? long.MaxValue : _groups.Values.Min(g => g.NextDeadline());
    }

    private ErrorCode CheckJoin(JoinRequest request)
    {
        if (request.Group.Length == 0) return ErrorCode.InvalidGroupId;
        if (request.SessionTimeoutMs is <= 0 or > MaxSessionMs) return ErrorCode.InvalidSessionTimeout;
        if (request.ProtocolType.Length == 0 || request.Protocols.Count == 0) return ErrorCode.InconsistentGroupProtocol;
        if (request.Protocols.Count > MaxProtocols || request.Protocols.Sum(p => (long)p.Metadata.Length) > MaxMetadata) return ErrorCode.InvalidRequest;
        var group = Find(request.Group);
        if (group is null)
            return request.MemberId.Length > 0 ? ErrorCode.UnknownMemberId : _groups.Count < maxGroups ? ErrorCode.None : ErrorCode.CoordinatorNotAvailable;
        if (group.PlaceOf(request) is null && group.Members.Count + group.Promised.Count >= MaxMembers && !group.Promised.ContainsKey(request.MemberId))
            return ErrorCode.GroupMaxSizeReached;
        return group.Accepts(request) ? ErrorCode.None : ErrorCode.InconsistentGroupProtocol;
    }

    private void Admit(Group group, string id, JoinRequest request, Action<JoinResult> answer, long now)
    {
        var member = group.Find(id);
        var isSame = member is not null && member.Protocols.Count == request.Protocols.Count
            && member.Protocols.Zip(request.Protocols).All(p => p.First.Name == p.Second.Name && p.First.Metadata.AsSpan().SequenceEqual(p.Second.Metadata));
        if (member is null) group.Members.Add(member = new Member(id));
        Describe(group, member, request, now);
        // A repeated join in a round that is through gets the same answer; only the leader's, or a changed one, starts a new round.
        var isRepeat = isSame && (group.State == GroupState.CompletingRebalance || (group.State == GroupState.Stable && id != group.Leader));
        member.Joining = answer;
        if (isRepeat) AnswerJoin(group, member);
        else Rebalance(group, now);
    }

    private static void Describe(Group group, Member member, JoinRequest request, long now)
    {
        member.ClientId = request.ClientId;
        member.InstanceId = request.InstanceId;
        member.SessionTimeoutMs = request.SessionTimeoutMs;
        member.RebalanceTimeoutMs = Math.Clamp(request.RebalanceTimeoutMs, 0, MaxRebalanceMs);
        member.Protocols = request.Protocols;
        group.ProtocolType = request.ProtocolType;
        Touch(member, now);
    }

    /// <summary>A static member starts again: it takes its place with its partitions, without a new round while the group's protocol stays.</summary>
    private void Replace(Group group, Member before, string id, JoinRequest request, Action<JoinResult> answer, long now)
    {
        before.Joining?.Invoke(JoinResult.Failed(ErrorCode.FencedInstanceId, before.Id));
        before.Syncing?.Invoke(new SyncResult(ErrorCode.FencedInstanceId, null, null, []));
        var leader = group.Leader;
        var member = new Member(id) { Assignment = before.Assignment };
        group.Members[group.Members.IndexOf(before)] = member;
        Describe(group, member, request, now);
        if (group.State != GroupState.Stable || group.CommonProtocol() != group.Protocol)
        {
            member.Joining = answer;
            Rebalance(group, now);
            return;
        }
        // It does not assign again, as the leader of a new round would: an old client takes another one for the leader, a newer one is told to skip it (KIP-814).
        var leads = before.Id == leader && request.KnowsSkipping;
        answer(new JoinResult(ErrorCode.None, group.Generation, group.ProtocolType, group.Protocol, leads ? id : leader, id, leads ? MembersOf(group) : [], leads));
    }

    private void Rebalance(Group group, long now)
    {
        if (group.State != GroupState.PreparingRebalance)
        {
            foreach (var member in group.Members.Where(m => m.Syncing is not null)) AnswerSync(group, member, ErrorCode.RebalanceInProgress);
            group.State = GroupState.PreparingRebalance;
            group.RebalanceDeadline = now + group.Members.Max(m => m.RebalanceTimeoutMs);
            NextDeadline = Math.Min(NextDeadline, group.RebalanceDeadline);
        }
        Progress(group, now);
    }

    /// <summary>Ends a round of joining when everybody is there; a group that nobody is in any more is empty.</summary>
    /// <param name="group">The group.</param>
    /// <param name="now">The time.</param>
    /// <param name="isDue">The round's time is up: it ends without those who are away.</param>
    private void Progress(Group group, long now, bool isDue = false)
    {
        if (group.Members.Count == 0)
        {
            group.State = GroupState.Empty;
            group.Protocol = null;
            Forget(group);
            return;
        }
        if (group.State != GroupState.PreparingRebalance || group.Promised.Count > 0) return;
        if (group.Members.Find(m => m.Joining is not null) is not { } leader)
        {
            // Static members alone, all away: the end of their sessions ends this too.
            if (isDue) group.RebalanceDeadline = now + Math.Max(LeastPostponedMs, group.Members.Max(m => m.RebalanceTimeoutMs));
            return;
        }
        if (!isDue && group.Members.Exists(m => m.Joining is null)) return;
        // Who is away cannot assign.
        if (group.Members[0].Joining is null)
        {
            group.Members.Remove(leader);
            group.Members.Insert(0, leader);
        }
        group.Generation++;
        group.Protocol = group.CommonProtocol();
        group.State = GroupState.CompletingRebalance;
        foreach (var member in group.Members.ToList())
        {
            member.Assignment = [];
            if (member.Joining is null) continue;
            Touch(member, now);
            AnswerJoin(group, member);
        }
    }

    private void Remove(Group group, Member member, long now)
    {
        member.Joining?.Invoke(JoinResult.Failed(ErrorCode.UnknownMemberId, member.Id));
        member.Syncing?.Invoke(new SyncResult(ErrorCode.UnknownMemberId, null, null, []));
        group.Members.Remove(member);
        if (group.Members.Count > 0) Rebalance(group, now);
        else Progress(group, now);
    }

    private void Forget(Group group)
    {
        if (group.Members.Count == 0 && group.Promised.Count == 0) _groups.Remove(group.Id);
    }

    private static void AnswerJoin(Group group, Member member)
    {
        var answer = member.Joining!;
        member.Joining = null;
        var members = member.Id == group.Leader ? MembersOf(group) : [];
        answer(new JoinResult(ErrorCode.None, group.Generation, group.ProtocolType, group.Protocol, group.Leader, member.Id, members));
    }

    private static List<(string MemberId, string? InstanceId, byte[] Metadata)> MembersOf(Group group) =>
        group.Members.ConvertAll(m => (m.Id, m.InstanceId, m.MetadataOf(group.Protocol)));

    private static void AnswerSync(Group group, Member member, ErrorCode error)
    {
        var answer = member.Syncing!;
        member.Syncing = null;
        answer(new SyncResult(error, group.ProtocolType, group.Protocol, error == ErrorCode.None ? member.Assignment : []));
    }

    private string NewId(string of) => $"{of}-{TopicRegistry.DeriveId(_seed, ++_members)}";

    private static ErrorCode CheckStatic(Group group, string memberId, string instanceId) =>
        group.FindStatic(instanceId) is not { } holder ? ErrorCode.UnknownMemberId : holder.Id == memberId ? ErrorCode.None : ErrorCode.FencedInstanceId;

    private ErrorCode Check(string groupId, int generation, string memberId, string? instanceId, out Group? group, out Member? member)
    {
        group = Find(groupId);
        member = group?.Find(memberId);
        if (group is not null && instanceId is not null && CheckStatic(group, memberId, instanceId) is var fenced && fenced != ErrorCode.None) return fenced;
        if (member is null) return ErrorCode.UnknownMemberId;
        return generation == group!.Generation ? ErrorCode.None : ErrorCode.IllegalGeneration;
    }

    private static void Touch(Member member, long now) => member.Deadline = now + member.SessionTimeoutMs;
}
