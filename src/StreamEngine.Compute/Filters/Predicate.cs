using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Filters;

/// <summary>A compiled condition. It holds buffers: an instance is for one thread at a time.</summary>
internal sealed unsafe class Predicate
{
    private readonly EvalNode _root;
    private readonly EvalFrame _frame = new();

    private Predicate(EvalNode root) => _root = root;

    /// <summary>Compiles an expression of type BOOLEAN.</summary>
    public static Predicate Compile(BoundExpression condition) => new(condition.Compile());

    /// <summary>Finds the selected rows of the batch, which stays the caller's, where the condition is TRUE.</summary>
    /// <param name="batch">The batch, of the schema that the condition was bound to.</param>
    /// <param name="arena">Where the selection lies.</param>
    /// <param name="faults">Takes the rows where the condition fails: they are not in the selection.</param>
    /// <param name="selection">The rows in growing order; null when they are all physical rows, or the batch's own selection when all of its rows pass.</param>
    /// <returns>How many rows pass.</returns>
    public int Filter(Batch batch, Arena arena, RowFaults faults, out ushort* selection) => Filter(batch.Columns, batch.Rows, batch.Selection, batch.Count, arena, faults, out selection);

    /// <summary>The same over columns that are in no batch; a null selection stands for all rows.</summary>
    public int Filter(ReadOnlySpan<ColumnVector> columns, int rows, ushort* from, int selected, Arena arena, RowFaults faults, out ushort* selection)
    {
        var scratch = arena.Scope.RentArena();
        Evaluator.Begin(_frame, columns, rows, arena, scratch, faults);
        try
        {
            var set = new RowSet(from, from is null ? rows : selected);
            var vec = _root.Evaluate(_frame, set, scratch);
            var into = arena.Allocate<ushort>(Math.Max(1, set.Count));
            var count = 0;
            for (var i = 0; i < set.Count; i++)
            {
                var row = set.At(i);
                into[count] = (ushort)row;
                if (!vec.IsNull(row) && *vec.At<byte>(row) != 0 && !faults.Contains(row)) count++;
            }
            selection = count == set.Count ? from : into;
            return count;
        }
        finally
        {
            scratch.Release();
        }
    }
}
