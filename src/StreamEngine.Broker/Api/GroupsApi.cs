using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Api;

/// <summary>ListGroups, DescribeGroups and DeleteGroups, for groups that have offsets and no members.</summary>
internal static class GroupsApi
{
    private const string EmptyState = "Empty";
    private const string DeadState = "Dead";

    public static void List(ref ProtocolReader r, ApiCall call)
    {
        var states = call.Version >= 4 ? r.StringArray() : [];
        r.End();
        var groups = states.Count == 0 || states.Contains(EmptyState, StringComparer.OrdinalIgnoreCase) ? call.Core.Offsets.Groups.ToList() : [];
        var w = call.Writer;
        if (call.Version >= 1) w.Int32(0);
        w.Error(ErrorCode.None);
        w.Count(groups.Count);
        foreach (var group in groups)
        {
            w.String(group);
            w.String("");
            if (call.Version >= 4) w.String(EmptyState);
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
        foreach (var group in asked)
        {
            w.Error(ErrorCode.None);
            w.String(group);
            w.String(call.Core.Offsets.Exists(group) ? EmptyState : DeadState);
            w.String("");
            w.String("");
            w.Count(0);
            if (call.Version >= 3) w.Int32(int.MinValue);
            w.Tags();
        }
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
            var known = call.Core.Offsets.Exists(group);
            if (known) call.Core.Offsets.Delete(group);
            w.String(group);
            w.Error(known ? ErrorCode.None : ErrorCode.GroupIdNotFound);
            w.Tags();
        }
        w.Tags();
    }
}
