namespace StreamEngine.Broker.Storage;

/// <summary>Storage in arrays of the process.</summary>
internal sealed class MemoryStorage : ILogStorage
{
    private readonly Dictionary<Guid, Dictionary<int, List<MemorySegment>>> _segments = [];

    public IJournalFile Journal { get; } = new MemoryJournal();

    public List<ISegment> OpenSegments(Guid topicId, int partition) =>
        _segments.TryGetValue(topicId, out var partitions) && partitions.TryGetValue(partition, out var list) ? [.. list.OrderBy(s => s.BaseOffset)] : [];

    public ISegment CreateSegment(Guid topicId, int partition, long baseOffset, int firstBatch)
    {
        if (!_segments.TryGetValue(topicId, out var partitions)) _segments[topicId] = partitions = [];
        if (!partitions.TryGetValue(partition, out var list)) partitions[partition] = list = [];
        // Small topics (claims, manifests, dead letters) stay small: the first array is 16 KiB, each next twice as large, up to 4 MiB.
        var capacity = Math.Max(firstBatch, list.Count == 0 ? 16 * 1024 : (int)Math.Min(4L << 20, list[^1].Capacity * 2L));
        var segment = new MemorySegment(list, baseOffset, capacity);
        list.Add(segment);
        return segment;
    }

    public void DeleteTopic(Guid topicId) => _segments.Remove(topicId);

    public IReadOnlyCollection<Guid> StoredTopics() => [.. _segments.Keys];

    public void Sync()
    {
    }

    public void Dispose()
    {
    }

    private sealed class MemorySegment(List<MemorySegment> owner, long baseOffset, int capacity) : ISegment
    {
        private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(capacity);
        private int _size;
        private byte[]? _checkpoint;

        public int Capacity => _bytes.Length;

        public long BaseOffset => baseOffset;

        public long Size => _size;

        public bool HasRoom(int bytes) => _bytes.Length - _size >= bytes;

        public void Append(ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_bytes.AsSpan(_size));
            _size += bytes.Length;
        }

        public void Read(long position, Span<byte> target) => _bytes.AsSpan((int)position, target.Length).CopyTo(target);

        public LogSlice Slice(long position, int length) => new(_bytes.AsMemory((int)position, length));

        public void Truncate(long size) => _size = (int)size;

        public void WriteCheckpoint(ReadOnlySpan<byte> checkpoint) => _checkpoint = checkpoint.ToArray();

        public byte[]? ReadCheckpoint() => _checkpoint;

        // Slices that are still being sent keep the array alive.
        public void Delete() => owner.Remove(this);
    }

    private sealed class MemoryJournal : IJournalFile
    {
        private readonly MemoryStream _stream = new();

        public long Size => _stream.Length;

        public byte[] ReadAll() => _stream.ToArray();

        public void Append(ReadOnlySpan<byte> bytes) => _stream.Write(bytes);

        public void Replace(ReadOnlySpan<byte> bytes)
        {
            _stream.SetLength(0);
            _stream.Capacity = bytes.Length;
            _stream.Write(bytes);
        }

        public void Truncate(long size) => _stream.SetLength(size);
    }
}
