using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Filters;
using StreamEngine.Core;

namespace StreamEngine.Quality.Rules;

/// <summary>A named condition that every row of a source has to meet.</summary>
/// <param name="Name">The name that a dead letter blames.</param>
/// <param name="Condition">It passes a row only when it is TRUE.</param>
internal sealed record Rule(string Name, BoundExpression Condition);

/// <summary>
/// Checks the rules of a source in their order: a row that breaks one leaves with that rule's name and is not looked at by the next. A rule that fails on a row is broken
/// by it.
/// </summary>
internal sealed unsafe class RuleOperator(string id, Schema schema, IReadOnlyList<Rule> rules) : IOperator
{
    private readonly Predicate[] _predicates = [.. rules.Select(r => Predicate.Compile(r.Condition))];
    private readonly RowFaults _faults = new();
    private readonly ulong[] _kept = new ulong[Batch.MaxRows / 64];
    private MemoryScope _scope = null!;

    public string Id => id;

    public Schema Output => schema;

    public void Open(OperatorContext context) => _scope = context.Scope;

    public Progress Process(Batch batch, IEmitter output)
    {
        Arena? arena = null;
        var selection = batch.Selection;
        var count = batch.Count;
        for (var r = 0; r < _predicates.Length && count > 0; r++)
        {
            _faults.Clear();
            var scratch = _scope.RentArena();
            var kept = _predicates[r].Filter(batch.Columns, batch.Rows, selection, count, scratch, _faults, out var passed);
            if (kept == count)
            {
                scratch.Release();
                continue;
            }
            Blame(batch, selection, count, passed, kept, rules[r], output);
            arena ??= _scope.RentArena();
            selection = arena.Allocate<ushort>(Math.Max(1, kept));
            new Span<ushort>(passed, kept).CopyTo(new Span<ushort>(selection, kept));
            count = kept;
            scratch.Release();
        }
        output.Emit(arena is null ? batch : batch.WithSelection(selection, count, arena));
        return Progress.Done;
    }

    private void Blame(Batch batch, ushort* selection, int count, ushort* passed, int kept, Rule rule, IEmitter output)
    {
        Array.Clear(_kept);
        for (var i = 0; i < kept; i++) _kept[passed[i] >> 6] |= 1UL << (passed[i] & 63);
        for (var i = 0; i < count; i++)
        {
            var row = selection is null ? i : selection[i];
            if ((_kept[row >> 6] >> (row & 63) & 1) != 0) continue;
            output.Fault(batch, row, new Fault(FaultStage.Rule, ReasonOf(row, rule), rule.Name));
        }
    }

    private string ReasonOf(int row, Rule rule)
    {
        for (var i = 0; i < _faults.Count; i++)
            if (_faults[i].Row == row) return $"{rule.Condition} fails: {_faults[i].Message}";
        return $"not true: {rule.Condition}";
    }

    public void Dispose()
    {
    }
}
