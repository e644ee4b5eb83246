using StreamEngine.Broker.Fetching;
using StreamEngine.Broker.Log;
using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Storage;
using StreamEngine.Broker.Topics;

namespace StreamEngine.Broker.Api;

/// <summary>Fetch: answered at once when enough bytes are there, else when they are or when the client's patience ends. No fetch sessions: session id 0 says so
/// (KIP-227).</summary>
internal static class FetchApi
{
    /// <summary>No single answer is larger, whatever the client asks for.</summary>
    private const int MaxResponse = 256 << 20;

    /// <summary>A client that is gone is noticed when its wait ends, so waits are not endless; an empty answer before its time harms nobody.</summary>
    private const int MaxWaitMs = 30_000;

    private readonly record struct PartitionAsked(int Index, int LeaderEpoch, long Offset, int MaxBytes);

    private readonly record struct TopicAsked(string Name, Guid Id, List<PartitionAsked> Partitions);

    public static void Handle(ref ProtocolReader r, ApiCall call)
    {
        var version = call.Version;
        if (version <= 14) r.Int32();
        var maxWait = r.Int32();
        var minBytes = r.Int32();
        var maxBytes = r.Int32();
        var committed = r.Int8() == 1;
        var session = version >= 7 ? r.Int32() : 0;
        if (version >= 7) r.Int32();
        var asked = r.Array(static (ref ProtocolReader x) => ReadTopic(ref x));
        if (version >= 7) SkipForgotten(ref r);
        if (version >= 11) r.String();
        r.End();
        if (session != 0)
        {
            call.Writer.Int32(0);
            call.Writer.Error(ErrorCode.FetchSessionIdNotFound);
            call.Writer.Int32(0);
            call.Writer.Count(0);
            call.Writer.Tags();
            return;
        }
        var hasError = false;
        // Finding an offset reads the log: once for a partition.
        var seen = new HashSet<Partition>();
        var topics = asked.ConvertAll(t => Resolve(call, t, seen, ref hasError));
        var request = new FetchRequest
        {
            MaxWaitMs = Math.Clamp(maxWait, 0, MaxWaitMs),
            MinBytes = Math.Max(0, minBytes),
            MaxBytes = Math.Clamp(maxBytes, 0, MaxResponse),
            Committed = committed,
            Topics = topics,
            HasError = hasError,
        };
        if (request.HasError || request.MaxWaitMs == 0 || request.Topics.Count == 0 || request.Available() >= request.MinBytes)
        {
            Write(call.Writer, version, request);
            return;
        }
        call.HasNoResponse = true;
        call.Core.Waits.Add(new WaitingFetch(call.Exchange, request, call.Now + request.MaxWaitMs));
    }

    /// <summary>The answer to a fetch that waited.</summary>
    public static BrokerResponse Encode(BrokerExchange exchange, FetchRequest request)
    {
        var writer = ApiTable.Begin(exchange, exchange.Flexible);
        Write(writer, exchange.Version, request);
        return writer.Finish();
    }

    private static TopicAsked ReadTopic(ref ProtocolReader r)
    {
        var name = r.Version <= 12 ? r.String() : "";
        var id = r.Version >= 13 ? r.Uuid() : Guid.Empty;
        var partitions = r.Array(static (ref ProtocolReader x) =>
        {
            var index = x.Int32();
            var epoch = x.Version >= 9 ? x.Int32() : -1;
            var offset = x.Int64();
            if (x.Version >= 12) x.Int32();
            if (x.Version >= 5) x.Int64();
            var partition = new PartitionAsked(index, epoch, offset, x.Int32());
            x.Tags();
            return partition;
        });
        r.Tags();
        return new TopicAsked(name, id, partitions);
    }

    private static void SkipForgotten(ref ProtocolReader r) => r.Array(static (ref ProtocolReader x) =>
    {
        if (x.Version <= 12) x.String();
        else x.Uuid();
        x.Int32Array();
        x.Tags();
        return 0;
    });

    private static (string Name, Guid Id, List<FetchTarget> Partitions) Resolve(ApiCall call, TopicAsked asked, HashSet<Partition> seen, ref bool hasError)
    {
        var byId = call.Version >= 13;
        var topic = byId ? call.Core.Topics.Find(asked.Id) : call.Core.Topics.Find(asked.Name);
        var targets = new List<FetchTarget>(asked.Partitions.Count);
        foreach (var p in asked.Partitions)
        {
            var partition = topic?.Find(p.Index);
            var error = topic is null ? byId ? ErrorCode.UnknownTopicId : ErrorCode.UnknownTopicOrPartition
                : partition is null ? ErrorCode.UnknownTopicOrPartition
                : !seen.Add(partition) ? ErrorCode.InvalidRequest
                : p.LeaderEpoch > 0 ? ErrorCode.UnknownLeaderEpoch
                : p.Offset < partition.Log.StartOffset || p.Offset > partition.Log.EndOffset ? ErrorCode.OffsetOutOfRange
                : ErrorCode.None;
            hasError |= error != ErrorCode.None;
            var position = error == ErrorCode.None ? partition!.Log.PositionOf(p.Offset) : 0;
            targets.Add(new FetchTarget(p.Index, p.Offset, Math.Max(0, p.MaxBytes), partition, error) { Position = position });
        }
        return (asked.Name, asked.Id, targets);
    }

    private static void Write(ProtocolWriter w, short version, FetchRequest request)
    {
        w.Int32(0);
        if (version >= 7)
        {
            w.Error(ErrorCode.None);
            w.Int32(0);
        }
        w.Count(request.Topics.Count);
        var left = request.MaxBytes;
        var any = false;
        foreach (var (name, id, partitions) in request.Topics)
        {
            if (version <= 12) w.String(name);
            else w.Uuid(id);
            w.Count(partitions.Count);
            foreach (var target in partitions)
            {
                var sent = WritePartition(w, version, target, request.Committed, Math.Min(left, target.MaxBytes), atLeastOne: !any);
                left = Math.Max(0, left - sent);
                any |= sent > 0;
            }
            w.Tags();
        }
        w.Tags();
    }

    private static int WritePartition(ProtocolWriter w, short version, FetchTarget target, bool committed, int maxBytes, bool atLeastOne)
    {
        var log = target.Partition?.Log;
        var slices = new List<LogSlice>();
        // A fetch that waited may find that the log was cut in front of it meanwhile.
        var error = target.Error == ErrorCode.None && target.Offset < log!.StartOffset ? ErrorCode.OffsetOutOfRange : target.Error;
        var (bytes, next) = error == ErrorCode.None && (maxBytes > 0 || atLeastOne)
            ? log!.Read(target.Offset, maxBytes, committed, atLeastOne, slices) : (0, target.Offset);
        w.Int32(target.Index);
        w.Error(error);
        w.Int64(log?.EndOffset ?? -1);
        w.Int64(log?.StableOffset ?? -1);
        if (version >= 5) w.Int64(log?.StartOffset ?? -1);
        WriteAborted(w, committed && error == ErrorCode.None ? log!.AbortedWithin(target.Offset, next) : null);
        if (version >= 11) w.Int32(-1);
        w.Records(slices);
        w.Tags();
        return bytes;
    }

    private static void WriteAborted(ProtocolWriter w, List<AbortedTransaction>? aborted)
    {
        if (aborted is null)
        {
            w.NullArray();
            return;
        }
        w.Count(aborted.Count);
        foreach (var a in aborted)
        {
            w.Int64(a.ProducerId);
            w.Int64(a.FirstOffset);
            w.Tags();
        }
    }
}
