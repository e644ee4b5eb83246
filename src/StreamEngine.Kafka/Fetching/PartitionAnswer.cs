using StreamEngine.Core;

namespace StreamEngine.Kafka.Fetching;

/// <summary>One partition of a fetch request, and who led it when it was made.</summary>
internal readonly record struct PartitionQuestion(FetchedPartition Partition, long Offset, int Leader, int LeaderEpoch, int LastEpoch, int MostBytes);

/// <summary>How a broker is asked.</summary>
/// <param name="WaitMs">How long it may keep a request for which it has nothing.</param>
/// <param name="Rack">Where the reader is; empty: the leader is not to name a nearer replica (KIP-392).</param>
internal readonly record struct FetchTerms(int WaitMs, string Rack);

/// <summary>One partition of a fetch response. Who has it releases its block.</summary>
internal struct PartitionAnswer
{
    public int Index;
    public KafkaError Error;
    public long HighWatermark;
    public long StableOffset;
    public long LogStart;
    public AbortedTransaction[] Aborted;
    public int PreferredReplica;
    public NativeBlock? Block;
    public int Length;

    /// <summary>The log has another history behind this epoch's end than what was read (KIP-320); -1 for none.</summary>
    public int DivergingEpoch;
    public long DivergingEnd;
}

/// <summary>
/// The form of fetch requests and responses, version 4 to 13, without sessions. From 13 on the topic is named by its id (KIP-516): one that was deleted and created again
/// under the same name is never taken for the one that was read.
/// </summary>
internal static class FetchMessages
{
    public const short Oldest = 4;
    public const short Newest = 13;
    public const short FirstWithTopicId = 13;
    public const short FirstFlexible = 12;

    private const sbyte ReadCommitted = 1;
    private const int DivergingEpochTag = 0;

    public static void Write(RequestWriter w, short version, string topic, Guid topicId, IReadOnlyList<PartitionQuestion> questions, FetchTerms terms,
        FetchSettings settings)
    {
        w.Int32(-1);
        w.Int32(terms.WaitMs);
        w.Int32(1);
        w.Int32(settings.ResponseBytes);
        w.Int8(ReadCommitted);
        if (version >= 7)
        {
            // No session (KIP-227): every request names its partitions.
            w.Int32(0);
            w.Int32(-1);
        }
        w.Count(1);
        if (version >= FirstWithTopicId) w.Uuid(topicId);
        else w.String(topic);
        w.Count(questions.Count);
        foreach (var question in questions)
        {
            w.Int32(question.Partition.Index);
            if (version >= 9) w.Int32(question.LeaderEpoch);
            w.Int64(question.Offset);
            if (version >= 12) w.Int32(question.LastEpoch);
            if (version >= 5) w.Int64(-1);
            w.Int32(question.MostBytes);
            w.Tags();
        }
        w.Tags();
        if (version >= 7) w.Count(0);
        if (version >= 11) w.String(terms.Rack);
        w.Tags();
    }

    /// <summary>What stands before the topics: how long the broker asks to be left alone, and an error of the whole response.</summary>
    private static (int ThrottleMs, KafkaError Error) ReadHead(ResponseReader r, short version)
    {
        var throttle = r.Int32();
        if (version < 7) return (throttle, KafkaError.None);
        var error = r.Error();
        r.Int32();
        return (throttle, error);
    }

    /// <summary>A whole response; each partition is handed on as it comes.</summary>
    /// <param name="r">Stands behind the response's head.</param>
    /// <param name="version">Of the request.</param>
    /// <param name="topic">What it was asked for by: the topic's name, or its id.</param>
    /// <param name="scope">For the records.</param>
    /// <param name="take">Owns what it gets.</param>
    public static (int ThrottleMs, KafkaError Error) Read(ResponseReader r, short version, string topic, MemoryScope scope, Action<PartitionAnswer> take)
    {
        var head = ReadHead(r, version);
        for (var topics = r.Count(6); topics > 0; topics--)
        {
            var answered = version >= FirstWithTopicId ? r.Uuid().ToString() : r.String();
            if (answered != topic) throw new MalformedException($"records of topic '{answered}'");
            for (var left = r.Count(30); left > 0; left--) take(ReadPartition(r, version, scope));
            r.Tags();
        }
        r.Tags();
        r.End();
        return head;
    }

    /// <summary>The next partition; its records go from the connection to a block of their own.</summary>
    private static PartitionAnswer ReadPartition(ResponseReader r, short version, MemoryScope scope)
    {
        var answer = new PartitionAnswer { Index = r.Int32(), Error = r.Error(), HighWatermark = r.Int64(), StableOffset = r.Int64(), LogStart = -1 };
        if (version >= 5) answer.LogStart = r.Int64();
        answer.Aborted = ReadAborted(r);
        answer.PreferredReplica = version >= 11 ? r.Int32() : -1;
        answer.DivergingEpoch = -1;
        answer.Length = r.RecordsLength();
        try
        {
            if (answer.Length > 0)
            {
                answer.Block = scope.Rent(answer.Length);
                r.Read(answer.Block.GetSpan()[..answer.Length]);
            }
            if (r.Flexible) ReadTags(r, ref answer);
        }
        catch
        {
            answer.Block?.Release();
            throw;
        }
        return answer;
    }

    private static AbortedTransaction[] ReadAborted(ResponseReader r)
    {
        var left = r.Count(16);
        if (left == 0) return [];
        var aborted = new List<AbortedTransaction>();
        for (; left > 0; left--)
        {
            aborted.Add(new AbortedTransaction(r.Int64(), r.Int64()));
            r.Tags();
        }
        return [.. aborted];
    }

    private static void ReadTags(ResponseReader r, ref PartitionAnswer answer)
    {
        for (var left = r.TagCount(); left > 0; left--)
        {
            var tag = r.UVarInt();
            var size = r.TagSize();
            var end = r.Remaining - size;
            if (tag == DivergingEpochTag) (answer.DivergingEpoch, answer.DivergingEnd) = (r.Int32(), r.Int64());
            if (r.Remaining < end) throw new MalformedException($"a tagged field of {size} bytes is longer than that");
            r.Skip(r.Remaining - end);
        }
    }
}
