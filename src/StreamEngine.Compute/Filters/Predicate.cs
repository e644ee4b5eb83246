using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Filters;

/// <summary>
/// A compiled condition: the operands of its AND in their order, those with a vectorised form as bitmaps, each of the others on the rows that are left. It holds
/// buffers: an instance is for one
/// thread at a time.
/// </summary>
internal sealed unsafe class Predicate
{
    private readonly List<Stage> _stages = [];
    private readonly EvalFrame _frame = new();

    /// <summary>One of the two.</summary>
    private readonly record struct Stage(BitNode? Bits, EvalNode? General);

    private Predicate()
    {
    }

    /// <summary>Compiles an expression of type BOOLEAN.</summary>
    public static Predicate Compile(BoundExpression condition)
    {
        var predicate = new Predicate();
        var bits = new List<BitNode>();
        foreach (var operand in condition is BoundLogical { IsAnd: true } and ? and.Children : [condition])
        {
            if (BitCompiler.TryCompile(operand) is { } node)
            {
                bits.Add(node);
                continue;
            }
            predicate.Flush(bits);
            predicate._stages.Add(new Stage(null, operand.Compile()));
        }
        predicate.Flush(bits);
        return predicate;
    }

    private void Flush(List<BitNode> bits)
    {
        if (bits.Count > 0) _stages.Add(new Stage(bits.Count == 1 ? bits[0] : new JoinedBits(isAnd: true, [.. bits]), null));
        bits.Clear();
    }

    /// <summary>Finds the selected rows of the batch, which stays the caller's, where the condition is TRUE.</summary>
    /// <param name="batch">The batch, of the schema that the condition was bound to.</param>
    /// <param name="arena">Where the selection lies.</param>
    /// <param name="faults">Takes the rows where the condition fails: they are not in the selection.</param>
    /// <param name="selection">The rows in growing order; the batch's own selection (perhaps null: all rows) when all of its rows pass.</param>
    /// <returns>How many rows pass.</returns>
    public int Filter(Batch batch, Arena arena, RowFaults faults, out ushort* selection)
        => Filter(batch.Columns, batch.Rows, batch.Selection, batch.Count, arena, faults, out selection);

    /// <summary>The same over columns that are in no batch; a null selection stands for all rows.</summary>
    public int Filter(ReadOnlySpan<ColumnVector> columns, int rows, ushort* from, int selected, Arena arena, RowFaults faults, out ushort* selection)
    {
        var scratch = arena.Scope.RentArena();
        Evaluator.Begin(_frame, columns, rows, arena, scratch, faults);
        try
        {
            var set = new RowSet(from, from is null ? rows : selected);
            // Bitmaps are turned into rows eight at a time: room for seven more than there are.
            ushort* into = null;
            foreach (var (bits, general) in _stages)
            {
                if (set.Count == 0) break;
                if (into is null) into = arena.Allocate<ushort>(rows + 8);
                var count = bits is not null ? FilterBits(bits, set, into) : FilterRows(general!, set, into, faults);
                if (count != set.Count) set = new RowSet(into, count);
            }
            selection = set.Rows;
            return set.Count;
        }
        finally
        {
            scratch.Release();
        }
    }

    private int FilterBits(BitNode node, RowSet set, ushort* into)
    {
        var bits = stackalloc byte[Batch.MaxRows / 8 + 64];
        node.Evaluate(_frame, bits);
        return set.Rows is null ? BitKernels.ToSelection(bits, _frame.Physical, into) : BitKernels.Select(bits, set.Rows, set.Count, into);
    }

    /// <summary>Shrinks in place when the rows come from an earlier stage: a row is read before its place is written.</summary>
    private int FilterRows(EvalNode node, RowSet set, ushort* into, RowFaults faults)
    {
        var vec = node.Evaluate(_frame, set, _frame.Scratch);
        var count = 0;
        for (var i = 0; i < set.Count; i++)
        {
            var row = set.At(i);
            into[count] = (ushort)row;
            if (!vec.IsNull(row) && *vec.At<byte>(row) != 0 && (faults.Count == 0 || !faults.Contains(row))) count++;
        }
        return count;
    }
}
