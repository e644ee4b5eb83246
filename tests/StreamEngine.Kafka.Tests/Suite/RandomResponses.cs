using System.Buffers.Binary;
using StreamEngine.Broker.Protocol;
using StreamEngine.Kafka.Fetching;
using StreamEngine.Kafka.Questions;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Suite;

/// <summary>Whole responses of a broker with random content, as bytes and as the text of what they say.</summary>
internal sealed class RandomResponses(Random random)
{
    public const int Correlation = 7;
    public const string Topic = "flights";
    public const string Group = "g";

    /// <summary>The partitions whose offsets are asked for.</summary>
    public static readonly int[] Partitions = [.. Enumerable.Range(0, 20)];

    /// <summary>The topics whose settings are asked for.</summary>
    public static readonly string[] Described = ["flights", "", "färes"];

    public static readonly Guid TopicId = new("00000000-0000-0000-0000-000000000001");

    private readonly List<string> _said = [];

    /// <summary>What the last one says, in the form of <see cref="Text(in PartitionAnswer, ReadOnlySpan{byte})"/> and the like.</summary>
    public string Said => string.Join('\n', _said);

    public static string Text(in PartitionAnswer answer, ReadOnlySpan<byte> records) =>
        $"{answer.Index} {(short)answer.Error} {answer.HighWatermark} {answer.StableOffset} {answer.LogStart} {answer.PreferredReplica} [{string.Join(' ', answer.Aborted)}] {answer.DivergingEpoch}/{(answer.DivergingEpoch >= 0 ? answer.DivergingEnd : 0)} {Convert.ToHexString(records)}";

    public static string Text(ClusterMetadata metadata) =>
        $"{metadata.TopicError} {metadata.TopicId}\n{string.Join('\n', metadata.Brokers.OrderBy(b => b.Key))}\n{string.Join('\n', metadata.Leaders)}";

    public static string Text(IReadOnlyDictionary<int, long> offsets) => string.Join(' ', offsets.OrderBy(o => o.Key));

    public static string Text(IReadOnlyDictionary<string, Dictionary<string, TopicSetting>> settings) =>
        string.Join('\n', settings.Select(t => $"{t.Key}: {string.Join(' ', t.Value)}"));

    private static ProtocolWriter Begin(bool flexible)
    {
        var w = new ProtocolWriter();
        w.Int32(0);
        w.Int32(Correlation);
        w.Flexible = flexible;
        w.Tags();
        return w;
    }

    private static byte[] End(ProtocolWriter w)
    {
        var bytes = w.Written.ToArray();
        w.Abandon();
        BinaryPrimitives.WriteInt32BigEndian(bytes, bytes.Length - 4);
        return bytes;
    }

    // Fields that a newer broker may add, at most one to a place.
    private void Tags(ProtocolWriter w)
    {
        if (!w.Flexible || random.Next(4) > 0)
        {
            w.Tags();
            return;
        }
        var bytes = Bytes(random.Next(40));
        w.UVarInt(1);
        w.UVarInt((uint)random.Next(50, 500));
        w.UVarInt((uint)bytes.Length);
        w.Raw(bytes);
    }

    private byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    private long Offset() => random.Next(3) == 0 ? random.NextInt64(long.MinValue, long.MaxValue) : random.Next(-1, 1000);

    public byte[] Fetch(short version)
    {
        _said.Clear();
        var w = Begin(version >= FetchMessages.FirstFlexible);
        var (throttle, error) = (random.Next(), random.Next(3) == 0 ? (short)random.Next(-1, 110) : (short)0);
        _said.Add($"{throttle} {(version >= 7 ? error : 0)}");
        w.Int32(throttle);
        if (version >= 7)
        {
            w.Int16(error);
            w.Int32(random.Next());
        }
        var topics = random.Next(3);
        w.Count(topics);
        for (; topics > 0; topics--)
        {
            if (version >= FetchMessages.FirstWithTopicId) w.Uuid(TopicId);
            else w.String(Topic);
            var partitions = random.Next(4);
            w.Count(partitions);
            for (; partitions > 0; partitions--) Partition(w, version);
            Tags(w);
        }
        Tags(w);
        return End(w);
    }

