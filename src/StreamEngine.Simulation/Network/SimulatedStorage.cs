using StreamEngine.Broker.Storage;

namespace StreamEngine.Simulation.Network;

/// <summary>What becomes of the broker's machine.</summary>
internal enum BrokerCrash : byte
{
    /// <summary>The process is killed in the middle of a request: what it wrote before is there, in order, perhaps with a torn last write.</summary>
    Kill,

    /// <summary>The power goes: of what was not forced to the disk each file keeps as much as it happens to.</summary>
    PowerCut,
}

/// <summary>
/// The broker's files. It remembers the writes of the request that is being handled, so that a crash can come between any two of them: what the process did behind the
/// point of the crash is undone.
/// </summary>
internal sealed class SimulatedStorage : ILogStorage
{
    private readonly Dictionary<(Guid Topic, int Partition), List<Segment>> _segments = [];
    private readonly List<Write> _writes = [];

    public SimulatedStorage() => Journal = new JournalFile(this);

    /// <summary>One write of a file: how it is undone, and for an append how many of its bytes are kept. A sync has neither.</summary>
    private sealed record Write(object? File, Action<int>? Keep, int Length);

    public IJournalFile Journal { get; }

    /// <summary>A request begins: what was written before is in the hands of the operating system.</summary>
    public void BeginRequest() => _writes.Clear();

    /// <summary>Undoes what a crash at a point of the present request takes away.</summary>
    public void Crash(BrokerCrash crash, Random random)
    {
        var at = random.Next(_writes.Count + 1);
        for (var i = _writes.Count - 1; i >= at; i--) _writes[i].Keep?.Invoke(i == at && crash == BrokerCrash.Kill ? random.Next(_writes[i].Length + 1) : 0);
        if (crash == BrokerCrash.PowerCut) LoseUnsynced(at, random);
        _writes.Clear();
    }

    private void LoseUnsynced(int before, Random random)
    {
        var from = _writes.FindLastIndex(before == 0 ? 0 : before - 1, before, w => w.File is null) + 1;
        // Per file a prefix of its writes has reached the disk; the files know nothing of each other.
        foreach (var file in _writes.Skip(from).Take(before - from).GroupBy(w => w.File!).ToList())
        {
            var writes = file.ToList();
            var kept = random.Next(writes.Count + 1);
            for (var i = writes.Count - 1; i >= kept; i--) writes[i].Keep!(0);
        }
    }

    public List<ISegment> OpenSegments(Guid topicId, int partition) => _segments.TryGetValue((topicId, partition), out var list) ? [.. list.OrderBy(s => s.BaseOffset)]
        : [];

    public ISegment CreateSegment(Guid topicId, int partition, long baseOffset, int firstBatch)
    {
        if (!_segments.TryGetValue((topicId, partition), out var list)) _segments[(topicId, partition)] = list = [];
        var segment = new Segment(this, list, baseOffset);
        list.Add(segment);
        _writes.Add(new Write(segment, _ => list.Remove(segment), 0));
        return segment;
    }

    public void DeleteTopic(Guid topicId)
    {
        foreach (var key in _segments.Keys.Where(k => k.Topic == topicId).ToList()) _segments.Remove(key);
    }

    public IReadOnlyCollection<Guid> StoredTopics() => [.. _segments.Keys.Select(k => k.Topic).Distinct()];

    public void Sync() => _writes.Add(new Write(null, null, 0));

    public void Dispose()
    {
    }

    private sealed class Segment(SimulatedStorage owner, List<Segment> siblings, long baseOffset) : ISegment
    {
        private byte[] _bytes = new byte[4096];
        private int _size;
        private byte[]? _checkpoint;

        public long BaseOffset => baseOffset;

        public long Size => _size;

        public bool HasRoom(int bytes) => true;

        public void Append(ReadOnlySpan<byte> bytes)
        {
            var before = _size;
            // A new array, never a changed one: slices of the old one may still be under way.
            if (_bytes.Length - _size < bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _size + bytes.Length));
            bytes.CopyTo(_bytes.AsSpan(_size));
            _size += bytes.Length;
            owner._writes.Add(new Write(this, kept => _size = before + kept, bytes.Length));
        }

        public void Read(long position, Span<byte> target) => _bytes.AsSpan((int)position, target.Length).CopyTo(target);

        public LogSlice Slice(long position, int length) => new(_bytes.AsMemory((int)position, length));

        public void Truncate(long size) => _size = (int)size;

        public void WriteCheckpoint(ReadOnlySpan<byte> checkpoint)
        {
            var before = _checkpoint;
            _checkpoint = checkpoint.ToArray();
            owner._writes.Add(new Write(this, _ => _checkpoint = before, 0));
        }

        public byte[]? ReadCheckpoint() => _checkpoint;

        public void Delete()
        {
            siblings.Remove(this);
            owner._writes.Add(new Write(this, _ => siblings.Add(this), 0));
        }
    }

    private sealed class JournalFile(SimulatedStorage owner) : IJournalFile
    {
        private byte[] _bytes = [];
        private int _size;

        public long Size => _size;

        public byte[] ReadAll() => _bytes[.._size];

        public void Append(ReadOnlySpan<byte> bytes)
        {
            var before = _size;
            if (_bytes.Length - _size < bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _size + bytes.Length));
            bytes.CopyTo(_bytes.AsSpan(_size));
            _size += bytes.Length;
            owner._writes.Add(new Write(this, kept => _size = before + kept, bytes.Length));
        }

        public void Replace(ReadOnlySpan<byte> bytes)
        {
            var (before, size) = (_bytes, _size);
            (_bytes, _size) = (bytes.ToArray(), bytes.Length);
            owner._writes.Add(new Write(this, _ => (_bytes, _size) = (before, size), 0));
        }

        public void Truncate(long size) => _size = (int)size;
    }
}
