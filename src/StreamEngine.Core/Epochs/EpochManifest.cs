namespace StreamEngine.Core;

/// <summary>
/// The record that makes an epoch whole, written into its transaction: its offsets are the truth (the consumer group's are for people). The form is fixed in
/// <see cref="ManifestJson"/>.
/// </summary>
internal sealed record EpochManifest
{
    /// <summary>The hash of the plan that wrote it: state of another plan is not taken over silently.</summary>
    public required string Pipeline { get; init; }

    public required int Slot { get; init; }

    public required long Incarnation { get; init; }

    public required long Epoch { get; init; }

    /// <summary>When it was written; for people.</summary>
    public required DateTimeOffset At { get; init; }

    public required IReadOnlyDictionary<string, SourcePosition> Sources { get; init; }

    /// <summary>The conservation line of each INSERT.</summary>
    public required IReadOnlyDictionary<string, ConservationLine> Inserts { get; init; }

    public required StatePositions State { get; init; }

    /// <summary>True for the last epoch of a bounded source that is finished: there is nothing to go on from.</summary>
    public bool Finished { get; init; }

    /// <summary>What is read, where the run is a replay; null for a live one.</summary>
    public ReplayBounds? Replay { get; init; }
}

/// <summary>Where a source stands at the end of an epoch.</summary>
/// <param name="Topic">The topic, for the group's offsets.</param>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Watermark">The last watermark issued, microseconds; <see cref="Core.Watermark.None"/> before the first.</param>
/// <param name="Partitions">Per partition.</param>
internal sealed record SourcePosition(string Topic, string TopicId, long Watermark, IReadOnlyDictionary<int, PartitionPosition> Partitions)
{
    /// <summary>Where it stands in the redrive topic; null while it has read nothing of it.</summary>
    public RedrivePosition? Redrive { get; init; }
}

/// <summary>Where a source stands in the pipeline's redrive topic.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="From">The offset where the pipeline began with it: what is before belongs to a former life, before a reset.</param>
/// <param name="Offset">The next offset to read.</param>
internal sealed record RedrivePosition(string TopicId, long From, long Offset);

/// <summary>Where a partition stands.</summary>
/// <param name="Offset">The next offset to read.</param>
/// <param name="Newest">The newest event time of its rows, microseconds; <see cref="Core.Watermark.None"/> before the first.</param>
/// <param name="Moves">Watermark moves that no row made (idleness, a closing clock), in order.</param>
/// <param name="Idle">It does not hold the watermark back until its next row: a restart goes on so, neither waiting for it again nor taking one that has woken for
/// idle.</param>
internal sealed record PartitionPosition(long Offset, long Newest, IReadOnlyList<WatermarkMove> Moves, bool Idle = false)
{
    /// <summary>
    /// The epoch of the leader that took the record before the offset; -1 for not known. By it a restart sees that the log was cut off and written anew.
    /// </summary>
    public int LeaderEpoch { get; init; } = -1;
}

/// <summary>
/// The partition's watermark was set to <paramref name="To"/> when everything before <paramref name="Offset"/> was read: a replay does it at the same place.
/// </summary>
internal readonly record struct WatermarkMove(long Offset, long To);

/// <summary>In + HeldBefore = Done + Filtered + Late + DeadLettered + HeldAfter, in input rows of one epoch.</summary>
internal sealed record ConservationLine(long In, long HeldBefore, long Done, long Filtered, long Late, long DeadLettered, long HeldAfter)
{
    public bool Holds => In + HeldBefore == Done + Filtered + Late + DeadLettered + HeldAfter;

    public override string ToString() =>
        $"in {In} + held before {HeldBefore} = done {Done} + filtered {Filtered} + late {Late} + dead-lettered {DeadLettered} + held after {HeldAfter}";
}

/// <summary>Positions in the slot's partition of the state topic.</summary>
/// <param name="Full">Where the two newest complete snapshots begin, older first; fewer before there are two.</param>
/// <param name="End">The offset behind the last record of this epoch.</param>
internal sealed record StatePositions(IReadOnlyList<long> Full, long End);

/// <summary>An incarnation announces itself, before it reads what was committed.</summary>
internal sealed record EpochClaim(int Slot, long Incarnation, string Host, int Process, DateTimeOffset At)
{
    /// <summary>
    /// The id of the topic that it was written into, which is not part of what is written. In another topic of that name incarnations are counted anew.
    /// </summary>
    public string TopicId { get; init; } = "";

    /// <summary>
    /// Whether it is another worker's, made after <paramref name="own"/>: of a later incarnation, or of the same number where the own claim was not written.
    /// </summary>
    public bool IsAfter(EpochClaim own) => Incarnation > own.Incarnation || (Incarnation == own.Incarnation && (Host != own.Host || Process != own.Process));
}
