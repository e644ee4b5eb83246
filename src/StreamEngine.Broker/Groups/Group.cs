namespace StreamEngine.Broker.Groups;

/// <summary>The states of a group with members (KIP-62); the names are those that DescribeGroups gives.</summary>
internal enum GroupState
{
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
}

/// <summary>
/// A consumer asks to join; <see cref="MemberId"/> is empty the first time. A leader that <see cref="KnowsSkipping"/> may be told to assign nothing (KIP-814).
/// </summary>
internal sealed record JoinRequest(
    string Group, string MemberId, string? InstanceId, string ClientId, int SessionTimeoutMs, int RebalanceTimeoutMs, string ProtocolType,
    List<(string Name, byte[] Metadata)> Protocols,
    bool NeedsKnownId, bool KnowsSkipping = false);

/// <summary>How a join ended; <see cref="Members"/> is for the leader alone, who assigns the partitions.</summary>
internal sealed record JoinResult(
    Protocol.ErrorCode Error, int Generation, string? ProtocolType, string? Protocol, string Leader, string MemberId,
    List<(string MemberId, string? InstanceId, byte[] Metadata)> Members, bool SkipAssignment = false)
{
    public static JoinResult Failed(Protocol.ErrorCode error, string memberId) => new(error, -1, null, null, "", memberId, []);
}

/// <summary>How a sync ended: the assignment that the leader made for this member.</summary>
internal sealed record SyncResult(Protocol.ErrorCode Error, string? ProtocolType, string? Protocol, byte[] Assignment);

/// <summary>One consumer in a group.</summary>
internal sealed class Member(string id)
{
    public string Id { get; } = id;

    /// <summary>group.instance.id of a static member (KIP-345), whose place is kept for as long as its session lasts; null for a dynamic one.</summary>
    public string? InstanceId { get; set; }

    public string ClientId { get; set; } = "";
    public int SessionTimeoutMs { get; set; }
    public int RebalanceTimeoutMs { get; set; }
    public List<(string Name, byte[] Metadata)> Protocols { get; set; } = [];
    public byte[] Assignment { get; set; } = [];

    /// <summary>When the member is taken for dead, unless it waits for an answer.</summary>
    public long Deadline { get; set; }

    public Action<JoinResult>? Joining { get; set; }

    public Action<SyncResult>? Syncing { get; set; }

    public byte[] MetadataOf(string? protocol) => Protocols.Where(p => p.Name == protocol).Select(p => p.Metadata).FirstOrDefault() ?? [];
}

/// <summary>A group that has, or is about to have, members. Members are kept in the order in which they came: the first is the leader.</summary>
internal sealed class Group(string id)
{
    public string Id { get; } = id;
    public GroupState State { get; set; } = GroupState.Empty;
    public int Generation { get; set; }
    public string ProtocolType { get; set; } = "";
    public string? Protocol { get; set; }
    public List<Member> Members { get; } = [];

    /// <summary>Member ids that were given out and not used yet, and until when (KIP-394).</summary>
    public Dictionary<string, long> Promised { get; } = [];

    public long RebalanceDeadline { get; set; }

    public string Leader => Members.Count == 0 ? "" : Members[0].Id;

    public Member? Find(string memberId) => Members.Find(m => m.Id == memberId);

    public Member? FindStatic(string instanceId) => Members.Find(m => m.InstanceId == instanceId);

    /// <summary>Who asks to join, where it is a member already, or takes the place of one.</summary>
    public Member? PlaceOf(JoinRequest request) =>
        request.MemberId.Length == 0 && request.InstanceId is { } instance ? FindStatic(instance) : Find(request.MemberId);

    /// <summary>The first of the leader's protocols that every member knows.</summary>
    public string? CommonProtocol() =>
        Members.Count == 0 ? null : Members[0].Protocols.Select(p => p.Name).FirstOrDefault(name => Members.TrueForAll(m => m.Protocols.Exists(p => p.Name == name)));

    public bool Accepts(JoinRequest request)
    {
        var place = PlaceOf(request);
        var others = Members.FindAll(m => m != place);
        return others.Count == 0
            || (ProtocolType == request.ProtocolType && request.Protocols.Exists(p => others.TrueForAll(m => m.Protocols.Exists(q => q.Name == p.Name))));
    }

    public long NextDeadline()
    {
        var next = State == GroupState.PreparingRebalance ? RebalanceDeadline : long.MaxValue;
        foreach (var member in Members)
            if (member.Joining is null) next = Math.Min(next, member.Deadline);
        foreach (var until in Promised.Values) next = Math.Min(next, until);
        return next;
    }
}
