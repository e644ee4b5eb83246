using StreamEngine.Broker.Groups;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Api;

/// <summary>JoinGroup, SyncGroup, Heartbeat and LeaveGroup: the classic group protocol. Joins and syncs are answered when the group has got that far.</summary>
internal static class MembershipApi
{
    public static void Join(ref ProtocolReader r, ApiCall call)
    {
        var version = call.Version;
        var group = r.String();
        var session = r.Int32();
        var rebalance = version >= 1 ? r.Int32() : session;
        var memberId = r.String();
        var instance = version >= 5 ? r.NullableString() : null;
        var type = r.String();
        var protocols = r.Array(static (ref ProtocolReader x) =>
        {
            // Kept longer than the request's buffer: copied.
            var protocol = (x.String(), x.Bytes().ToArray());
            x.Tags();
            return protocol;
        });
        if (version >= 8) r.NullableString();
        r.End();
        var needsKnownId = version >= 4 && instance is null;
        var request = new JoinRequest(group, memberId, instance, call.Exchange.ClientId ?? "", session, rebalance, type, protocols, needsKnownId,
            KnowsSkipping: version >= 9);
        var exchange = call.Exchange;
        call.HasNoResponse = true;
        call.Core.Groups.Join(request, result => Answer(exchange, w => WriteJoin(w, version, result)), call.Now);
    }

    public static void Sync(ref ProtocolReader r, ApiCall call)
    {
        var version = call.Version;
        var (group, generation, memberId) = (r.String(), r.Int32(), r.String());
        var instance = version >= 3 ? r.NullableString() : null;
        if (version >= 5) r.NullableString();
        if (version >= 5) r.NullableString();
        var assignments = new Dictionary<string, byte[]>();
        foreach (var (id, assignment) in r.Array(static (ref ProtocolReader x) =>
        {
            var one = (x.String(), x.Bytes().ToArray());
            x.Tags();
            return one;
        })) assignments[id] = assignment;
        r.End();
        var exchange = call.Exchange;
        call.HasNoResponse = true;
        call.Core.Groups.Sync(group, generation, memberId, assignments, result => Answer(exchange, w => WriteSync(w, version, result)), call.Now, instance);
    }

    public static void Heartbeat(ref ProtocolReader r, ApiCall call)
    {
        var (group, generation, memberId) = (r.String(), r.Int32(), r.String());
        var instance = call.Version >= 3 ? r.NullableString() : null;
        r.End();
        var error = call.Core.Groups.Heartbeat(group, generation, memberId, call.Now, instance);
        if (call.Version >= 1) call.Writer.Int32(0);
        call.Writer.Error(error);
        call.Writer.Tags();
    }

    public static void Leave(ref ProtocolReader r, ApiCall call)
    {
        var version = call.Version;
        var group = r.String();
        var members = version <= 2
            ? [(Id: r.String(), Instance: (string?)null)]
            : r.Array(static (ref ProtocolReader x) =>
            {
                var member = (Id: x.String(), Instance: x.NullableString());
                if (x.Version >= 5) x.NullableString();
                x.Tags();
                return member;
            });
        r.End();
        if (members.Count > GroupCoordinator.MaxMembers)
            throw new ProtocolException($"{members.Count} members leave a group, which has at most {GroupCoordinator.MaxMembers}");
        var errors = members.ConvertAll(m => call.Core.Groups.Leave(group, m.Id, call.Now, m.Instance));
        var w = call.Writer;
        if (version >= 1) w.Int32(0);
        w.Error(version <= 2 ? errors[0] : ErrorCode.None);
        if (version >= 3)
        {
            w.Count(members.Count);
            for (var i = 0; i < members.Count; i++)
            {
                w.String(members[i].Id);
                w.NullableString(members[i].Instance);
                w.Error(errors[i]);
                w.Tags();
            }
        }
        w.Tags();
    }

    private static void Answer(BrokerExchange exchange, Action<ProtocolWriter> write)
    {
        // The sender may be gone: a response that nobody fetches is only garbage.
        if (exchange.IsComplete) return;
        var writer = ApiTable.Begin(exchange, exchange.Flexible);
        write(writer);
        exchange.Complete(writer.Finish());
    }

    private static void WriteJoin(ProtocolWriter w, short version, JoinResult result)
    {
        if (version >= 2) w.Int32(0);
        w.Error(result.Error);
        w.Int32(result.Generation);
        if (version >= 7) w.NullableString(result.ProtocolType);
        w.NullableString(result.Protocol ?? (version >= 7 ? null : ""));
        w.String(result.Leader);
        if (version >= 9) w.Bool(result.SkipAssignment);
        w.String(result.MemberId);
        w.Count(result.Members.Count);
        foreach (var (id, instance, metadata) in result.Members)
        {
            w.String(id);
            if (version >= 5) w.NullableString(instance);
            w.Bytes(metadata);
            w.Tags();
        }
        w.Tags();
    }

    private static void WriteSync(ProtocolWriter w, short version, SyncResult result)
    {
        if (version >= 1) w.Int32(0);
        w.Error(result.Error);
        if (version >= 5) w.NullableString(result.ProtocolType);
        if (version >= 5) w.NullableString(result.Protocol);
        w.Bytes(result.Assignment);
        w.Tags();
    }
}
