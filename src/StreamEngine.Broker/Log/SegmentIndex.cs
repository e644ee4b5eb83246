namespace StreamEngine.Broker.Log;

/// <summary>A batch that starts at a position of a segment, and the newest timestamp of the segment up to the next entry.</summary>
internal readonly record struct IndexEntry(long Offset, int Position, long MaxTimestamp);

/// <summary>A sparse index of one segment: an entry each 4 KiB, as in Kafka; readers step over batch heads from there.</summary>
internal sealed class SegmentIndex
{
    private const int Interval = 4096;
    private readonly List<IndexEntry> _entries = [];

    public IReadOnlyList<IndexEntry> Entries => _entries;

    /// <summary>The newest timestamp of the segment; -1 when there is none.</summary>
    public long Newest => _entries.Count == 0 ? -1 : _entries[^1].MaxTimestamp;

    public void Add(long offset, int position, long maxTimestamp)
    {
        if (_entries.Count == 0 || position - _entries[^1].Position >= Interval)
            _entries.Add(new IndexEntry(offset, position, _entries.Count == 0 ? maxTimestamp : Math.Max(maxTimestamp, _entries[^1].MaxTimestamp)));
        else if (maxTimestamp > _entries[^1].MaxTimestamp) _entries[^1] = _entries[^1] with { MaxTimestamp = maxTimestamp };
    }

    public void Restore(in IndexEntry entry) => _entries.Add(entry);

    /// <summary>Where to start looking for the batch that holds an offset.</summary>
    public int PositionBefore(long offset)
    {
        int low = 0, high = _entries.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_entries[middle].Offset <= offset) low = middle;
            else high = middle - 1;
        }
        return _entries.Count == 0 ? 0 : _entries[low].Position;
    }

    /// <summary>The last indexed batch start at or before a position.</summary>
    public int BatchStartBefore(long position)
    {
        int low = 0, high = _entries.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_entries[middle].Position <= position) low = middle;
            else high = middle - 1;
        }
        return _entries.Count == 0 ? 0 : _entries[low].Position;
    }

    /// <summary>Where to start looking for the first record at or after a time; null when the segment has none.</summary>
    public int? PositionByTime(long timestamp)
    {
        if (_entries.Count == 0 || _entries[^1].MaxTimestamp < timestamp) return null;
        int low = 0, high = _entries.Count - 1;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_entries[middle].MaxTimestamp >= timestamp) high = middle;
            else low = middle + 1;
        }
        return _entries[low].Position;
    }
}
