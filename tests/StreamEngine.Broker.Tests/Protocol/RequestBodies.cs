using StreamEngine.Broker.Core;

namespace StreamEngine.Broker.Protocol;

/// <summary>One sound body for each request, in any version (from the message definitions of Kafka's protocol).</summary>
internal static class RequestBodies
{
    public static void Write(ProtocolWriter w, ApiKey key, short v)
    {
        switch (key)
        {
            case ApiKey.ApiVersions when v >= 3:
                w.String("test");
                w.String("1.0");
                break;
            case ApiKey.Produce:
                CoreClient.WriteProduce(w, "t", Batches.Make(2));
                break;
            case ApiKey.Fetch:
                WriteFetch(w, v);
                break;
            case ApiKey.Metadata:
                w.Count(2);
                foreach (var name in new[] { "t", "missing" })
                {
                    if (v >= 10) w.Uuid(Guid.Empty);
                    w.String(name);
                    w.Tags();
                }
                if (v >= 4) w.Bool(true);
                if (v is >= 8 and <= 10) w.Bool(false);
                if (v >= 8) w.Bool(false);
                break;
            case ApiKey.ListOffsets or ApiKey.OffsetForLeaderEpoch:
                WriteListOffsets(w, key, v);
                break;
            case ApiKey.OffsetCommit or ApiKey.OffsetFetch:
                WriteOffsets(w, key, v);
                break;
            case ApiKey.FindCoordinator:
                if (v <= 3) w.String("g");
                if (v >= 1) w.Int8(0);
                if (v >= 4) WriteStrings(w, "g", "h");
                break;
            case ApiKey.InitProducerId or ApiKey.AddPartitionsToTxn or ApiKey.AddOffsetsToTxn or ApiKey.EndTxn or ApiKey.TxnOffsetCommit:
                WriteTransaction(w, key, v);
                break;
            case ApiKey.CreateTopics or ApiKey.DeleteTopics or ApiKey.CreatePartitions or ApiKey.DeleteRecords or ApiKey.DescribeConfigs
                or ApiKey.AlterConfigs or ApiKey.IncrementalAlterConfigs:
                WriteTopics(w, key, v);
                break;
            case ApiKey.JoinGroup or ApiKey.SyncGroup or ApiKey.Heartbeat or ApiKey.LeaveGroup:
                WriteMembership(w, key, v);
                break;
            case ApiKey.DescribeGroups:
                WriteStrings(w, "g");
                if (v >= 3) w.Bool(false);
                break;
            case ApiKey.ListGroups when v >= 4:
                WriteStrings(w, "Empty");
                if (v >= 5) WriteStrings(w, "classic");
                break;
            case ApiKey.DeleteGroups:
            case ApiKey.DescribeTransactions:
                WriteStrings(w, "Empty");
                break;
            case ApiKey.DescribeCluster:
                w.Bool(false);
                if (v >= 1) w.Int8(1);
                break;
            case ApiKey.DescribeProducers:
                One(w, "t", () => w.Int32Array([0, 7]));
                break;
            case ApiKey.ListTransactions:
                WriteStrings(w, "Ongoing");
                w.Count(0);
                if (v >= 1) w.Int64(-1);
                break;
        }
    }

    private static void WriteFetch(ProtocolWriter w, short v)
    {
        if (v <= 14) w.Int32(-1);
        w.Int32(0);
        w.Int32(1);
        w.Int32(1 << 20);
        w.Int8(1);
        if (v >= 7) w.Int32(0);
        if (v >= 7) w.Int32(-1);
        w.Count(1);
        if (v <= 12) w.String("t");
        else w.Uuid(Topics.TopicRegistry.DeriveId(7, 1));
        w.Count(1);
        w.Int32(0);
        if (v >= 9) w.Int32(0);
        w.Int64(1);
        if (v >= 12) w.Int32(-1);
        if (v >= 5) w.Int64(-1);
        w.Int32(1 << 20);
        w.Tags();
        w.Tags();
        if (v >= 7) w.Count(0);
        if (v >= 11) w.String("");
    }

    private static void WriteListOffsets(ProtocolWriter w, ApiKey key, short v)
    {
        var list = key == ApiKey.ListOffsets;
        if (list || v >= 3) w.Int32(-1);
        if (list && v >= 2) w.Int8(1);
        One(w, "t", () =>
        {
            w.Count(1);
            w.Int32(0);
            if (!list || v >= 4) w.Int32(0);
            if (list) w.Int64(1001);
            else w.Int32(0);
            w.Tags();
        });
    }

