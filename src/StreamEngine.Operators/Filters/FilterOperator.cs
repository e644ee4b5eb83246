using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Filters;
using StreamEngine.Core;

namespace StreamEngine.Operators.Filters;

/// <summary>WHERE, and HAVING behind an aggregation: keeps the rows for which the condition is TRUE. No value moves, the selection shrinks.</summary>
internal sealed unsafe class FilterOperator(string id, Schema schema, BoundExpression condition, string insert) : IOperator
{
    private readonly Predicate _predicate = Predicate.Compile(condition);
    private readonly RowFaults _faults = new();
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
        _faults.Clear();
        var before = batch.Count;
        var kept = _predicate.Filter(batch, arena, _faults, out var selection);
        for (var i = 0; i < _faults.Count; i++) output.Fault(batch, _faults[i].Row, new Fault(FaultStage.Expression, _faults[i].Message, Insert: insert));
        if (!batch.IsAggregated) _counts.Filtered += before - kept - _faults.Count;
        if (kept == before)
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
