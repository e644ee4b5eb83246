using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Topics;

namespace StreamEngine.Broker.Api;

/// <summary>AlterConfigs (a topic's settings as a whole) and IncrementalAlterConfigs (KIP-339: one by one). Those of the broker are given at its start.</summary>
internal static class AlterConfigsApi
{
    /// <summary>The operations of IncrementalAlterConfigs.</summary>
    private enum Operation : sbyte
    {
        Set = 0,
        Delete = 1,
        Append = 2,
        Subtract = 3,
    }

    private readonly record struct Setting(string Name, Operation Operation, string? Value);

    private readonly record struct ResourceAsked(sbyte Type, string Name, List<Setting> Changes);

    public static void Replace(ref ProtocolReader r, ApiCall call) => Handle(ref r, call, incremental: false);

    public static void Change(ref ProtocolReader r, ApiCall call) => Handle(ref r, call, incremental: true);

    private static void Handle(ref ProtocolReader r, ApiCall call, bool incremental)
    {
        var asked = incremental
            ? r.Array(static (ref ProtocolReader x) => ReadResource(ref x, static (ref ProtocolReader y) => ReadChange(ref y, incremental: true)))
            : r.Array(static (ref ProtocolReader x) => ReadResource(ref x, static (ref ProtocolReader y) => ReadChange(ref y, incremental: false)));
        var validateOnly = r.Bool();
        r.End();
        var seen = new HashSet<(sbyte, string)>();
        var repeated = asked.Select(a => (a.Type, a.Name)).Where(key => !seen.Add(key)).ToHashSet();
        var w = call.Writer;
        w.Int32(0);
        w.Count(asked.Count);
        foreach (var resource in asked)
        {
            var (error, message) = repeated.Contains((resource.Type, resource.Name))
                ? (ErrorCode.InvalidRequest, "the request names this resource twice") : Alter(call.Core, resource, incremental, validateOnly);
            w.Error(error);
            w.NullableString(message);
            w.Int8(resource.Type);
            w.String(resource.Name);
            w.Tags();
        }
        w.Tags();
    }

    private static ResourceAsked ReadResource(ref ProtocolReader r, ProtocolReader.ItemReader<Setting> change)
    {
        var resource = new ResourceAsked(r.Int8(), r.String(), r.Array(change));
        r.Tags();
        return resource;
    }

    private static Setting ReadChange(ref ProtocolReader r, bool incremental)
    {
        var change = new Setting(r.String(), incremental ? (Operation)r.Int8() : Operation.Set, r.NullableString());
        r.Tags();
        return change;
    }

    private static (ErrorCode Error, string? Message) Alter(BrokerCore core, in ResourceAsked asked, bool incremental, bool validateOnly)
    {
        if (asked.Type == ConfigsApi.BrokerResource) return (ErrorCode.InvalidRequest, "the settings of this broker are given at its start and do not change");
        if (asked.Type != ConfigsApi.TopicResource) return (ErrorCode.InvalidRequest, $"resource type {asked.Type}: this broker alters topics (2)");
        if (core.Topics.Find(asked.Name) is not { } topic)
            return (TopicRegistry.IsLegalName(asked.Name) ? ErrorCode.UnknownTopicOrPartition : ErrorCode.InvalidTopic, null);
        var configs = incremental ? new Dictionary<string, string>(topic.Configs) : [];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var change in asked.Changes)
        {
            if (!seen.Add(change.Name)) return (ErrorCode.InvalidRequest, $"{change.Name} is given twice");
            if (Apply(configs, change, topic.Configs) is { } wrong) return (ErrorCode.InvalidConfig, wrong);
        }
        if (!validateOnly) core.Topics.Configure(topic, configs);
        return (ErrorCode.None, null);
    }

    /// <summary>What is wrong with a change, or null.</summary>
    private static string? Apply(Dictionary<string, string> configs, in Setting change, IReadOnlyDictionary<string, string> present)
    {
        switch (change.Operation)
        {
            case Operation.Set:
                if (TopicConfigs.CheckChange(change.Name, change.Value, present) is { } wrong) return wrong;
                configs[change.Name] = change.Value!;
                return null;
            case Operation.Delete:
                if (TopicConfigs.Find(change.Name) is null) return $"Unknown topic config name: {change.Name}";
                configs.Remove(change.Name);
                return null;
            // The only list is cleanup.policy, and it has one value: adding that is no change, and without it there would be none.
            case Operation.Append when change is { Name: "cleanup.policy", Value: "delete" }:
                return null;
            default:
                return $"{change.Name}: {change.Operation} of '{change.Value}' is not possible here, set or delete it";
        }
    }
}
