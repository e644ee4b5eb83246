using StreamEngine.Core;

namespace StreamEngine.Pipelines.Replay;

/// <summary>
/// Finds the bounds of a replay in the live pipeline's manifests, oldest first. A partition starts at the last manifest where its newest event time was before the range,
/// seeded with that: no row of the range lies before it. It ends where the live run had closed the last window of the range (what comes later for such a window was late
/// for the live run too), or, where rows are written that belong to no window, where the live run is now. The watermark moves in between are made again at the same
/// offsets.
/// </summary>
/// <param name="range">What is replayed.</param>
/// <param name="endsWithWindows">The sources that the pipeline reads, and whether of one windows alone are written. Others, which it once read, are passed over.</param>
internal sealed class ReplayScan(EventTimeRange range, IReadOnlyDictionary<string, bool> endsWithWindows)
{
    private readonly Dictionary<string, SourceScan> _sources = [];

    private sealed class SourceScan(string topicId)
    {
        public string TopicId { get; set; } = topicId;

        public long Watermark { get; set; } = Core.Watermark.None;

        public bool HasRows { get; set; }

        public bool Ended { get; set; }

        public RedrivePosition? Redrive { get; set; }

        public SortedDictionary<int, PartitionScan> Partitions { get; } = [];
    }

    private sealed class PartitionScan
    {
        public long Start { get; set; }

        public long End { get; set; }

        public long Newest { get; set; } = Core.Watermark.None;

        public bool IsSeeded { get; set; }

        public List<WatermarkMove> Moves { get; } = [];
    }

    /// <summary>Whether any manifest was seen.</summary>
    public bool IsEmpty => _sources.Count == 0;

    /// <summary>
    /// The least watermark over the sources that ever had a row, microseconds: windows are complete up to there. <see cref="Core.Watermark.None"/>: none is; null: there
    /// was no row.
    /// </summary>
    public long? ClosedTo => _sources.Values.Where(s => s.HasRows).Select(s => (long?)s.Watermark).Min();

    /// <summary>Where the live pipeline began with its redrive topic; null where it has read nothing of it.</summary>
    public RedrivePosition? Redrive => _sources.Values.Select(s => s.Redrive).OfType<RedrivePosition>().MinBy(r => r.From);

    /// <summary>Partitions of which no manifest is old enough: they start at their beginning, and idle moves before the oldest manifest are not known.</summary>
    public IEnumerable<(string Source, int Partition)> Unseeded => _sources.SelectMany(s => s.Value.Partitions.Where(p => !p.Value.IsSeeded).Select(p => (s.Key, p.Key)));

    /// <summary>The sources of which no manifest tells.</summary>
    public IEnumerable<string> Unknown => endsWithWindows.Keys.Where(s => !_sources.ContainsKey(s));

    /// <summary>Says where the topic of an unseeded partition begins: what retention has deleted is not read.</summary>
    public void Begin(string source, int partition, long first)
    {
        var scan = _sources[source].Partitions[partition];
        scan.Start = Math.Min(first, scan.End);
    }

    public void Add(EpochManifest manifest)
    {
        foreach (var (name, position) in manifest.Sources.Where(s => endsWithWindows.ContainsKey(s.Key)))
        {
            // A topic that was made anew has nothing of what was before.
            if (!_sources.TryGetValue(name, out var source) || source.TopicId != position.TopicId) _sources[name] = source = new SourceScan(position.TopicId);
            source.Watermark = Math.Max(source.Watermark, position.Watermark);
            source.HasRows |= position.Partitions.Values.Any(p => p.Newest != Core.Watermark.None);
            source.Redrive = position.Redrive ?? source.Redrive;
            if (source.Ended) continue;
            foreach (var (partition, at) in position.Partitions)
            {
                if (!source.Partitions.TryGetValue(partition, out var scan)) source.Partitions[partition] = scan = new PartitionScan();
                foreach (var move in at.Moves)
                    if (scan.Moves.Count == 0 || move.To > scan.Moves[^1].To) scan.Moves.Add(move);
                scan.End = at.Offset;
                if (at.Newest >= range.From) continue;
                (scan.Start, scan.Newest, scan.IsSeeded) = (at.Offset, at.Newest, true);
            }
            source.Ended = endsWithWindows[name] && position.Watermark >= range.To;
        }
    }

    /// <summary>What is to be read. How many moves fit into its manifests is for <see cref="ReplaySize"/> to say.</summary>
    public ReplayBounds ToBounds(string pipeline, string into) =>
        new(pipeline, into, range, _sources.ToDictionary(s => s.Key, s =>
        new ReplaySource(s.Value.TopicId, s.Value.Partitions.ToDictionary(p => p.Key, p => Bound(p.Value)))));

    private static ReplayPartition Bound(PartitionScan scan)
    {
        // Of the moves before the start the last one says it all.
        var before = scan.Moves.FindLastIndex(m => m.Offset <= scan.Start);
        var moves = scan.Moves.Skip(Math.Max(0, before)).Where(m => m.Offset < scan.End).ToList();
        return new ReplayPartition(scan.Start, scan.End, scan.Newest, moves);
    }
}
