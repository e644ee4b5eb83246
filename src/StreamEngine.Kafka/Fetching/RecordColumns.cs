using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Kafka.Fetching;

/// <summary>
/// The columns of a batch that is being filled. Records are copied as they lie in the log, framing included, in one piece per stretch: that is one copy of a few hundred
/// kilobytes instead of one per value, and what was fetched is not held by what was made of it.
/// </summary>
internal unsafe ref struct RecordColumns
{
    private readonly Arena _arena;
    private Bytes* _headers;

    public RecordColumns(Arena arena, int capacity, int mostBytes)
    {
        _arena = arena;
        Capacity = capacity;
        MostBytes = mostBytes;
        Offsets = arena.Allocate<long>(capacity);
        Timestamps = arena.Allocate<long>(capacity);
        Keys = arena.Allocate<Bytes>(capacity);
        Values = arena.Allocate<Bytes>(capacity);
    }

    public int Capacity { get; }

    public int MostBytes { get; }

    public int Count { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>The next record does not belong to this batch any more.</summary>
    public bool IsFull { get; set; }

    public long* Offsets { get; }

    public long* Timestamps { get; }

    public Bytes* Keys { get; }

    public Bytes* Values { get; }

    public readonly Bytes* Headers => _headers;

    /// <summary>Takes over the records up to a count, which lie between two places.</summary>
    public void Keep(int count, long bytes, byte* first, byte* end)
    {
        var length = checked((int)(end - first));
        var copy = _arena.AllocateBytes(length);
        Unsafe.CopyBlockUnaligned(copy, first, (uint)length);
        for (var i = Count; i < count; i++)
        {
            Keys[i] = Moved(Keys[i], first, copy);
            Values[i] = Moved(Values[i], first, copy);
        }
        (Count, Bytes) = (count, bytes);
    }

    private static Bytes Moved(Bytes bytes, byte* from, byte* to) => bytes.IsNull ? bytes : new Bytes(to + (bytes.Pointer - from), bytes.Length);

    /// <summary>The headers of a record from where their count stands to the record's end, in the form of <see cref="RecordHeaders"/>.</summary>
    public void AddHeaders(int row, byte* headers, byte* end, long offset)
    {
        if (_headers is null) _headers = _arena.AllocateZeroed<Bytes>(Capacity);
        var size = Walk(headers, end, offset, default);
        if (size > int.MaxValue) throw new MalformedException($"the record at offset {offset} has headers of {size} bytes");
        var to = new Span<byte>(_arena.AllocateBytes((int)size), (int)size);
        Walk(headers, end, offset, to);
        fixed (byte* start = to) _headers[row] = new Bytes(start, (int)size);
    }

    private static long Walk(byte* p, byte* end, long offset, Span<byte> to)
    {
        long size = 0;
        for (var left = RecordStretch.VarInt(ref p); left > 0; left--)
        {
            var nameLength = RecordStretch.VarInt(ref p);
            if (nameLength < 0 || nameLength > end - p) throw new MalformedException($"the record at offset {offset} has a header's name of {nameLength} bytes");
            var name = new ReadOnlySpan<byte>(p, nameLength);
            p += nameLength;
            var valueLength = RecordStretch.VarInt(ref p);
            if (valueLength < -1 || valueLength > end - p) throw new MalformedException($"the record at offset {offset} has a header of {valueLength} bytes");
            var value = new ReadOnlySpan<byte>(p, Math.Max(valueLength, 0));
            p += value.Length;
            size += RecordHeaders.SizeOf(nameLength, valueLength);
            if (!to.IsEmpty) to = RecordHeaders.Write(to, name, value, valueLength < 0);
        }
        return p == end ? size : throw new MalformedException($"the record at offset {offset} has {end - p} bytes behind its headers");
    }
}
