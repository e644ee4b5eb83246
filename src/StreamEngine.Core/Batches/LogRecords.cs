using System.Runtime.InteropServices;

namespace StreamEngine.Core;

/// <summary>Bytes in native memory; a negative length is null (a Kafka key, value or header value that is absent).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly unsafe struct Bytes(byte* pointer, int length)
{
    public readonly byte* Pointer = pointer;
    public readonly int Length = length;

    public static Bytes Null => new(null, -1);

    public bool IsNull => Length < 0;

    public ReadOnlySpan<byte> Span => Length <= 0 ? default : new ReadOnlySpan<byte>(Pointer, Length);
}

/// <summary>
/// Records of a log as columns: as they were read from one partition of a source, or as they are to be written to one topic. The arrays and the bytes lie in the arenas
/// of the batch that carries them. Headers are encoded by <see cref="RecordHeaders"/>; a null pointer of an optional array means that no record has it.
/// </summary>
internal sealed unsafe class LogRecords(int count, string topic)
{
    public int Count { get; } = count;

    /// <summary>The topic they were read from or go to.</summary>
    public string Topic { get; } = topic;

    /// <summary>The partition they were read from; -1 for records to be written.</summary>
    public int Partition { get; init; } = -1;

    /// <summary>The source's name in the pipeline, or for records to be written the INSERT that wrote them; empty where it matters to nobody.</summary>
    public string Name { get; init; } = "";

    /// <summary>Offsets in the partition, growing but with gaps (control records, aborted and compacted ones); null for records to be written.</summary>
    public long* Offsets { get; init; }

    /// <summary>Record timestamps in milliseconds since 1970; null: to be stamped now.</summary>
    public long* Timestamps { get; init; }

    public Bytes* Keys { get; init; }

    public Bytes* Values { get; init; }

    public Bytes* Headers { get; init; }

    /// <summary>The partition of each record to be written; null or -1: by the key's murmur2, null keys round robin.</summary>
    public int* Partitions { get; init; }

    /// <summary>What the partition's watermark is lifted to before the first record, since it was idle; <see cref="Watermark.None"/> for nothing.</summary>
    public long IdleFloor { get; set; } = Watermark.None;

    /// <summary>They are dead letters that were sent again; null for records of the source's own partitions.</summary>
    public RedrivenRows? Redrive { get; init; }

    /// <summary>
    /// The offset behind the last record: where the source goes on, also past control records. Of redriven ones it is an offset of the redrive topic, whatever they say
    /// of where they came from.
    /// </summary>
    public long NextOffset { get; set; }

    /// <summary>The bytes of all values.</summary>
    public long ValueBytes
    {
        get
        {
            long sum = 0;
            for (var i = 0; i < Count; i++) sum += Math.Max(0, Values[i].Length);
            return sum;
        }
    }

    public Bytes KeyAt(int i) => Keys is null ? Bytes.Null : Keys[i];

    public Bytes HeadersAt(int i) => Headers is null ? Bytes.Null : Headers[i];
}
