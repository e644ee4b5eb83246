using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker.Core;

/// <summary>What a fetch answered for one partition.</summary>
internal sealed record Fetched(ErrorCode Error, long HighWatermark, long StableOffset, long StartOffset, List<(long ProducerId, long FirstOffset)> Aborted,
    List<(long Offset, string Value)> Records)
{
    public IEnumerable<string> Values => Records.Select(r => r.Value);
}

/// <summary>Speaks to a core in encoded requests, without a socket, and moves its clock.</summary>
internal sealed class CoreClient(BrokerCore core)
{
    private int _correlation;

    public CoreClient(ILogStorage? storage = null, BrokerOptions? options = null, List<string>? notes = null)
        : this(new BrokerCore(options ?? new BrokerOptions { Seed = 7 }, storage ?? new MemoryStorage(), 1_000_000, text => notes?.Add(text)))
    {
    }

    public BrokerCore Core { get; } = core;

    public long Now { get; set; } = 1_000_000;

    public BrokerExchange Send(ApiKey key, short version, Action<ProtocolWriter> body)
    {
        var exchange = new BrokerExchange(Encode(key, version, body, ++_correlation));
        Core.Handle(exchange, Now);
        return exchange;
    }

    public static byte[] Encode(ApiKey key, short version, Action<ProtocolWriter> body, int correlation = 1)
    {
        var flexible = version >= Api.ApiTable.Entries.First(e => e.Key == key).FlexibleFrom;
        var w = new ProtocolWriter();
        w.Int16((short)key);
        w.Int16(version);
        w.Int32(correlation);
        w.NullableString("test");
        w.Flexible = flexible;
        w.Tags();
        body(w);
        w.Tags();
        var bytes = w.Written.ToArray();
        w.Abandon();
        return bytes;
    }

    /// <summary>A reader behind the header of an answer, which must be there.</summary>
    public static ProtocolReader Answer(BrokerExchange exchange)
    {
        Assert.True(exchange.IsComplete);
        var bytes = exchange.Response!.ToArray();
        var r = new ProtocolReader(bytes) { Version = exchange.Version, Flexible = exchange.Flexible };
        Assert.Equal(bytes.Length - 4, r.Int32());
        Assert.Equal(exchange.CorrelationId, r.Int32());
        r.Tags();
        return r;
    }

    public ErrorCode CreateTopic(string name, int partitions = 1, params (string Name, string Value)[] configs)
    {
        var r = Answer(Send(ApiKey.CreateTopics, 7, w =>
        {
            w.Count(1);
            w.String(name);
            w.Int32(partitions);
            w.Int16(1);
            w.Count(0);
            w.Count(configs.Length);
            foreach (var (key, value) in configs)
            {
                w.String(key);
                w.NullableString(value);
                w.Tags();
            }
            w.Tags();
            w.Int32(1000);
            w.Bool(false);
        }));
        r.Int32();
        return r.Array(static (ref ProtocolReader x) =>
        {
            x.String();
            x.Uuid();
            return (ErrorCode)x.Int16();
        })[0];
    }

    /// <summary>IncrementalAlterConfigs of a topic: 0 sets, 1 deletes, 2 appends, 3 subtracts.</summary>
    public (ErrorCode Error, string? Message) Alter(string topic, string name, string? value, sbyte operation = 0, bool validateOnly = false, sbyte type = 2)
    {
        var r = Answer(Send(ApiKey.IncrementalAlterConfigs, 1, w =>
        {
            w.Count(1);
            w.Int8(type);
            w.String(topic);
            w.Count(1);
            w.String(name);
            w.Int8(operation);
            w.NullableString(value);
            w.Tags();
            w.Tags();
            w.Bool(validateOnly);
        }));
        r.Int32();
        return r.Array(static (ref ProtocolReader x) => ((ErrorCode)x.Int16(), x.NullableString()))[0];
    }

