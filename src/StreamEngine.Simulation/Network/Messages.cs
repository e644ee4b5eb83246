using StreamEngine.Broker.Api;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Simulation.Network;

/// <summary>What was fetched from one partition.</summary>
internal sealed record FetchAnswer(ErrorCode Error, long HighWatermark, long StableOffset, long StartOffset, List<(long ProducerId, long FirstOffset)> Aborted,
    ReadOnlyMemory<byte> Batches);

/// <summary>What is known of a topic; null where it does not exist.</summary>
internal sealed record DescribeAnswer((Guid Id, int Partitions)? Topic);

/// <summary>A request in bytes, and how its answer is read.</summary>
internal sealed record Message<T>(ApiKey Key, byte[] Bytes, short Version, bool Flexible, Messages.AnswerReader<T> Read)
{
    /// <summary>Reads the answer with its length prefix.</summary>
    public T Parse(byte[] answer)
    {
        var r = new ProtocolReader(answer) { Version = Version, Flexible = Flexible };
        r.Int32();
        r.Int32();
        r.Tags();
        return Read(ref r);
    }
}

/// <summary>The requests that the simulated clients make, each in one version that the broker serves (message definitions of Kafka's protocol).</summary>
internal static class Messages
{
    public const long Latest = -1;
    public const long Earliest = -2;

    public delegate T AnswerReader<T>(ref ProtocolReader reader);

    private static Message<T> Create<T>(ApiKey key, short version, Action<ProtocolWriter> body, AnswerReader<T> read)
    {
        var flexible = version >= ApiTable.Entries.First(e => e.Key == key).FlexibleFrom;
        var w = new ProtocolWriter();
        w.Int16((short)key);
        w.Int16(version);
        w.Int32(1);
        w.NullableString("simulation");
        w.Flexible = flexible;
        w.Tags();
        body(w);
        w.Tags();
        var bytes = w.Written.ToArray();
        w.Abandon();
        return new Message<T>(key, bytes, version, flexible, read);
    }

    private static void OnePartition(ProtocolWriter w, string topic, Action partition)
    {
        w.Count(1);
        w.String(topic);
        w.Count(1);
        partition();
        w.Tags();
        w.Tags();
    }

    /// <summary>Reads the answer of one topic with one partition.</summary>
    private static T OnePartition<T>(ref ProtocolReader r, ProtocolReader.ItemReader<T> partition) => r.Array((ref ProtocolReader topic) =>
    {
        topic.String();
        var answers = topic.Array(partition);
        topic.Tags();
        return answers;
    })[0][0];

    public static Message<ErrorCode> CreateTopic(string name, int partitions, IReadOnlyDictionary<string, string>? configs) => Create(ApiKey.CreateTopics, 4, w =>
    {
        w.Count(1);
        w.String(name);
        w.Int32(partitions);
        w.Int16(-1);
        w.Count(0);
        w.Count(configs?.Count ?? 0);
        foreach (var (key, value) in configs ?? new Dictionary<string, string>())
        {
            w.String(key);
            w.NullableString(value);
        }
        w.Int32(1000);
        w.Bool(false);
    }, static (ref ProtocolReader r) =>
    {
        r.Int32();
        return r.Array(static (ref ProtocolReader x) =>
        {
            x.String();
            var error = (ErrorCode)x.Int16();
            x.NullableString();
            return error;
        })[0];
    });

    /// <summary>A topic's id and number of partitions.</summary>
    public static Message<DescribeAnswer> Describe(string topic) => Create(ApiKey.Metadata, 12, w =>
    {
        w.Count(1);
        w.Uuid(Guid.Empty);
        w.NullableString(topic);
        w.Tags();
        w.Bool(false);
        w.Bool(false);
    }, static (ref ProtocolReader r) =>
    {
        r.Int32();
        r.Array(static (ref ProtocolReader x) =>
        {
            x.Int32();
            x.String();
            x.Int32();
            x.NullableString();
            x.Tags();
            return 0;
        });
        r.NullableString();
        r.Int32();
        return r.Array(static (ref ProtocolReader x) =>
        {
            var error = (ErrorCode)x.Int16();
            x.NullableString();
            var id = x.Uuid();
            x.Bool();
            var partitions = x.Array(static (ref ProtocolReader y) =>
            {
                y.Int16();
                y.Int32();
                y.Int32();
                y.Int32();
                y.Int32Array();
                y.Int32Array();
                y.Int32Array();
                y.Tags();
                return 0;
            });
            x.Int32();
            x.Tags();
            return new DescribeAnswer(error == ErrorCode.None ? (id, partitions.Count) : null);
        })[0];
    });

    public static Message<(ErrorCode Error, long Offset)> Produce(string transactionalId, string topic, int partition, byte[] batch) => Create(ApiKey.Produce, 9, w =>
    {
        w.NullableString(transactionalId.Length == 0 ? null : transactionalId);
        w.Int16(-1);
        w.Int32(1000);
        OnePartition(w, topic, () =>
        {
            w.Int32(partition);
            w.Bytes(batch);
        });
    }, static (ref ProtocolReader r) => OnePartition(ref r, static (ref ProtocolReader x) =>
    {
        x.Int32();
        var answer = ((ErrorCode)x.Int16(), x.Int64());
        x.Int64();
        x.Int64();
        x.Array(static (ref ProtocolReader y) => y.Int32());
        x.NullableString();
        x.Tags();
        return answer;
    }));

