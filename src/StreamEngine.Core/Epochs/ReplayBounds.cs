namespace StreamEngine.Core;

/// <summary>A stretch of event time, microseconds: from is in it, to is not.</summary>
internal readonly record struct EventTimeRange(long From, long To)
{
    /// <summary>Whether a window lies wholly inside.</summary>
    public bool Holds(long start, long end) => start >= From && end <= To;

    public bool Contains(long time) => time >= From && time < To;
}

/// <summary>
/// What a replay reads, found once and frozen in each of its manifests, so that it goes on the same after a crash although the live pipeline has gone on too.
/// </summary>
/// <param name="Pipeline">The qualified name of the pipeline that is replayed.</param>
/// <param name="Into">What is put before the names of its output topics.</param>
/// <param name="Range">The event time whose rows count, and whose whole windows are written.</param>
/// <param name="Sources">By source.</param>
internal sealed record ReplayBounds(string Pipeline, string Into, EventTimeRange Range, IReadOnlyDictionary<string, ReplaySource> Sources)
{
    /// <summary>The redriven rows that are counted too, those of the range; null where nothing was redriven.</summary>
    public ReplayRedrive? Redrive { get; init; }

    /// <summary>
    /// Of INSERTs whose rows belong to no window: where their live topics ended, by topic and partition, before it was looked how far the live pipeline had read. Rows
    /// behind may be of records that the replay does not read. Null in the manifests of engines that did not look.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<long>>? LiveEnds { get; init; }
}

/// <summary>What a replay reads of the live pipeline's redrive topic, all of it before anything else.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="From">The first offset.</param>
/// <param name="End">The offset behind the last one.</param>
internal sealed record ReplayRedrive(string TopicId, long From, long End);

/// <summary>A source of a replay.</summary>
/// <param name="TopicId">The topic's id: offsets mean nothing in one that was made anew.</param>
/// <param name="Partitions">By partition.</param>
internal sealed record ReplaySource(string TopicId, IReadOnlyDictionary<int, ReplayPartition> Partitions);

/// <summary>A partition of a replay.</summary>
/// <param name="Start">The first offset to be read.</param>
/// <param name="End">The offset behind the last one.</param>
/// <param name="Newest">The newest event time before the start, which seeds its watermark; <see cref="Watermark.None"/> where nothing is known.</param>
/// <param name="Moves">What the live run lifted the partition's watermark to, and where, growing; the first one may lie before the start.</param>
internal sealed record ReplayPartition(long Start, long End, long Newest, IReadOnlyList<WatermarkMove> Moves);