    /// <summary>A topic's settings, with where they come from: 1 the topic, 5 the default.</summary>
    public Dictionary<string, (string Value, int Source)> Configs(string topic)
    {
        var r = Answer(Send(ApiKey.DescribeConfigs, 4, w =>
        {
            w.Count(1);
            w.Int8(2);
            w.String(topic);
            w.NullArray();
            w.Tags();
            w.Bool(true);
            w.Bool(false);
        }));
        r.Int32();
        return r.Array(static (ref ProtocolReader x) =>
        {
            Assert.Equal((0, null, 2), (x.Int16(), x.NullableString(), x.Int8()));
            x.String();
            return x.Array(static (ref ProtocolReader y) =>
            {
                var (name, value, _, source) = (y.String(), y.NullableString(), y.Bool(), y.Int8());
                y.Bool();
                Assert.Equal(source == 1 ? 2 : 1, y.Array(static (ref ProtocolReader z) =>
                {
                    var synonym = (z.String(), z.NullableString(), z.Int8());
                    z.Tags();
                    return synonym;
                }).Count);
                y.Int8();
                y.NullableString();
                y.Tags();
                return KeyValuePair.Create(name, (value!, (int)source));
            });
        })[0].ToDictionary();
    }

    public ErrorCode DeleteTopic(string name)
    {
        var r = Answer(Send(ApiKey.DeleteTopics, 5, w =>
        {
            w.Count(1);
            w.String(name);
            w.Int32(1000);
        }));
        r.Int32();
        r.Flexible = true;
        return r.Array(static (ref ProtocolReader x) =>
        {
            x.NullableString();
            return (ErrorCode)x.Int16();
        })[0];
    }

    public (ErrorCode Error, long Offset) Produce(string topic, byte[] batch, int partition = 0, short acks = -1)
    {
        var exchange = Send(ApiKey.Produce, 9, w => WriteProduce(w, topic, batch, partition, acks));
        if (exchange.Response is null) return (ErrorCode.None, -1);
        var r = Answer(exchange);
        return r.Array(static (ref ProtocolReader x) =>
        {
            x.String();
            return x.Array(static (ref ProtocolReader y) =>
            {
                y.Int32();
                var result = ((ErrorCode)y.Int16(), y.Int64());
                y.Int64();
                y.Int64();
                y.Array(static (ref ProtocolReader z) => z.Int32());
                y.NullableString();
                y.Tags();
                return result;
            })[0];
        })[0];
    }

    public static void WriteProduce(ProtocolWriter w, string topic, byte[] batch, int partition = 0, short acks = -1)
    {
        w.NullableString(null);
        w.Int16(acks);
        w.Int32(1000);
        w.Count(1);
        w.String(topic);
        w.Count(1);
        w.Int32(partition);
        w.Bytes(batch);
        w.Tags();
        w.Tags();
    }

    public BrokerExchange SendFetch(string topic, long offset, bool committed, int partition = 0, int maxWait = 0, int minBytes = 1, int maxBytes = 1 << 20,
        int partitionBytes = 1 << 20) =>
        Send(ApiKey.Fetch, 12, w => WriteFetch(w, topic, offset, committed, partition, maxWait, minBytes, maxBytes, partitionBytes));

    public static void WriteFetch(ProtocolWriter w, string topic, long offset, bool committed, int partition = 0, int maxWait = 0, int minBytes = 1,
        int maxBytes = 1 << 20, int partitionBytes = 1 << 20)
    {
        w.Int32(-1);
        w.Int32(maxWait);
        w.Int32(minBytes);
        w.Int32(maxBytes);
        w.Int8(committed ? (sbyte)1 : (sbyte)0);
        w.Int32(0);
        w.Int32(-1);
        w.Count(1);
        w.String(topic);
        w.Count(1);
        w.Int32(partition);
        w.Int32(-1);
        w.Int64(offset);
        w.Int32(-1);
        w.Int64(-1);
        w.Int32(partitionBytes);
        w.Tags();
        w.Tags();
        w.Count(0);
        w.String("");
    }

    public Fetched Fetch(string topic, long offset = 0, bool committed = true, int partition = 0) => ReadFetch(SendFetch(topic, offset, committed, partition));

