using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker.Log;

/// <summary>A segment with its index. Positions of a log run through all its segments; <see cref="StartPosition"/> is where this one begins.</summary>
internal sealed class LogSegment(ISegment store, long startPosition)
{
    public ISegment Store { get; } = store;

    public long StartPosition { get; } = startPosition;

    public SegmentIndex Index { get; } = new();

    /// <summary>One past the last offset.</summary>
    public long NextOffset { get; set; } = store.BaseOffset;

    public long BaseOffset => Store.BaseOffset;

    public long Size => Store.Size;

    public long EndPosition => StartPosition + Store.Size;

    public void Append(ReadOnlySpan<byte> batch, in BatchHeader header)
    {
        var position = (int)Store.Size;
        Store.Append(batch);
        Note(header, position);
    }

    public void Note(in BatchHeader header, int position)
    {
        Index.Add(header.BaseOffset, position, header.MaxTimestamp);
        NextOffset = header.LastOffset + 1;
    }

    public BatchHeader HeaderAt(long position)
    {
        Span<byte> bytes = stackalloc byte[BatchHeader.Size];
        Store.Read(position, bytes);
        return BatchHeader.Read(bytes);
    }

    /// <summary>The position in this segment of the batch that holds an offset, or of the first one after it.</summary>
    public long PositionOf(long offset)
    {
        long position = Index.PositionBefore(offset);
        while (position < Size)
        {
            var header = HeaderAt(position);
            if (header.LastOffset >= offset) break;
            position += header.TotalSize;
        }
        return position;
    }

    /// <summary>The end of the last batch that fits between <paramref name="from"/> and <paramref name="limit"/>; not less than one batch if <paramref
    /// name="atLeastOne"/>.</summary>
    public long EndWithin(long from, long limit, bool atLeastOne)
    {
        if (limit >= Size) return Size;
        var position = Math.Max(from, Index.BatchStartBefore(limit));
        while (position < Size)
        {
            var next = position + HeaderAt(position).TotalSize;
            if (next > limit) return position == from && atLeastOne ? next : position;
            position = next;
        }
        return position;
    }
}
