using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Api;

/// <summary>FindCoordinator: this node coordinates every group and every transactional id.</summary>
internal static class CoordinatorApi
{
    public static void Handle(ref ProtocolReader r, ApiCall call)
    {
        var version = call.Version;
        var keys = version <= 3 ? [r.String()] : new List<string>();
        var keyType = version >= 1 ? r.Int8() : (sbyte)0;
        if (version >= 4) keys = r.StringArray();
        r.End();
        var error = keyType is 0 or 1 ? ErrorCode.None : ErrorCode.InvalidRequest;
        var w = call.Writer;
        if (version >= 1) w.Int32(0);
        if (version <= 3)
        {
            w.Error(error);
            if (version >= 1) w.NullableString(null);
            WriteNode(w, call.Core, error);
            w.Tags();
            return;
        }
        w.Count(keys.Count);
        foreach (var key in keys)
        {
            w.String(key);
            WriteNode(w, call.Core, error);
            w.Error(error);
            w.NullableString(null);
            w.Tags();
        }
        w.Tags();
    }

    private static void WriteNode(ProtocolWriter w, BrokerCore core, ErrorCode error)
    {
        w.Int32(error == ErrorCode.None ? BrokerCore.NodeId : -1);
        w.String(error == ErrorCode.None ? core.Endpoint.Host : "");
        w.Int32(error == ErrorCode.None ? core.Endpoint.Port : -1);
    }
}
