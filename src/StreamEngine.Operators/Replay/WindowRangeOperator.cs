using StreamEngine.Core;

namespace StreamEngine.Operators.Replay;

/// <summary>
/// Of a replay: keeps the windows that lie wholly in the range, each of which has all its rows; those at its edges lack some and would differ from the live ones. Columns
/// 0 and 1 are the window.
/// </summary>
internal sealed unsafe class WindowRangeOperator(string id, Schema schema, EventTimeRange range) : IOperator
{
    private MemoryScope _scope = null!;

    public string Id => id;

    public Schema Output => schema;

    public void Open(OperatorContext context) => _scope = context.Scope;

    public Progress Process(Batch batch, IEmitter output)
    {
        var arena = _scope.RentArena();
        var selection = arena.Allocate<ushort>(batch.Count);
        var starts = batch[0].As<long>();
        var ends = batch[1].As<long>();
        var kept = 0;
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            selection[kept] = (ushort)row;
            if (range.Holds(starts[row], ends[row])) kept++;
        }
        // The rows that these windows were made of are done, written or not, as behind HAVING.
        output.Emit(batch.WithSelection(selection, kept, arena));
        return Progress.Done;
    }

    public void Dispose()
    {
    }
}
