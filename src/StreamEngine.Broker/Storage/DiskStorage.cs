using System.Globalization;

namespace StreamEngine.Broker.Storage;

/// <summary>
/// Storage in a directory that one broker owns: <c>journal.log</c>, and <c>topics/ID/PARTITION/OFFSET.log</c> with a <c>.checkpoint</c> beside each segment.
/// </summary>
internal sealed class DiskStorage : ILogStorage
{
    private readonly string _topics;
    private readonly FileStream _lock;
    private readonly DiskJournal _journal;
    private readonly Lock _gate = new();
    private readonly HashSet<DiskSegment> _dirty = [];
    private readonly Dictionary<Guid, HashSet<DiskSegment>> _open = [];

    public DiskStorage(string directory)
    {
        Directory.CreateDirectory(directory);
        _topics = Path.Combine(directory, "topics");
        Directory.CreateDirectory(_topics);
        var lockFile = Path.Combine(directory, "lock");
        try
        {
            _lock = new FileStream(lockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error)
        {
            throw new IOException($"data directory '{directory}' is in use by another broker ({lockFile} is locked): stop that one, or choose another directory", error);
        }
        _journal = new DiskJournal(Path.Combine(directory, "journal.log"));
    }

    public IJournalFile Journal => _journal;

    public List<ISegment> OpenSegments(Guid topicId, int partition)
    {
        var folder = Folder(topicId, partition);
        if (!Directory.Exists(folder)) return [];
        var found = new List<ISegment>();
        foreach (var file in Directory.EnumerateFiles(folder, "*.log").Order(StringComparer.Ordinal))
            if (long.TryParse(Path.GetFileNameWithoutExtension(file), NumberStyles.None, CultureInfo.InvariantCulture, out var baseOffset))
                found.Add(Add(new DiskSegment(this, topicId, file, baseOffset)));
        return found;
    }

    public ISegment CreateSegment(Guid topicId, int partition, long baseOffset, int firstBatch)
    {
        var folder = Folder(topicId, partition);
        Directory.CreateDirectory(folder);
        return Add(new DiskSegment(this, topicId, Path.Combine(folder, baseOffset.ToString("D20", CultureInfo.InvariantCulture) + ".log"), baseOffset));
    }

    public void DeleteTopic(Guid topicId)
    {
        var folder = Path.Combine(_topics, topicId.ToString());
        lock (_gate)
        {
            if (_open.Remove(topicId, out var segments)) _dirty.ExceptWith(segments);
        }
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    public IReadOnlyCollection<Guid> StoredTopics() =>
        [.. Directory.EnumerateDirectories(_topics).Select(Path.GetFileName).Where(n => Guid.TryParse(n, out _)).Select(n => Guid.Parse(n!))];

    /// <summary>May be called beside appends: what is appended meanwhile is dirty again.</summary>
    public void Sync()
    {
        DiskSegment[] dirty;
        lock (_gate)
        {
            dirty = [.. _dirty];
            _dirty.Clear();
        }
        // Data before the journal: a decision on the disk must not speak of records that are not.
        foreach (var segment in dirty) segment.Flush();
        _journal.Flush();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var segment in _open.Values.SelectMany(s => s)) segment.Close();
            _open.Clear();
            _dirty.Clear();
        }
        _journal.Dispose();
        _lock.Dispose();
    }

    internal void Touch(DiskSegment segment)
    {
        lock (_gate) _dirty.Add(segment);
    }

    internal void Remove(DiskSegment segment)
    {
        lock (_gate)
        {
            _dirty.Remove(segment);
            if (_open.TryGetValue(segment.TopicId, out var segments)) segments.Remove(segment);
        }
    }

    private DiskSegment Add(DiskSegment segment)
    {
        lock (_gate)
        {
            if (!_open.TryGetValue(segment.TopicId, out var segments)) _open[segment.TopicId] = segments = [];
            segments.Add(segment);
        }
        return segment;
    }

    private string Folder(Guid topicId, int partition) => Path.Combine(_topics, topicId.ToString(), partition.ToString(CultureInfo.InvariantCulture));
}
