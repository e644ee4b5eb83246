using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Api;

/// <summary>ApiVersions: the first request of every client. Its response header is never flexible (KIP-511), or old clients could not read the fallback.</summary>
internal static class ApiVersionsApi
{
    public static void Handle(ref ProtocolReader r, ApiCall call)
    {
        if (call.Version >= 3)
        {
            r.String();
            r.String();
        }
        r.End();
        Write(call.Writer, call.Version, ErrorCode.None);
    }

    /// <summary>KIP-511: a version that is not served is answered in version 0, with the list, so that the client can choose again.</summary>
    public static BrokerResponse Unsupported(BrokerExchange exchange)
    {
        exchange.Flexible = false;
        var writer = ApiTable.Begin(exchange, flexibleHeader: false);
        Write(writer, 0, ErrorCode.UnsupportedVersion);
        return writer.Finish();
    }

    private static void Write(ProtocolWriter w, short version, ErrorCode error)
    {
        w.Error(error);
        w.Count(ApiTable.Entries.Count);
        foreach (var entry in ApiTable.Entries)
        {
            w.Int16((short)entry.Key);
            w.Int16(entry.AdvertisedMin);
            w.Int16(entry.Max);
            w.Tags();
        }
        if (version >= 1) w.Int32(0);
        w.Tags();
    }
}