    private void Partition(ProtocolWriter w, short version)
    {
        var answer = new PartitionAnswer
        {
            Index = random.Next(), Error = (KafkaError)random.Next(-1, 110), HighWatermark = Offset(), StableOffset = Offset(), LogStart = version >= 5 ? Offset() : -1,
            Aborted = [.. Enumerable.Range(0, random.Next(3)).Select(_ => new AbortedTransaction(Offset(), Offset()))],
            PreferredReplica = version >= 11 ? random.Next(-1, 5) : -1,
            DivergingEpoch = version >= 12 && random.Next(4) == 0 ? random.Next() : -1, DivergingEnd = Offset(),
        };
        // Also longer than what a reader buffers at once.
        var records = Bytes(random.Next(3) switch { 0 => 0, 1 => random.Next(200), _ => random.Next(40_000) });
        _said.Add(Text(answer, records));
        w.Int32(answer.Index);
        w.Int16((short)answer.Error);
        w.Int64(answer.HighWatermark);
        w.Int64(answer.StableOffset);
        if (version >= 5) w.Int64(answer.LogStart);
        if (answer.Aborted.Length == 0 && random.Next(2) == 0) w.NullArray();
        else w.Count(answer.Aborted.Length);
        foreach (var (producer, first) in answer.Aborted)
        {
            w.Int64(producer);
            w.Int64(first);
            Tags(w);
        }
        if (version >= 11) w.Int32(answer.PreferredReplica);
        // Null and none are the same.
        if (records.Length == 0 && random.Next(2) == 0) w.NullArray();
        else w.Bytes(records);
        if (answer.DivergingEpoch < 0)
        {
            Tags(w);
            return;
        }
        w.UVarInt(1);
        w.UVarInt(0);
        w.UVarInt(13);
        w.Int32(answer.DivergingEpoch);
        w.Int64(answer.DivergingEnd);
        w.UInt8(0);
    }

    public byte[] Metadata(short version)
    {
        var w = Begin(version >= 9);
        w.Int32(random.Next());
        var brokers = new Dictionary<int, BrokerAddress>();
        for (var left = random.Next(4); left > 0; left--) brokers[random.Next(100)] = new BrokerAddress(new string('h', random.Next(1, 30)), random.Next(1, 65536));
        w.Count(brokers.Count);
        foreach (var (node, (host, port)) in brokers)
        {
            w.Int32(node);
            w.String(host);
            w.Int32(port);
            w.NullableString(random.Next(2) == 0 ? null : "räck");
            Tags(w);
        }
        w.NullableString(random.Next(2) == 0 ? null : "cluster");
        w.Int32(random.Next());
        var (error, id, leaders) = (KafkaError.UnknownTopicOrPartition, Guid.Empty, new List<ClusterMetadata.Leader>());
        var topics = random.Next(3);
        w.Count(topics);
        for (; topics > 0; topics--)
        {
            var (own, ownId, isAsked) = ((KafkaError)random.Next(-1, 110), version >= 10 ? new Guid(Bytes(16)) : Guid.Empty, topics == 1);
            if (isAsked) (error, id) = (own, ownId);
            w.Int16((short)own);
            w.String(isAsked ? Topic : "another");
            if (version >= 10) w.Uuid(ownId);
            w.Bool(random.Next(2) == 0);
            var partitions = random.Next(4);
            w.Count(partitions);
            for (; partitions > 0; partitions--)
            {
                var leader = Leader(w, version);
                if (isAsked) leaders.Add(leader);
            }
            if (version >= 8) w.Int32(random.Next());
            Tags(w);
        }
        if (version is >= 8 and <= 10) w.Int32(random.Next());
        Tags(w);
        _said.Clear();
        _said.Add(Text(new ClusterMetadata(brokers, error, id, leaders)));
        return End(w);
    }

    private ClusterMetadata.Leader Leader(ProtocolWriter w, short version)
    {
        var leader = new ClusterMetadata.Leader(random.Next(100), (KafkaError)random.Next(-1, 110), random.Next(-1, 100), version >= 7 ? random.Next(-1, 100) : -1);
        w.Int16((short)leader.Error);
        w.Int32(leader.Partition);
        w.Int32(leader.Node);
        if (version >= 7) w.Int32(leader.Epoch);
        for (var arrays = version >= 5 ? 3 : 2; arrays > 0; arrays--) w.Int32Array(Enumerable.Range(0, random.Next(5)).ToArray());
        Tags(w);
        return leader;
    }

    private short Error() => random.Next(8) == 0 ? (short)random.Next(-1, 110) : (short)0;

    private string? Reason() => random.Next(2) == 0 ? null : "for a reason";

    /// <summary>What an error makes of an answer: the first one is told.</summary>
    private void Say(string? refusal, string answer)
    {
        _said.Clear();
        _said.Add(refusal ?? answer);
    }

    private static string? Refusal(string what, short error) => error == 0 ? null : new RefusedException(what, (KafkaError)error).Message;