    public static Fetched ReadFetch(BrokerExchange exchange)
    {
        var r = Answer(exchange);
        r.Int32();
        Assert.Equal((0, 0), (r.Int16(), r.Int32()));
        return r.Array(static (ref ProtocolReader x) =>
        {
            x.String();
            return x.Array(static (ref ProtocolReader y) =>
            {
                y.Int32();
                var (error, high, stable, start) = ((ErrorCode)y.Int16(), y.Int64(), y.Int64(), y.Int64());
                var aborted = y.NullableArray(static (ref ProtocolReader z) =>
                {
                    var one = (z.Int64(), z.Int64());
                    z.Tags();
                    return one;
                });
                y.Int32();
                return new Fetched(error, high, stable, start, aborted ?? [], Batches.Read(y.NullableBytes() ?? default));
            })[0];
        })[0];
    }

    public (ErrorCode Error, long ProducerId, short Epoch) InitProducerId(string? transactionalId, int timeout = 60_000, long knownId = -1, short knownEpoch = -1)
    {
        var r = Answer(Send(ApiKey.InitProducerId, 4, w =>
        {
            w.NullableString(transactionalId);
            w.Int32(timeout);
            w.Int64(knownId);
            w.Int16(knownEpoch);
        }));
        r.Int32();
        return ((ErrorCode)r.Int16(), r.Int64(), r.Int16());
    }

    public ErrorCode AddPartition(string id, long producerId, short epoch, string topic, int partition = 0)
    {
        var r = Answer(Send(ApiKey.AddPartitionsToTxn, 3, w =>
        {
            w.String(id);
            w.Int64(producerId);
            w.Int16(epoch);
            w.Count(1);
            w.String(topic);
            w.Int32Array([partition]);
            w.Tags();
        }));
        r.Int32();
        return r.Array(static (ref ProtocolReader x) =>
        {
            x.String();
            return x.Array(static (ref ProtocolReader y) =>
            {
                y.Int32();
                return (ErrorCode)y.Int16();
            })[0];
        })[0];
    }

    public ErrorCode AddOffsets(string id, long producerId, short epoch, string group) => Simple(Send(ApiKey.AddOffsetsToTxn, 3, w =>
    {
        w.String(id);
        w.Int64(producerId);
        w.Int16(epoch);
        w.String(group);
    }));

    public ErrorCode End(string id, long producerId, short epoch, bool commit) => Simple(Send(ApiKey.EndTxn, 3, w =>
    {
        w.String(id);
        w.Int64(producerId);
        w.Int16(epoch);
        w.Bool(commit);
    }));

    public ErrorCode CommitOffset(string id, string group, long producerId, short epoch, string topic, long offset)
    {
        var r = Answer(Send(ApiKey.TxnOffsetCommit, 3, w =>
        {
            w.String(id);
            w.String(group);
            w.Int64(producerId);
            w.Int16(epoch);
            w.Int32(-1);
            w.String("");
            w.NullableString(null);
            w.Count(1);
            w.String(topic);
            w.Count(1);
            w.Int32(0);
            w.Int64(offset);
            w.Int32(-1);
            w.NullableString("note");
            w.Tags();
            w.Tags();
        }));
        r.Int32();
        return r.Array(static (ref ProtocolReader x) =>
        {
            x.String();
            return x.Array(static (ref ProtocolReader y) =>
            {
                y.Int32();
                return (ErrorCode)y.Int16();
            })[0];
        })[0];
    }

    public (ErrorCode Error, long Offset) FetchOffset(string group, string topic, bool stable = true)
    {
        var r = Answer(Send(ApiKey.OffsetFetch, 7, w =>
        {
            w.String(group);
            w.Count(1);
            w.String(topic);
            w.Int32Array([0]);
            w.Tags();
            w.Bool(stable);
        }));
        r.Int32();
        return r.Array(static (ref ProtocolReader x) =>
        {
            x.String();
            return x.Array(static (ref ProtocolReader y) =>
            {
                y.Int32();
                var offset = y.Int64();
                y.Int32();
                y.NullableString();
                return ((ErrorCode)y.Int16(), offset);
            })[0];
        })[0];
    }

    private static ErrorCode Simple(BrokerExchange exchange)
    {
        var r = Answer(exchange);
        r.Int32();
        return (ErrorCode)r.Int16();
    }
}
