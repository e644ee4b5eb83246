using StreamEngine.Core;

namespace StreamEngine.Streams.Suite;

/// <summary>An operator whose answers a test writes: it notes what it is called with, passes batches on, and can answer More.</summary>
internal sealed class ScriptedOperator(string id, List<string> calls) : IOperator
{
    private readonly Queue<Batch> _rest = new();

    public string Id => id;

    public Schema Output => Schema.Empty;

    /// <summary>How often each batch is given, all but the first time in a Continue of its own.</summary>
    public int Times { get; init; } = 1;

    /// <summary>Batches that are given when a watermark comes, one per call.</summary>
    public Queue<Batch> OnWatermarks { get; } = new();

    /// <summary>What it writes when it is snapshotted.</summary>
    public byte[]? State { get; init; }

    /// <summary>Every batch is a fault.</summary>
    public bool Refuses { get; init; }

    public List<string> Restored { get; } = [];

    public bool IsDisposed { get; private set; }

    public void Open(OperatorContext context) => calls.Add($"{id} open");

    public Progress Process(Batch batch, IEmitter output)
    {
        calls.Add($"{id} {batch.Count}");
        if (Refuses)
        {
            output.Fault(batch, 0, new Fault(FaultStage.Rule, "refused"));
            batch.Dispose();
            return Progress.Done;
        }
        for (var i = 1; i < Times; i++) _rest.Enqueue(batch.Share());
        output.Emit(batch);
        return _rest.Count > 0 ? Progress.More : Progress.Done;
    }

    public Progress Continue(IEmitter output)
    {
        calls.Add($"{id} continue");
        var rest = _rest.Count > 0 ? _rest : OnWatermarks;
        output.Emit(rest.Dequeue());
        return rest.Count > 0 ? Progress.More : Progress.Done;
    }

    public Progress OnWatermark(long time, IEmitter output)
    {
        calls.Add($"{id} watermark {time}");
        return OnWatermarks.Count > 0 ? Progress.More : Progress.Done;
    }

    public void Snapshot(in SnapshotRequest request, IStateWriter writer)
    {
        calls.Add($"{id} snapshot {request.Epoch}");
        if (State is not null) writer.Write(StatePart.AnyGroup, StateKind.Delta, State);
    }

    public void Restore(in StatePart part) => Restored.Add($"{part.KeyGroup} {part.Kind} {Convert.ToHexString(part.Payload)}");

    public void Dispose()
    {
        IsDisposed = true;
        while (_rest.TryDequeue(out var batch)) batch.Dispose();
        while (OnWatermarks.TryDequeue(out var batch)) batch.Dispose();
    }
}

/// <summary>Makes a batch of every fault.</summary>
internal sealed class ScriptedSides(MemoryScope scope) : ISideOutputs
{
    private readonly Queue<Batch> _ready = new();

    public void Add(Batch batch, int row, in Fault fault) => _ready.Enqueue(Batch.OfRecords(new LogRecords(1, "dlq"), scope.RentArena(), BatchRole.DeadLetter));

    public bool TryTake(out Batch? batch) => _ready.TryDequeue(out batch);

    public void Dispose()
    {
        while (_ready.TryDequeue(out var batch)) batch.Dispose();
    }
}
