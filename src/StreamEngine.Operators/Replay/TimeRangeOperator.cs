using StreamEngine.Core;

namespace StreamEngine.Operators.Replay;

/// <summary>
/// Of a replay: keeps the rows whose event time lies in the range. It stands behind the watermarks of the rows, which the others move as well, and before lateness is
/// judged.
/// </summary>
/// <param name="id">The operator's id.</param>
/// <param name="schema">The columns, which it passes on.</param>
/// <param name="column">The column of the event time; -1: the record's timestamp.</param>
/// <param name="range">What is replayed.</param>
internal sealed unsafe class TimeRangeOperator(string id, Schema schema, int column, EventTimeRange range) : IOperator
{
    private MemoryScope _scope = null!;
    private RowCounts _counts = null!;

    public string Id => id;

    public Schema Output => schema;

    public void Open(OperatorContext context)
    {
        _scope = context.Scope;
        _counts = context.Counts;
    }

    public Progress Process(Batch batch, IEmitter output)
    {
        var arena = _scope.RentArena();
        var selection = arena.Allocate<ushort>(batch.Count);
        var times = column < 0 ? null : batch[column].As<long>();
        var kept = 0;
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            selection[kept] = (ushort)row;
            if (range.Contains(times is null ? batch.Records!.Timestamps[row] * 1000 : times[row])) kept++;
        }
        _counts.Of(batch.Records).Filtered += batch.Count - kept;
        if (kept == batch.Count)
        {
            arena.Release();
            output.Emit(batch);
        }
        else output.Emit(batch.WithSelection(selection, kept, arena));
        return Progress.Done;
    }

    public void Dispose()
    {
    }
}