    public static Message<FetchAnswer> Fetch(string topic, int partition, long offset, int maxWait, int bytes) => Create(ApiKey.Fetch, 12, w =>
    {
        w.Int32(-1);
        w.Int32(maxWait);
        w.Int32(1);
        w.Int32(bytes);
        w.Int8(1);
        w.Int32(0);
        w.Int32(-1);
        OnePartition(w, topic, () =>
        {
            w.Int32(partition);
            w.Int32(-1);
            w.Int64(offset);
            w.Int32(-1);
            w.Int64(-1);
            w.Int32(bytes);
        });
        w.Count(0);
        w.String("");
    }, static (ref ProtocolReader r) =>
    {
        r.Int32();
        r.Int16();
        r.Int32();
        return OnePartition(ref r, static (ref ProtocolReader x) =>
        {
            x.Int32();
            var (error, high, stable, start) = ((ErrorCode)x.Int16(), x.Int64(), x.Int64(), x.Int64());
            var aborted = x.NullableArray(static (ref ProtocolReader y) =>
            {
                var one = (y.Int64(), y.Int64());
                y.Tags();
                return one;
            });
            x.Int32();
            var batches = x.NullableBytes() ?? default;
            x.Tags();
            return new FetchAnswer(error, high, stable, start, aborted ?? [], batches);
        });
    });

    public static Message<(ErrorCode Error, long Offset)> ListOffset(string topic, int partition, long timestamp, bool committed) => Create(ApiKey.ListOffsets, 6, w =>
    {
        w.Int32(-1);
        w.Int8(committed ? (sbyte)1 : (sbyte)0);
        OnePartition(w, topic, () =>
        {
            w.Int32(partition);
            w.Int32(-1);
            w.Int64(timestamp);
        });
    }, static (ref ProtocolReader r) =>
    {
        r.Int32();
        return OnePartition(ref r, static (ref ProtocolReader x) =>
        {
            x.Int32();
            var error = (ErrorCode)x.Int16();
            x.Int64();
            var offset = x.Int64();
            x.Int32();
            x.Tags();
            return (error, offset);
        });
    });

    public static Message<(ErrorCode Error, long ProducerId, short Epoch)> InitProducerId(string transactionalId, int timeoutMs) => Create(ApiKey.InitProducerId, 4, w =>
    {
        w.NullableString(transactionalId);
        w.Int32(timeoutMs);
        w.Int64(-1);
        w.Int16(-1);
    }, static (ref ProtocolReader r) =>
    {
        r.Int32();
        return ((ErrorCode)r.Int16(), r.Int64(), r.Int16());
    });

    public static Message<ErrorCode> AddPartition(string transactionalId, long producerId, short epoch, string topic, int partition) =>
        Create(ApiKey.AddPartitionsToTxn, 3, w =>
    {
        w.String(transactionalId);
        w.Int64(producerId);
        w.Int16(epoch);
        w.Count(1);
        w.String(topic);
        w.Int32Array([partition]);
        w.Tags();
    }, static (ref ProtocolReader r) =>
    {
        r.Int32();
        return OnePartition(ref r, static (ref ProtocolReader x) =>
        {
            x.Int32();
            var error = (ErrorCode)x.Int16();
            x.Tags();
            return error;
        });
    });

    public static Message<ErrorCode> AddOffsets(string transactionalId, long producerId, short epoch, string group) => Create(ApiKey.AddOffsetsToTxn, 3, w =>
    {
        w.String(transactionalId);
        w.Int64(producerId);
        w.Int16(epoch);
        w.String(group);
    }, Simple);

    public static Message<ErrorCode> EndTransaction(string transactionalId, long producerId, short epoch, bool commit) => Create(ApiKey.EndTxn, 3, w =>
    {
        w.String(transactionalId);
        w.Int64(producerId);
        w.Int16(epoch);
        w.Bool(commit);
    }, Simple);

    private static ErrorCode Simple(ref ProtocolReader r)
    {
        r.Int32();
        return (ErrorCode)r.Int16();
    }

    public static Message<ErrorCode> CommitOffsets(string transactionalId, string group, long producerId, short epoch,
        IReadOnlyList<(string Topic, int Partition, long Offset)> offsets) => Create(ApiKey.TxnOffsetCommit, 3, w =>
    {
        w.String(transactionalId);
        w.String(group);
        w.Int64(producerId);
        w.Int16(epoch);
        w.Int32(-1);
        w.String("");
        w.NullableString(null);
        w.Count(offsets.Count);
        foreach (var (topic, partition, offset) in offsets)
        {
            w.String(topic);
            w.Count(1);
            w.Int32(partition);
            w.Int64(offset);
            w.Int32(-1);
            w.NullableString("");
            w.Tags();
            w.Tags();
        }
    }, static (ref ProtocolReader r) =>
    {
        r.Int32();
        var errors = r.Array(static (ref ProtocolReader x) =>
        {
            x.String();
            var error = x.Array(static (ref ProtocolReader y) =>
            {
                y.Int32();
                var one = (ErrorCode)y.Int16();
                y.Tags();
                return one;
            })[0];
            x.Tags();
            return error;
        });
        return errors.Find(e => e != ErrorCode.None);
    });

    public static Message<ErrorCode> DeleteRecords(string topic, int partition, long before) => Create(ApiKey.DeleteRecords, 1, w =>
    {
        OnePartition(w, topic, () =>
        {
            w.Int32(partition);
            w.Int64(before);
        });
        w.Int32(1000);
    }, static (ref ProtocolReader r) =>
    {
        r.Int32();
        return OnePartition(ref r, static (ref ProtocolReader x) =>
        {
            x.Int32();
            x.Int64();
            return (ErrorCode)x.Int16();
        });
    });
}
