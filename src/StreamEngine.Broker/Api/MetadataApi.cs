using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Topics;

namespace StreamEngine.Broker.Api;

/// <summary>Metadata and DescribeCluster: one node, which leads every partition.</summary>
internal static class MetadataApi
{
    /// <summary>"Not known": there are no access rules.</summary>
    private const int NoOperations = int.MinValue;

    private readonly record struct Asked(Guid Id, string? Name);

    public static void Handle(ref ProtocolReader r, ApiCall call)
    {
        var version = call.Version;
        var asked = r.NullableArray(static (ref ProtocolReader x) =>
        {
            var id = x.Version >= 10 ? x.Uuid() : Guid.Empty;
            var topic = new Asked(id, x.Version >= 10 ? x.NullableString() : x.String());
            x.Tags();
            return topic;
        });
        if (version == 0 && asked is { Count: 0 }) asked = null;
        var create = version < 4 || r.Bool();
        if (version is >= 8 and <= 10) r.Bool();
        if (version >= 8) r.Bool();
        r.End();
        var w = call.Writer;
        if (version >= 3) w.Int32(0);
        WriteBroker(w, call.Core, rack: version >= 1);
        if (version >= 2) w.NullableString(call.Core.ClusterId);
        if (version >= 1) w.Int32(BrokerCore.NodeId);
        if (asked is null)
        {
            w.Count(call.Core.Topics.Count);
            foreach (var topic in call.Core.Topics.All) WriteTopic(w, version, ErrorCode.None, topic.Name, topic);
        }
        else
        {
            w.Count(asked.Count);
            foreach (var one in asked) WriteAsked(call, one, create);
        }
        if (version is >= 8 and <= 10) w.Int32(NoOperations);
        w.Tags();
    }

    public static void DescribeCluster(ref ProtocolReader r, ApiCall call)
    {
        r.Bool();
        var endpointType = call.Version >= 1 ? r.Int8() : (sbyte)1;
        r.End();
        var w = call.Writer;
        w.Int32(0);
        w.Error(endpointType == 1 ? ErrorCode.None : ErrorCode.UnsupportedVersion);
        w.NullableString(null);
        if (call.Version >= 1) w.Int8(1);
        w.String(call.Core.ClusterId);
        w.Int32(BrokerCore.NodeId);
        WriteBroker(w, call.Core, rack: true);
        w.Int32(NoOperations);
        w.Tags();
    }

    private static void WriteBroker(ProtocolWriter w, BrokerCore core, bool rack)
    {
        w.Count(1);
        w.Int32(BrokerCore.NodeId);
        w.String(core.Endpoint.Host);
        w.Int32(core.Endpoint.Port);
        if (rack) w.NullableString(null);
        w.Tags();
    }

    private static void WriteAsked(ApiCall call, Asked asked, bool create)
    {
        var core = call.Core;
        if (asked.Name is null)
        {
            var byId = core.Topics.Find(asked.Id);
            WriteTopic(call.Writer, call.Version, byId is null ? ErrorCode.UnknownTopicId : ErrorCode.None, byId?.Name, byId, asked.Id);
            return;
        }
        var topic = core.Topics.Find(asked.Name);
        var error = topic is not null ? ErrorCode.None : TopicRegistry.IsLegalName(asked.Name) ? ErrorCode.UnknownTopicOrPartition : ErrorCode.InvalidTopic;
        if (error == ErrorCode.UnknownTopicOrPartition && create && core.Options.AutoCreateTopics && core.Topics.HasRoomFor(core.Options.DefaultPartitions))
        {
            topic = core.Topics.Create(asked.Name, core.Options.DefaultPartitions, new Dictionary<string, string>(), call.Now);
            error = ErrorCode.None;
        }
        WriteTopic(call.Writer, call.Version, error, asked.Name, topic);
    }

    private static void WriteTopic(ProtocolWriter w, short version, ErrorCode error, string? name, Topic? topic, Guid askedId = default)
    {
        w.Error(error);
        if (version >= 12) w.NullableString(name);
        else w.String(name ?? "");
        if (version >= 10) w.Uuid(topic?.Id ?? askedId);
        if (version >= 1) w.Bool(false);
        w.Count(topic?.Partitions.Count ?? 0);
        for (var i = 0; i < (topic?.Partitions.Count ?? 0); i++)
        {
            w.Error(ErrorCode.None);
            w.Int32(i);
            w.Int32(BrokerCore.NodeId);
            if (version >= 7) w.Int32(0);
            w.Int32Array([BrokerCore.NodeId]);
            w.Int32Array([BrokerCore.NodeId]);
            if (version >= 5) w.Int32Array([]);
            w.Tags();
        }
        if (version >= 8) w.Int32(NoOperations);
        w.Tags();
    }
}