    private static void WriteOffsets(ProtocolWriter w, ApiKey key, short v)
    {
        if (key == ApiKey.OffsetFetch)
        {
            if (v >= 8) w.Count(1);
            w.String("g");
            One(w, "t", () => w.Int32Array([0]));
            if (v >= 8) w.Tags();
            if (v >= 7) w.Bool(true);
            return;
        }
        w.String("g");
        w.Int32(-1);
        w.String("");
        if (v >= 7) w.NullableString(null);
        if (v <= 4) w.Int64(-1);
        One(w, "t", () =>
        {
            w.Count(1);
            w.Int32(0);
            w.Int64(2);
            if (v >= 6) w.Int32(-1);
            w.NullableString("note");
            w.Tags();
        });
    }

    private static void WriteTransaction(ProtocolWriter w, ApiKey key, short v)
    {
        w.String("tx");
        if (key == ApiKey.InitProducerId) w.Int32(60_000);
        if (key == ApiKey.TxnOffsetCommit) w.String("g");
        if (key != ApiKey.InitProducerId || v >= 3)
        {
            w.Int64(key == ApiKey.InitProducerId ? -1 : 0);
            w.Int16(key == ApiKey.InitProducerId ? (short)-1 : (short)0);
        }
        if (key == ApiKey.AddPartitionsToTxn) One(w, "t", () => w.Int32Array([0, 1]));
        if (key == ApiKey.AddOffsetsToTxn) w.String("g");
        if (key == ApiKey.EndTxn) w.Bool(true);
        if (key != ApiKey.TxnOffsetCommit) return;
        if (v >= 3) w.Int32(-1);
        if (v >= 3) w.String("");
        if (v >= 3) w.NullableString(null);
        One(w, "t", () =>
        {
            w.Count(1);
            w.Int32(0);
            w.Int64(2);
            if (v >= 2) w.Int32(-1);
            w.NullableString(null);
            w.Tags();
        });
    }

    private static void WriteTopics(ProtocolWriter w, ApiKey key, short v)
    {
        switch (key)
        {
            case ApiKey.CreateTopics:
                One(w, "new", () =>
                {
                    w.Int32(2);
                    w.Int16(1);
                    w.Count(0);
                    One(w, "retention.ms", () => w.NullableString("-1"));
                });
                w.Int32(1000);
                w.Bool(false);
                break;
            case ApiKey.DeleteTopics when v >= 6:
                One(w, "t", () => w.Uuid(Guid.Empty));
                w.Int32(1000);
                break;
            case ApiKey.DeleteTopics:
                WriteStrings(w, "t");
                w.Int32(1000);
                break;
            case ApiKey.CreatePartitions:
                One(w, "t", () =>
                {
                    w.Int32(3);
                    w.NullArray();
                });
                w.Int32(1000);
                w.Bool(false);
                break;
            case ApiKey.DeleteRecords:
                One(w, "t", () =>
                {
                    w.Count(1);
                    w.Int32(0);
                    w.Int64(2);
                    w.Tags();
                });
                w.Int32(1000);
                break;
            case ApiKey.AlterConfigs or ApiKey.IncrementalAlterConfigs:
                w.Count(1);
                w.Int8(2);
                One(w, "t", () => One(w, "retention.ms", () =>
                {
                    if (key == ApiKey.IncrementalAlterConfigs) w.Int8(0);
                    w.NullableString("3600000");
                }), counted: false);
                w.Bool(false);
                break;
            case ApiKey.DescribeConfigs:
                w.Count(1);
                w.Int8(2);
                w.String("t");
                w.NullArray();
                w.Tags();
                w.Bool(false);
                if (v >= 3) w.Bool(false);
                break;
        }
    }

    private static void WriteMembership(ProtocolWriter w, ApiKey key, short v)
    {
        w.String("g");
        if (key == ApiKey.JoinGroup)
        {
            w.Int32(10_000);
            if (v >= 1) w.Int32(10_000);
            w.String("");
            if (v >= 5) w.NullableString(null);
            w.String("consumer");
            One(w, "range", () => w.Bytes([1, 2, 3]));
            if (v >= 8) w.NullableString("because");
            return;
        }
        if (key == ApiKey.LeaveGroup && v >= 3)
        {
            One(w, "m", () =>
            {
                w.NullableString(null);
                if (v >= 5) w.NullableString("because");
            });
            return;
        }
        if (key != ApiKey.LeaveGroup) w.Int32(1);
        w.String("m");
        if (v >= 3 && key != ApiKey.LeaveGroup) w.NullableString(null);
        if (key != ApiKey.SyncGroup) return;
        if (v >= 5) w.NullableString("consumer");
        if (v >= 5) w.NullableString("range");
        One(w, "m", () => w.Bytes([1]));
    }

    private static void One(ProtocolWriter w, string name, Action body, bool counted = true)
    {
        if (counted) w.Count(1);
        w.String(name);
        body();
        w.Tags();
    }

    private static void WriteStrings(ProtocolWriter w, params string[] values)
    {
        w.Count(values.Length);
        foreach (var value in values) w.String(value);
    }
}
