using StreamEngine.Broker.Groups;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Api;

/// <summary>ListGroups, DescribeGroups and DeleteGroups: groups with members, and groups that only have offsets.</summary>
internal static class GroupsApi
{
    private const string DeadState = "Dead";
    private const string ClassicType = "classic";

    public static void List(ref ProtocolReader r, ApiCall call)
    {
        var states = (call.Version >= 4 ? r.StringArray() : []).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var types = (call.Version >= 5 ? r.StringArray() : []).ToHashSet(StringComparer.OrdinalIgnoreCase);
        r.End();
        var core = call.Core;
        var groups = core.Offsets.Groups.Union(core.Groups.All.Select(g => g.Id)).Order(StringComparer.Ordinal)
            .Select(id => (Id: id, Type: core.Groups.Find(id)?.ProtocolType ?? "", State: (core.Groups.Find(id)?.State ?? GroupState.Empty).ToString()))
            .Where(g => states.Count == 0 || states.Contains(g.State)).ToList();
        // KIP-848: there are other types of groups; all of these are classic ones.
        if (types.Count > 0 && !types.Contains(ClassicType)) groups.Clear();
        var w = call.Writer;
        if (call.Version >= 1) w.Int32(0);
        w.Error(ErrorCode.None);
        w.Count(groups.Count);
        foreach (var (id, type, state) in groups)
        {
            w.String(id);
            w.String(type);
            if (call.Version >= 4) w.String(state);
            if (call.Version >= 5) w.String(ClassicType);
            w.Tags();
        }
        w.Tags();
    }

    public static void Describe(ref ProtocolReader r, ApiCall call)
    {
        var asked = r.StringArray();
        if (call.Version >= 3) r.Bool();
        r.End();
        var w = call.Writer;
        if (call.Version >= 1) w.Int32(0);
        w.Count(asked.Count);
        foreach (var id in asked)
        {
            var group = call.Core.Groups.Find(id);
            w.Error(ErrorCode.None);
            w.String(id);
            w.String(group?.State.ToString() ?? (call.Core.Offsets.Exists(id) ? nameof(GroupState.Empty) : DeadState));
            w.String(group?.ProtocolType ?? "");
            w.String(group?.Protocol ?? "");
            w.Count(group?.Members.Count ?? 0);
            foreach (var member in group?.Members ?? []) WriteMember(w, call.Version, member, group!.Protocol);
            if (call.Version >= 3) w.Int32(int.MinValue);
            w.Tags();
        }
        w.Tags();
    }

    private static void WriteMember(ProtocolWriter w, short version, Member member, string? protocol)
    {
        w.String(member.Id);
        if (version >= 4) w.NullableString(member.InstanceId);
        w.String(member.ClientId);
        // The core knows no sockets, so no host either.
        w.String("");
        w.Bytes(member.MetadataOf(protocol));
        w.Bytes(member.Assignment);
        w.Tags();
    }

    public static void Delete(ref ProtocolReader r, ApiCall call)
    {
        var asked = r.StringArray();
        r.End();
        var w = call.Writer;
        w.Int32(0);
        w.Count(asked.Count);
        foreach (var group in asked)
        {
            var error = call.Core.Groups.HasMembers(group) ? ErrorCode.NonEmptyGroup : call.Core.Offsets.Exists(group) ? ErrorCode.None : ErrorCode.GroupIdNotFound;
            if (error == ErrorCode.None) call.Core.Offsets.Delete(group);
            w.String(group);
            w.Error(error);
            w.Tags();
        }
        w.Tags();
    }
}
