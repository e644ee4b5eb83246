using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Operators.Projections;

/// <summary>SELECT: computes columns row by row. A bare column is passed on as it is; a row on which an expression fails leaves by the dead letters.</summary>
internal sealed unsafe class ProjectOperator(string id, Schema output, IReadOnlyList<BoundExpression> expressions, string insert) : IOperator
{
    private readonly Evaluator?[] _evaluators = [.. expressions.Select(e => e is BoundColumn ? null : Evaluator.Compile(e))];
    private readonly RowFaults _faults = new();
    private MemoryScope _scope = null!;

    public string Id => id;

    public Schema Output => output;

    public void Open(OperatorContext context) => _scope = context.Scope;

    public Progress Process(Batch batch, IEmitter emitter)
    {
        var arena = _scope.RentArena();
        _faults.Clear();
        var columns = new ColumnVector[expressions.Count];
        for (var i = 0; i < columns.Length; i++)
            columns[i] = _evaluators[i] is { } evaluator ? evaluator.Evaluate(batch, arena, _faults) : batch[((BoundColumn)expressions[i]).Index];
        var selection = batch.Selection;
        var count = batch.Count;
        if (_faults.Count > 0)
        {
            for (var i = 0; i < _faults.Count; i++) emitter.Fault(batch, _faults[i].Row, new Fault(FaultStage.Expression, _faults[i].Message, Insert: insert));
            var left = arena.Allocate<ushort>(Math.Max(1, count));
            count = _faults.Remove(selection, count, left);
            selection = left;
        }
        emitter.Emit(batch.With(output, columns, arena, selection, count));
        return Progress.Done;
    }

    public void Dispose()
    {
    }
}
