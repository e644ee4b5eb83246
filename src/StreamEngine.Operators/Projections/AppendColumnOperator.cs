using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Operators.Projections;

/// <summary>Adds a computed column behind the others: the event time that is a field of a struct. The expression is a path, which never fails.</summary>
internal sealed class AppendColumnOperator(string id, Schema input, string name, BoundExpression expression) : IOperator
{
    private readonly Evaluator _evaluator = Evaluator.Compile(expression);
    private readonly RowFaults _faults = new();
    private MemoryScope _scope = null!;

    public string Id => id;

    public Schema Output { get; } = new([.. input, new Field(name, expression.Type)]);

    public void Open(OperatorContext context) => _scope = context.Scope;

    public unsafe Progress Process(Batch batch, IEmitter output)
    {
        var arena = _scope.RentArena();
        _faults.Clear();
        var column = _evaluator.Evaluate(batch, arena, _faults);
        output.Emit(batch.With(Output, [.. batch.Columns, column], arena, batch.Selection, batch.Count));
        return Progress.Done;
    }

    public void Dispose()
    {
    }
}
