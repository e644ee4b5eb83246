using System.Diagnostics;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Kafka.Suite;

/// <summary>How a scripted broker answers one fetch.</summary>
internal sealed class ScriptedFetch(ScriptedCluster cluster, ScriptedBroker broker, short version)
{
    private string _named = "";
    private string _rack = "";

    public Misdeed? Answer(ref ProtocolReader r, ProtocolWriter w)
    {
        r.Int32();
        var wait = r.Int32();
        r.Int32();
        var mostBytes = r.Int32();
        var committed = r.Int8();
        if (version >= 7) Assert.Equal((0, -1), (r.Int32(), r.Int32()));
        Assert.Equal(1, committed);
        var topics = r.Array(static (ref ProtocolReader x) =>
        {
            var name = x.Version >= 13 ? x.Uuid().ToString() : x.String();
            var partitions = x.Array(static (ref ProtocolReader y) =>
            {
                var index = y.Int32();
                var epoch = y.Version >= 9 ? y.Int32() : -1;
                var offset = y.Int64();
                var last = y.Version >= 12 ? y.Int32() : -1;
                if (y.Version >= 5) y.Int64();
                var asked = (index, epoch, offset, last, y.Int32());
                y.Tags();
                return asked;
            });
            x.Tags();
            return (name, partitions);
        });
        var (topic, asked) = Assert.Single(topics);
        if (version < 13) Assert.Equal(ScriptedCluster.Topic, topic);
        _named = topic;
        if (version >= 7) Assert.Empty(r.Array(static (ref ProtocolReader x) => x.Int32()));
        _rack = version >= 11 ? r.String() : "";
        var seen = new FetchSeen(broker.Node, version, wait, _rack, asked);
        cluster.Fetches.Enqueue(seen);
        broker.Misdeeds.TryDequeue(out var misdeed);
        if (misdeed is Misdeed.Late late)
        {
            broker.StandStill();
            misdeed = late.What;
        }
        lock (cluster.Gate)
        {
            var waited = Stopwatch.StartNew();
            while (misdeed is null && waited.ElapsedMilliseconds < wait && !asked.Exists(Has))
                Monitor.Wait(cluster.Gate, Math.Max(1, wait - (int)waited.ElapsedMilliseconds));
            Write(w, asked, mostBytes, misdeed);
        }
        return misdeed;
    }

    private bool Has((int Partition, int LeaderEpoch, long Offset, int LastEpoch, int MaxBytes) asked) => ErrorOf(asked.Partition, asked.Offset) != 0
        || asked.Offset < cluster.Logs[asked.Partition].StableEnd;

    private short ErrorOf(int partition, long offset)
    {
        // UNKNOWN_TOPIC_ID
        if (version >= 13 && _named != cluster.TopicId.ToString()) return 100;
        if (!cluster.HasTopic || !cluster.Logs.TryGetValue(partition, out var log)) return 3;
        if (log.Leader != broker.Node && log.PreferredReplica != broker.Node) return 6;
        return offset < log.Start || offset > log.End ? (short)1 : (short)0;
    }

    private void Write(ProtocolWriter w, List<(int Partition, int LeaderEpoch, long Offset, int LastEpoch, int MaxBytes)> asked, int mostBytes, Misdeed? misdeed)
    {
        w.Int32(broker.ThrottleMs);
        if (version >= 7)
        {
            w.Int16(0);
            w.Int32(0);
        }
        w.Count(1);
        if (version >= 13) w.Uuid(new Guid(_named));
        else w.String(ScriptedCluster.Topic);
        w.Count(asked.Count);
        var any = false;
        foreach (var (partition, _, offset, _, maxBytes) in asked)
        {
            var error = misdeed is Misdeed.Error given ? given.Code : ErrorOf(partition, offset);
            var log = cluster.Logs.GetValueOrDefault(partition) ?? new ScriptedLog();
            var bytes = new List<byte>();
            foreach (var (next, batch) in error == 0 ? log.Batches : [])
            {
                if (next <= offset) continue;
                if (next > log.StableEnd) break;
                if ((any || bytes.Count > 0) && bytes.Count + batch.Length > Math.Min(maxBytes, mostBytes)) break;
                bytes.AddRange(batch);
            }
            var preferred = misdeed is Misdeed.Nearer nearer ? nearer.Node : log.Leader == broker.Node && _rack.Length > 0 ? log.PreferredReplica : -1;
            if (preferred >= 0) bytes.Clear();
            any |= bytes.Count > 0;
            if (misdeed is Misdeed.Damage && bytes.Count > 0) bytes[^1] ^= 1;
            // The length stands behind the offset.
            if (misdeed is Misdeed.Shorten && bytes.Count > 0) (bytes[8], bytes[9], bytes[10], bytes[11]) = (0, 0, 0, 1);
            w.Int32(partition);
            w.Int16(error);
            w.Int64(error == 0 ? log.End : -1);
            w.Int64(error == 0 ? log.StableEnd : -1);
            if (version >= 5) w.Int64(log.Start);
            w.Count(log.Aborted.Count);
            foreach (var (producer, first) in log.Aborted)
            {
                w.Int64(producer);
                w.Int64(first);
                w.Tags();
            }
            if (version >= 11) w.Int32(preferred);
            w.Bytes(bytes.ToArray());
            WriteTags(w, misdeed);
            (misdeed as Misdeed.BitByBit)?.Ends.Add(w.Written.Length);
        }
        w.Tags();
        w.Tags();
    }

    private static void WriteTags(ProtocolWriter w, Misdeed? misdeed)
    {
        if (misdeed is not Misdeed.Diverge diverge)
        {
            w.Tags();
            return;
        }
        w.UVarInt(2);
        w.UVarInt(0);
        w.UVarInt(13);
        w.Int32(diverge.Epoch);
        w.Int64(diverge.End);
        w.UInt8(0);
        // A field that nobody knows.
        w.UVarInt(99);
        w.UVarInt(3);
        w.Raw("abc"u8);
    }
}
