using System.Globalization;
using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Topics;

namespace StreamEngine.Broker.Api;

/// <summary>DescribeConfigs: what topics were given, defaults for the rest, and the few settings of the broker that clients ask about.</summary>
internal static class ConfigsApi
{
    public const sbyte TopicSource = 1;
    public const sbyte DefaultSource = 5;
    private const sbyte StaticBrokerSource = 4;
    public const sbyte TopicResource = 2;
    public const sbyte BrokerResource = 4;

    /// <summary>One setting as it is shown; <see cref="Default"/> where something else was set in its place.</summary>
    private readonly record struct Setting(string Name, string Value, ConfigType Type, sbyte Source, bool ReadOnly, string? Default = null);

    public static void Describe(ref ProtocolReader r, ApiCall call)
    {
        var asked = r.Array(static (ref ProtocolReader x) =>
        {
            var resource = (Type: x.Int8(), Name: x.String(), Keys: x.NullableArray(static (ref ProtocolReader y) => y.String()));
            x.Tags();
            return resource;
        });
        var synonyms = r.Bool();
        if (call.Version >= 3) r.Bool();
        r.End();
        var w = call.Writer;
        w.Int32(0);
        w.Count(asked.Count);
        foreach (var (type, name, keys) in asked)
        {
            var (error, message, settings) = Find(call.Core, type, name);
            w.Error(error);
            w.NullableString(message);
            w.Int8(type);
            w.String(name);
            var wanted = settings.Where(s => keys is null || keys.Count == 0 || keys.Contains(s.Name)).ToList();
            w.Count(wanted.Count);
            foreach (var setting in wanted) WriteSetting(w, call.Version, setting, synonyms);
            w.Tags();
        }
        w.Tags();
    }

    private static void WriteSetting(ProtocolWriter w, short version, in Setting setting, bool synonyms)
    {
        w.String(setting.Name);
        w.NullableString(setting.Value);
        w.Bool(setting.ReadOnly);
        w.Int8(setting.Source);
        w.Bool(false);
        w.Count(!synonyms ? 0 : setting.Default is null ? 1 : 2);
        if (synonyms) WriteSynonym(w, setting.Name, setting.Value, setting.Source);
        if (synonyms && setting.Default is { } standard) WriteSynonym(w, setting.Name, standard, DefaultSource);
        if (version >= 3)
        {
            w.Int8((sbyte)setting.Type);
            w.NullableString(null);
        }
        w.Tags();
    }

    private static void WriteSynonym(ProtocolWriter w, string name, string value, sbyte source)
    {
        w.String(name);
        w.NullableString(value);
        w.Int8(source);
        w.Tags();
    }

    private static (ErrorCode, string?, IEnumerable<Setting>) Find(BrokerCore core, sbyte type, string name)
    {
        switch (type)
        {
            case TopicResource when core.Topics.Find(name) is { } topic:
                return (ErrorCode.None, null, TopicConfigs.Definitions.Select(d => topic.Configs.TryGetValue(d.Name, out var value)
                    ? new Setting(d.Name, value, d.Type, TopicSource, !d.IsServed, d.Default)
                    : new Setting(d.Name, d.Default, d.Type, DefaultSource, !d.IsServed)));
            case TopicResource:
                return TopicRegistry.IsLegalName(name) ? (ErrorCode.UnknownTopicOrPartition, null, []) : (ErrorCode.InvalidTopic, null, []);
            case BrokerResource when name == BrokerCore.NodeId.ToString(CultureInfo.InvariantCulture):
                return (ErrorCode.None, null, OfBroker(core.Options));
            // What all brokers of a cluster have in common: nothing can be set there.
            case BrokerResource when name.Length == 0:
                return (ErrorCode.None, null, []);
            default:
                return (ErrorCode.InvalidRequest, $"resource type {type} name '{name}': this broker describes topics (2) and itself (4, '{BrokerCore.NodeId}')", []);
        }
    }

    private static IEnumerable<Setting> OfBroker(BrokerOptions options)
    {
        yield return OfBroker("broker.id", BrokerCore.NodeId, ConfigType.Int);
        yield return OfBroker("num.partitions", options.DefaultPartitions, ConfigType.Int);
        yield return OfBroker("default.replication.factor", 1, ConfigType.Int);
        yield return OfBroker("min.insync.replicas", 1, ConfigType.Int);
        yield return OfBroker("message.max.bytes", 1_048_588, ConfigType.Int);
        yield return OfBroker("socket.request.max.bytes", options.MaxRequestBytes, ConfigType.Int);
        yield return OfBroker("transaction.max.timeout.ms", (long)options.MaxTransactionTimeout.TotalMilliseconds, ConfigType.Int);
        yield return OfBroker("transactional.id.expiration.ms", (long)options.TransactionalIdExpiration.TotalMilliseconds, ConfigType.Int);
        yield return new Setting("auto.create.topics.enable", options.AutoCreateTopics ? "true" : "false", ConfigType.Boolean, StaticBrokerSource, true);
        yield return OfBroker("log.retention.ms", -1, ConfigType.Long);
    }

    private static Setting OfBroker(string name, long value, ConfigType type) => new(name, value.ToString(CultureInfo.InvariantCulture), type, StaticBrokerSource, true);
}
