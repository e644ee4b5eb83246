namespace StreamEngine.Core;

/// <summary>
/// What the stages have to say about an epoch, carried by its barrier: sources put positions, lanes the newest event times and counts. Stages of several islands write to
/// it, each before it passes the barrier on; the alignment before the commit makes it complete there.
/// </summary>
internal sealed class EpochReport(int fullFrom = 0, int fullTo = 0)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, SourcePosition> _sources = [];
    private readonly Dictionary<(string Source, int Partition), long> _newest = [];
    private readonly Dictionary<string, RowCounts> _sourceCounts = [];
    private readonly Dictionary<string, RowCounts> _insertCounts = [];

    /// <summary>The first key group whose state this epoch writes whole.</summary>
    public int FullFrom { get; } = fullFrom;

    /// <summary>The key group behind the last of them; equal to FullFrom for none.</summary>
    public int FullTo { get; } = fullTo;

    /// <summary>Where a source stands: offsets, watermark and idle moves. The newest event times are the lanes' to say.</summary>
    public void PutSource(string source, SourcePosition position)
    {
        lock (_lock) _sources[source] = position;
    }

    /// <summary>
    /// The newest event time that a lane has seen of a partition, before the barrier. Lanes that do not own the partition say what they were restored with: the newest
    /// counts.
    /// </summary>
    public void PutNewest(string source, int partition, long newest)
    {
        lock (_lock) _newest[(source, partition)] = Math.Max(newest, _newest.GetValueOrDefault((source, partition), Watermark.None));
    }

    /// <summary>Rows counted before the fork, which every INSERT of the source shares.</summary>
    public void AddSource(string source, RowCounts counts) => Add(_sourceCounts, source, counts);

    /// <summary>Rows counted in one INSERT.</summary>
    public void AddInsert(string insert, RowCounts counts) => Add(_insertCounts, insert, counts);

    private void Add(Dictionary<string, RowCounts> to, string name, RowCounts counts)
    {
        lock (_lock)
        {
            if (!to.TryGetValue(name, out var sum)) to[name] = sum = new RowCounts();
            sum.Add(counts);
        }
        foreach (var (insert, own) in counts.OfInserts ?? []) AddInsert(insert, own);
    }

    /// <summary>The sources' positions, with the lanes' newest event times put in.</summary>
    public Dictionary<string, SourcePosition> Sources()
    {
        lock (_lock)
        {
            return _sources.ToDictionary(s => s.Key, s => s.Value with
            {
                Partitions = s.Value.Partitions.ToDictionary(p => p.Key, p => _newest.TryGetValue((s.Key, p.Key), out var newest) ? p.Value with { Newest = newest }
                    : p.Value),
            });
        }
    }

    /// <summary>What was counted before the fork of a source.</summary>
    public RowCounts SourceCounts(string source)
    {
        lock (_lock) return _sourceCounts.GetValueOrDefault(source) ?? new RowCounts();
    }

    /// <summary>What was counted in an INSERT.</summary>
    public RowCounts InsertCounts(string insert)
    {
        lock (_lock) return _insertCounts.GetValueOrDefault(insert) ?? new RowCounts();
    }
}
