using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Topics;

namespace StreamEngine.Broker.Api;

/// <summary>CreateTopics, DeleteTopics, CreatePartitions and DeleteRecords.</summary>
internal static class TopicsApi
{
    private sealed record CreateAsked(
        string Name, int Partitions, short Replicas, List<(int Index, List<int> Brokers)> Assignments, List<(string Name, string? Value)> Configs);

    private const string NamedTwice = "the request names this topic twice";

    public static void Create(ref ProtocolReader r, ApiCall call)
    {
        var asked = r.Array(static (ref ProtocolReader x) =>
        {
            var topic = new CreateAsked(x.String(), x.Int32(), x.Int16(), x.Array(static (ref ProtocolReader y) =>
            {
                var assignment = (y.Int32(), y.Int32Array());
                y.Tags();
                return assignment;
            }), x.Array(static (ref ProtocolReader y) =>
            {
                var config = (y.String(), y.NullableString());
                y.Tags();
                return config;
            }));
            x.Tags();
            return topic;
        });
        r.Int32();
        var validateOnly = r.Bool();
        r.End();
        var w = call.Writer;
        w.Int32(0);
        w.Count(asked.Count);
        var repeated = Repeated(asked.Select(a => a.Name));
        var planned = 0;
        foreach (var topic in asked)
        {
            var (error, message) = repeated.Contains(topic.Name) ? (ErrorCode.InvalidRequest, NamedTwice) : Check(call.Core, topic, planned);
            var partitions = topic.Assignments.Count > 0 ? topic.Assignments.Count : topic.Partitions == -1 ? call.Core.Options.DefaultPartitions : topic.Partitions;
            if (error == ErrorCode.None && validateOnly) planned += partitions;
            var configs = error == ErrorCode.None ? topic.Configs.ToDictionary(c => c.Name, c => c.Value!) : [];
            var created = error == ErrorCode.None && !validateOnly ? call.Core.Topics.Create(topic.Name, partitions, configs, call.Now) : null;
            w.String(topic.Name);
            if (call.Version >= 7) w.Uuid(created?.Id ?? Guid.Empty);
            w.Error(error);
            w.NullableString(message);
            if (call.Version >= 5) WriteCreated(w, error, partitions, configs);
            w.Tags();
        }
        w.Tags();
    }

    private static void WriteCreated(ProtocolWriter w, ErrorCode error, int partitions, Dictionary<string, string> configs)
    {
        w.Int32(error == ErrorCode.None ? partitions : -1);
        w.Int16(error == ErrorCode.None ? (short)1 : (short)-1);
        w.Count(error == ErrorCode.None ? TopicConfigs.Definitions.Count : 0);
        if (error != ErrorCode.None) return;
        foreach (var definition in TopicConfigs.Definitions)
        {
            var set = configs.TryGetValue(definition.Name, out var value);
            w.String(definition.Name);
            w.NullableString(set ? value : definition.Default);
            w.Bool(false);
            w.Int8(set ? ConfigsApi.TopicSource : ConfigsApi.DefaultSource);
            w.Bool(false);
            w.Tags();
        }
    }

