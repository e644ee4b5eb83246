namespace StreamEngine.Core;

/// <summary>Whether an operator is finished with what it was given.</summary>
internal enum Progress : byte
{
    /// <summary>Finished: the next element may come.</summary>
    Done,

    /// <summary>It has more to emit: <see cref="IOperator.Continue"/> is called when there is demand again.</summary>
    More,
}

/// <summary>
/// A plain, synchronous, single-threaded transformation that knows neither Akka, threads nor clocks. After an answer of More it emits again from <see cref="Continue"/>,
/// a bounded amount each time, until Done; nothing else is called in between. It owns the batches that it is given.
/// </summary>
internal interface IOperator : IDisposable
{
    /// <summary>Stable across restarts of the same plan: the key of its state. Unique in a pipeline.</summary>
    string Id { get; }

    /// <summary>The columns it emits.</summary>
    Schema Output { get; }

    /// <summary>Called once, before everything else, also before <see cref="Restore"/>.</summary>
    void Open(OperatorContext context)
    {
    }

    Progress Process(Batch batch, IEmitter output);

    Progress OnWatermark(long time, IEmitter output) => Progress.Done;

    Progress OnTick(long time, IEmitter output) => Progress.Done;

    Progress Continue(IEmitter output) => Progress.Done;

    /// <summary>At a barrier: writes what changed since the last one, whole key groups where the request asks for them, and counts rows for the manifest.</summary>
    void Snapshot(in SnapshotRequest request, IStateWriter writer)
    {
    }

    /// <summary>Takes over a piece of state that <see cref="Snapshot"/> wrote, in the order of writing. Keys outside of its key groups are skipped.</summary>
    void Restore(in StatePart part)
    {
    }
}

/// <summary>What an operator is given to work with.</summary>
/// <param name="Scope">The worker's memory.</param>
/// <param name="Counts">Where it counts rows for the conservation line of its INSERT (or of its source, before the fork).</param>
/// <param name="KeyGroups">The key groups whose rows come to this instance.</param>
internal sealed record OperatorContext(MemoryScope Scope, RowCounts Counts, KeyGroupRange KeyGroups)
{
    /// <summary>Bytes of state it may hold before it fails the pipeline by its name.</summary>
    public long StateLimit { get; init; } = long.MaxValue;
}

/// <summary>Takes what an operator produces.</summary>
internal interface IEmitter
{
    /// <summary>Passes the batch on.</summary>
    void Emit(Batch batch);

    /// <summary>
    /// Sends a physical row of the batch to the dead letters, or to the late output for <see cref="FaultStage.Late"/>. The batch stays the caller's, who takes the row
    /// out of the selection and has it counted by this call: DeadLettered or Late of the operator's counts grows by one, unless the row is an aggregated one, whose
    /// inputs stay done.
    /// </summary>
    void Fault(Batch batch, int row, in Fault fault);
}

/// <summary>What a snapshot has to hold.</summary>
/// <param name="Epoch">The epoch that the barrier ends.</param>
/// <param name="FullFrom">The first key group to be written whole.</param>
/// <param name="FullTo">The key group behind the last one to be written whole; equal to FullFrom for none.</param>
/// <param name="Report">What the manifest will say, for operators that know more than rows (the newest event time of a partition).</param>
internal readonly record struct SnapshotRequest(long Epoch, int FullFrom, int FullTo, EpochReport Report)
{
    public bool IsFull(int keyGroup) => keyGroup >= FullFrom && keyGroup < FullTo;
}

/// <summary>Takes pieces of state on their way into the changelog.</summary>
internal interface IStateWriter
{
    /// <summary>The bytes a piece should have at most, so that no state is too big for a record: a longer one is written as several.</summary>
    const int MaxPiece = 448 * 1024;

    /// <summary>Writes one piece. The bytes are copied.</summary>
    /// <param name="keyGroup">Its key group; <see cref="StatePart.AnyGroup"/> for a delta over several.</param>
    /// <param name="kind">A delta, or the first or a further piece of a whole key group.</param>
    /// <param name="payload">In the operator's own versioned form; longer than <see cref="MaxPiece"/> only where a single entry is.</param>
    void Write(int keyGroup, StateKind kind, ReadOnlySpan<byte> payload);
}

/// <summary>How a piece of state relates to what was written before.</summary>
internal enum StateKind : byte
{
    /// <summary>Entries that changed: each replaces its earlier version.</summary>
    Delta = 0,

    /// <summary>The first piece of a whole key group: what was restored of the group before is dropped.</summary>
    FullFirst = 1,

    /// <summary>A further piece of the same key group.</summary>
    FullMore = 2,
}

/// <summary>A piece of state read back.</summary>
internal readonly ref struct StatePart(int keyGroup, StateKind kind, ReadOnlySpan<byte> payload)
{
    public const int AnyGroup = -1;

    public int KeyGroup { get; } = keyGroup;

    public StateKind Kind { get; } = kind;

    public ReadOnlySpan<byte> Payload { get; } = payload;
}

/// <summary>A run of key groups: all state and every exchange is divided into <see cref="Count"/> of them, by the key's hash.</summary>
internal readonly record struct KeyGroupRange(int From, int To)
{
    /// <summary>Key groups in all: the most lanes and slots a keyed stage can be spread over.</summary>
    public const int Count = 128;

    public static KeyGroupRange All => new(0, Count);

    public bool Contains(int group) => group >= From && group < To;

    /// <summary>The key group of a key's hash: its low bits, for hash tables take the high ones.</summary>
    public static int Of(ulong hash) => (int)(hash & (Count - 1));

    /// <summary>The groups of one of so many lanes.</summary>
    public static KeyGroupRange OfLane(int lane, int lanes) => new(lane * Count / lanes, (lane + 1) * Count / lanes);
}
