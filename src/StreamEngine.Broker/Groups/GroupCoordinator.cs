using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Topics;

namespace StreamEngine.Broker.Groups;

/// <summary>
/// Membership of consumer groups, the classic protocol (KIP-62, KIP-394): members join, the first of them assigns, all sync. It lives in memory: after
/// a restart members are unknown and join again, with their committed offsets where they were.
/// </summary>
internal sealed class GroupCoordinator(ulong seed, long startedAt, int maxGroups)
{
    public const int MaxMembers = 1000;

    /// <summary>Each member's protocols are held against every other's; clients have two or three.</summary>
    private const int MaxProtocols = 32;
    private const int MaxMetadata = 1 << 20;
    private const int MaxSessionMs = 1_800_000;
    private const int MaxRebalanceMs = 1_800_000;
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
        if (id.Length == 0)
        {
            id = $"{request.ClientId}-{TopicRegistry.DeriveId(_seed, ++_members)}";
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

    public void Sync(string groupId, int generation, string memberId, IReadOnlyDictionary<string, byte[]> assignments, Action<SyncResult> answer, long now)
    {
        var error = Check(groupId, generation, memberId, out var group, out var member);
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

    public ErrorCode Heartbeat(string groupId, int generation, string memberId, long now)
    {
        var error = Check(groupId, generation, memberId, out var group, out var member);
        if (error != ErrorCode.None) return error;
        Touch(member!, now);
        return group!.State == GroupState.PreparingRebalance ? ErrorCode.RebalanceInProgress : ErrorCode.None;
    }

    public ErrorCode Leave(string groupId, string memberId, long now)
    {
        if (Find(groupId) is not { } group) return ErrorCode.UnknownMemberId;
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
    public ErrorCode CheckCommit(string groupId, int generation, string memberId, bool transactional)
    {
        if (memberId.Length == 0 && generation < 0) return transactional || !HasMembers(groupId) ? ErrorCode.None : ErrorCode.UnknownMemberId;
        var error = Check(groupId, generation, memberId, out var group, out _);
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
                group.Members.RemoveAll(m => m.Joining is null);
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
        if (group.Find(request.MemberId) is null && group.Members.Count + group.Promised.Count >= MaxMembers && !group.Promised.ContainsKey(request.MemberId))
            return ErrorCode.GroupMaxSizeReached;
        return group.Accepts(request) ? ErrorCode.None : ErrorCode.InconsistentGroupProtocol;
    }

    private void Admit(Group group, string id, JoinRequest request, Action<JoinResult> answer, long now)
    {
        var member = group.Find(id);
        var isSame = member is not null && member.Protocols.Count == request.Protocols.Count
            && member.Protocols.Zip(request.Protocols).All(p => p.First.Name == p.Second.Name && p.First.Metadata.AsSpan().SequenceEqual(p.Second.Metadata));
        if (member is null) group.Members.Add(member = new Member(id));
        member.ClientId = request.ClientId;
        member.InstanceId = request.InstanceId;
        member.SessionTimeoutMs = request.SessionTimeoutMs;
        member.RebalanceTimeoutMs = Math.Clamp(request.RebalanceTimeoutMs, 0, MaxRebalanceMs);
        member.Protocols = request.Protocols;
        group.ProtocolType = request.ProtocolType;
        Touch(member, now);
        // A repeated join in a round that is through gets the same answer; only the leader's, or a changed one, starts a new round.
        var isRepeat = isSame && (group.State == GroupState.CompletingRebalance || (group.State == GroupState.Stable && id != group.Leader));
        member.Joining = answer;
        if (isRepeat) AnswerJoin(group, member);
        else Rebalance(group, now);
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
    private void Progress(Group group, long now)
    {
        if (group.Members.Count == 0)
        {
            group.State = GroupState.Empty;
            group.Protocol = null;
            Forget(group);
            return;
        }
        if (group.State != GroupState.PreparingRebalance || group.Promised.Count > 0 || group.Members.Exists(m => m.Joining is null)) return;
        group.Generation++;
        group.Protocol = group.CommonProtocol();
        group.State = GroupState.CompletingRebalance;
        foreach (var member in group.Members.ToList())
        {
            member.Assignment = [];
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
        var members = member.Id == group.Leader ? group.Members.ConvertAll(m => (m.Id, m.InstanceId, m.MetadataOf(group.Protocol))) : [];
        answer(new JoinResult(ErrorCode.None, group.Generation, group.ProtocolType, group.Protocol, group.Leader, member.Id, members));
    }

    private static void AnswerSync(Group group, Member member, ErrorCode error)
    {
        var answer = member.Syncing!;
        member.Syncing = null;
        answer(new SyncResult(error, group.ProtocolType, group.Protocol, error == ErrorCode.None ? member.Assignment : []));
    }

    private ErrorCode Check(string groupId, int generation, string memberId, out Group? group, out Member? member)
    {
        group = Find(groupId);
        member = group?.Find(memberId);
        if (member is null) return ErrorCode.UnknownMemberId;
        return generation == group!.Generation ? ErrorCode.None : ErrorCode.IllegalGeneration;
    }

    private static void Touch(Member member, long now) => member.Deadline = now + member.SessionTimeoutMs;
}