    /// <summary>The names that a request has more than once: which of them is meant, nobody can tell.</summary>
    private static HashSet<string> Repeated(IEnumerable<string> names)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        return names.Where(name => !seen.Add(name)).ToHashSet(StringComparer.Ordinal);
    }

    /// <param name="core">The broker.</param>
    /// <param name="asked">The topic.</param>
    /// <param name="planned">Partitions of topics before it that the request only wants checked.</param>
    private static (ErrorCode Error, string? Message) Check(BrokerCore core, CreateAsked asked, int planned)
    {
        if (!TopicRegistry.IsLegalName(asked.Name))
            return (ErrorCode.InvalidTopic, $"topic name '{asked.Name}' is illegal: 1 to 249 of letters, digits, '.', '_' and '-'");
        if (core.Topics.Find(asked.Name) is not null) return (ErrorCode.TopicAlreadyExists, $"Topic '{asked.Name}' already exists.");
        if (asked.Assignments.Count > 0)
        {
            if (asked.Partitions != -1 || asked.Replicas != -1) return (ErrorCode.InvalidRequest, "both a count and an assignment of partitions were given");
            var indexes = asked.Assignments.Select(a => a.Index).Order();
            if (asked.Assignments.Any(a => a.Brokers is not [BrokerCore.NodeId]) || !indexes.SequenceEqual(Enumerable.Range(0, asked.Assignments.Count)))
                return (ErrorCode.InvalidReplicaAssignment, $"every partition is on node {BrokerCore.NodeId}, the only one, and they count from 0");
        }
        else if (asked.Partitions is 0 or < -1) return (ErrorCode.InvalidPartitions, "Number of partitions must be larger than 0.");
        else if (asked.Replicas is not -1 and not 1)
            return (ErrorCode.InvalidReplicationFactor, $"replication factor {asked.Replicas}: this broker is a single node, use 1");
        if (!core.Topics.HasRoomFor(planned + Math.Max(Math.Max((long)asked.Partitions, asked.Assignments.Count), 1)))
            return (ErrorCode.InvalidPartitions, $"the broker holds at most {core.Options.MaxPartitions} partitions");
        foreach (var (name, value) in asked.Configs)
            if (TopicConfigs.Check(name, value) is { } message) return (ErrorCode.InvalidConfig, message);
        return asked.Configs.Select(c => c.Name).Distinct().Count() == asked.Configs.Count
            ? (ErrorCode.None, null) : (ErrorCode.InvalidConfig, "a setting is given twice");
    }

    public static void Delete(ref ProtocolReader r, ApiCall call)
    {
        var asked = call.Version >= 6
            ? r.Array(static (ref ProtocolReader x) =>
            {
                var topic = (Name: x.NullableString(), Id: x.Uuid());
                x.Tags();
                return topic;
            })
            : r.Array(static (ref ProtocolReader x) => (Name: (string?)x.String(), Id: Guid.Empty));
        r.Int32();
        r.End();
        var w = call.Writer;
        w.Int32(0);
        w.Count(asked.Count);
        var deleted = new List<Topic>();
        foreach (var (name, id) in asked)
        {
            var topic = name is not null ? call.Core.Topics.Find(name) : call.Core.Topics.Find(id);
            var error = topic is not null ? ErrorCode.None : name is null ? ErrorCode.UnknownTopicId : ErrorCode.UnknownTopicOrPartition;
            if (topic is not null)
            {
                call.Core.Topics.Delete(topic);
                deleted.Add(topic);
                foreach (var partition in topic.Partitions) call.Core.Waits.Gone(partition);
            }
            w.NullableString(topic?.Name ?? name);
            if (call.Version >= 6) w.Uuid(topic?.Id ?? id);
            w.Error(error);
            if (call.Version >= 5) w.NullableString(null);
            w.Tags();
        }
        w.Tags();
        call.Core.Topics.Forget(deleted);
    }

    public static void CreatePartitions(ref ProtocolReader r, ApiCall call)
    {
        var asked = r.Array(static (ref ProtocolReader x) =>
        {
            var topic = (Name: x.String(), Count: x.Int32(), Assignments: x.NullableArray(static (ref ProtocolReader y) =>
            {
                var brokers = y.Int32Array();
                y.Tags();
                return brokers;
            }));
            x.Tags();
            return topic;
        });
        r.Int32();
        var validateOnly = r.Bool();
        r.End();
        var w = call.Writer;
        w.Int32(0);
        w.Count(asked.Count);
        var repeated = Repeated(asked.Select(a => a.Name));
        foreach (var (name, count, _) in asked)
        {
            var topic = call.Core.Topics.Find(name);
            var (error, message) = repeated.Contains(name) ? (ErrorCode.InvalidRequest, NamedTwice)
                : topic is null ? (ErrorCode.UnknownTopicOrPartition, null)
                : count <= topic.Partitions.Count ? (ErrorCode.InvalidPartitions,
                    $"Topic currently has {topic.Partitions.Count} partitions, which is higher than or equal to the requested {count}.")
                : !call.Core.Topics.HasRoomFor((long)count - topic.Partitions.Count)
                    ? (ErrorCode.InvalidPartitions, $"the broker holds at most {call.Core.Options.MaxPartitions} partitions")
                : (ErrorCode.None, (string?)null);
            if (error == ErrorCode.None && !validateOnly) call.Core.Topics.AddPartitions(topic!, count, call.Now);
            w.String(name);
            w.Error(error);
            w.NullableString(message);
            w.Tags();
        }
        w.Tags();
    }

    public static void DeleteRecords(ref ProtocolReader r, ApiCall call)
    {
        var asked = r.Array(static (ref ProtocolReader x) =>
        {
            var topic = (Name: x.String(), Partitions: x.Array(static (ref ProtocolReader y) =>
            {
                var partition = (Index: y.Int32(), Offset: y.Int64());
                y.Tags();
                return partition;
            }));
            x.Tags();
            return topic;
        });
        r.Int32();
        r.End();
        var w = call.Writer;
        w.Int32(0);
        w.Count(asked.Count);
        // Each start that moves is a record of the journal: once for a partition.
        var seen = new HashSet<Partition>();
        foreach (var (name, partitions) in asked)
        {
            w.String(name);
            w.Count(partitions.Count);
            foreach (var (index, offset) in partitions)
            {
                var partition = call.Core.Topics.Find(name, index);
                // -1: everything that readers may see by now.
                var target = offset == -1 ? partition?.Log.EndOffset ?? -1 : offset;
                var error = partition is null ? ErrorCode.UnknownTopicOrPartition : !seen.Add(partition) ? ErrorCode.InvalidRequest
                    : target < 0 || target > partition.Log.EndOffset
                    ? ErrorCode.OffsetOutOfRange : ErrorCode.None;
                if (error == ErrorCode.None && target > partition!.Log.StartOffset) call.Core.Topics.MoveStart(partition, target);
                w.Int32(index);
                w.Int64(error == ErrorCode.None ? partition!.Log.StartOffset : -1);
                w.Error(error);
                w.Tags();
            }
            w.Tags();
        }
        w.Tags();
    }
}
