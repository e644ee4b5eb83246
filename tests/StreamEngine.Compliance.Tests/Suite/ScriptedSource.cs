using StreamEngine.Core;

namespace StreamEngine.Compliance.Tests.Suite;

/// <summary>A source that has what the test gives it.</summary>
internal sealed class ScriptedSource(MemoryScope scope) : IBoundedSource
{
    private readonly Dictionary<int, Queue<Batch>> _ready = [];
    private readonly Dictionary<int, long> _next = [];
    private readonly Dictionary<int, long> _ends = [];

    public string Name => "source";

    public ISourceListener Listener { get; private set; } = null!;

    /// <summary>Partitions whose ends were asked for.</summary>
    public List<int> Queries { get; } = [];

    public Task<SourceLayout> OpenAsync(CancellationToken cancellation) => throw new NotSupportedException("the test opens nothing");

    public void Start(IReadOnlyDictionary<int, OffsetAndEpoch> positions, ISourceListener listener)
    {
        Listener = listener;
        Started = positions;
        foreach (var (partition, (offset, _)) in positions) (_next[partition], _ready[partition]) = (offset, new Queue<Batch>());
    }

    /// <summary>What it was started with.</summary>
    public IReadOnlyDictionary<int, OffsetAndEpoch> Started { get; private set; } = new Dictionary<int, OffsetAndEpoch>();

    /// <summary>An epoch that tells which question it answers.</summary>
    public int LeaderEpochBefore(int partition, long offset) => (int)(100 * partition + offset);

    /// <summary>Makes so many records ready to be taken.</summary>
    public unsafe void Give(int partition, int count, RedrivenRows? redrive = null)
    {
        var arena = scope.RentArena();
        var offsets = arena.Allocate<long>(count);
        var values = arena.Allocate<Bytes>(count);
        for (var i = 0; i < count; i++) (offsets[i], values[i]) = (_next[partition]++, new Bytes(arena.Copy("{}"u8), 2));
        _ready[partition].Enqueue(Batch.OfRecords(new LogRecords(count, "topic") { Partition = partition, Name = Name, Offsets = offsets, Values = values,
            NextOffset = _next[partition], Redrive = redrive }, arena, BatchRole.Raw));
        Listener.OnReady(partition);
    }

    /// <summary>Says that the partition has no more for now, or for good.</summary>
    public void ReachEnd(int partition, bool finished = false)
    {
        if (finished) _ends[partition] = _next[partition];
        Listener.OnEndOfPartition(partition, _next[partition]);
    }

    /// <summary>Answers with the partition's end; so many records of an open transaction lie behind it.</summary>
    public void AnswerEnds(int partition, int open = 0) => Listener.OnEnds(partition, _next[partition], _next[partition] + open);

    public bool TryTake(int partition, out Batch? batch) => _ready[partition].TryDequeue(out batch);

    public void QueryEnds(int partition) => Queries.Add(partition);

    public long EndOf(int partition) => _ends.GetValueOrDefault(partition, long.MaxValue);

    public ValueTask DisposeAsync()
    {
        foreach (var queue in _ready.Values)
            while (queue.TryDequeue(out var batch)) batch.Dispose();
        return ValueTask.CompletedTask;
    }
}