    public byte[] Offsets(short version)
    {
        var w = Begin(version >= 6);
        var (refusal, offsets, left) = ((string?)null, new Dictionary<int, long>(), new Queue<int>(random.GetItems(Partitions, 8).Distinct()));
        w.Int32(random.Next());
        var topics = random.Next(3);
        w.Count(topics);
        for (; topics > 0; topics--)
        {
            w.String(Topic);
            var partitions = Math.Min(left.Count, random.Next(5));
            w.Count(partitions);
            for (; partitions > 0; partitions--)
            {
                var (partition, error, offset) = (left.Dequeue(), Error(), Offset());
                offsets[partition] = offset;
                refusal ??= Refusal($"the offsets of {Topic}-{partition}", error);
                w.Int32(partition);
                w.Int16(error);
                w.Int64(Offset());
                w.Int64(offset);
                if (version >= 4) w.Int32(random.Next(-1, 100));
                Tags(w);
            }
            Tags(w);
        }
        Tags(w);
        Say(refusal, Text(offsets));
        return End(w);
    }

    public byte[] Coordinator(short version)
    {
        var w = Begin(version >= 3);
        var (error, address) = (Error(), new BrokerAddress(new string('h', random.Next(1, 30)), random.Next(1, 65536)));
        w.Int32(random.Next());
        w.Int16(error);
        w.NullableString(Reason());
        w.Int32(random.Next(-1, 100));
        w.String(error == 0 ? address.Host : "");
        w.Int32(error == 0 ? address.Port : -1);
        Tags(w);
        Say(Refusal($"the coordinator of group '{Group}'", error), $"{address}");
        return End(w);
    }

    public byte[] GroupOffsets(short version)
    {
        var w = Begin(version >= 6);
        var (refusal, offsets) = ((string?)null, new List<(string, int, long)>());
        if (version >= 3) w.Int32(random.Next());
        var topics = random.Next(4);
        w.Count(topics);
        for (; topics > 0; topics--)
        {
            var topic = new string('t', random.Next(10));
            w.String(topic);
            var partitions = random.Next(4);
            w.Count(partitions);
            for (; partitions > 0; partitions--)
            {
                var (partition, error, offset) = (random.Next(), Error(), Offset());
                // Below zero there is none.
                if (offset >= 0) offsets.Add((topic, partition, offset));
                refusal ??= Refusal($"the offset of group '{Group}' in {topic}-{partition}", error);
                w.Int32(partition);
                w.Int64(offset);
                if (version >= 5) w.Int32(random.Next(-1, 100));
                w.NullableString(Reason());
                w.Int16(error);
                Tags(w);
            }
            Tags(w);
        }
        var whole = random.Next(10) == 0 ? (short)KafkaError.GroupIdNotFound : Error();
        w.Int16(whole);
        Tags(w);
        // No such group is as good as nothing, whatever else was said.
        if (whole == (short)KafkaError.GroupIdNotFound) Say(null, "");
        else Say(Refusal($"the offsets of group '{Group}'", whole) ?? refusal, string.Join(' ', offsets));
        return End(w);
    }

    public byte[] Settings(short version)
    {
        var w = Begin(version >= 4);
        var (refusal, all) = ((string?)null, new Dictionary<string, Dictionary<string, TopicSetting>>());
        w.Int32(random.Next());
        w.Count(Described.Length);
        foreach (var topic in Described)
        {
            var error = Error();
            refusal ??= Refusal($"the settings of topic '{topic}'", error);
            w.Int16(error);
            w.NullableString(Reason());
            w.Int8(2);
            w.String(topic);
            var settings = all[topic] = [];
            var count = random.Next(4);
            w.Count(count);
            for (var i = 0; i < count; i++) settings[$"s{i}"] = Setting(w, version, $"s{i}");
            Tags(w);
        }
        Tags(w);
        Say(refusal, Text(all));
        return End(w);
    }

    private TopicSetting Setting(ProtocolWriter w, short version, string name)
    {
        var (value, source) = (random.Next(3) == 0 ? null : new string('v', random.Next(300)), (sbyte)random.Next(7));
        w.String(name);
        w.NullableString(value);
        w.Bool(random.Next(2) == 0);
        w.Int8(source);
        w.Bool(random.Next(2) == 0);
        var synonyms = random.Next(3);
        w.Count(synonyms);
        for (; synonyms > 0; synonyms--)
        {
            w.String("synonym");
            w.NullableString(Reason());
            w.Int8((sbyte)random.Next(7));
            Tags(w);
        }
        if (version >= 3)
        {
            w.Int8((sbyte)random.Next(10));
            w.NullableString(Reason());
        }
        Tags(w);
        return new TopicSetting(value, source == 1);
    }
}
