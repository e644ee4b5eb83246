using System.Runtime.CompilerServices;
using StreamEngine.Compute.Binding;
using StreamEngine.Core;

namespace StreamEngine.Compute.Evaluation;

/// <summary>A compiled expression. It holds buffers: an instance is for one thread at a time. The bound expression that it was made from may be shared.</summary>
internal sealed unsafe class Evaluator
{
    private readonly EvalNode _root;
    private readonly EvalFrame _frame = new();

    private Evaluator(EvalNode root) => _root = root;

    public DataType Type => _root.Type;

    public static Evaluator Compile(BoundExpression expression) => new(expression.Compile());

    /// <summary>Evaluates the selected rows of the batch, which stays the caller's.</summary>
    /// <param name="batch">The batch, of the schema that the expression was bound to.</param>
    /// <param name="arena">Where the result lies. The result may also point into the batch's own memory (a bare column is the batch's column), so it is valid while
    /// both are.</param>
    /// <param name="faults">Takes the rows that fail; the result is null there.</param>
    /// <returns>A column with the batch's physical rows; what stands at rows that are not selected is undefined.</returns>
    public ColumnVector Evaluate(Batch batch, Arena arena, RowFaults faults) => Evaluate(batch.Columns, batch.Rows, batch.Selection, batch.Count, arena, faults);

    /// <summary>The same over columns that are in no batch; a null selection stands for all rows.</summary>
    public ColumnVector Evaluate(ReadOnlySpan<ColumnVector> columns, int rows, ushort* selection, int selected, Arena arena, RowFaults faults)
    {
        var scratch = arena.Scope.RentArena();
        Begin(_frame, columns, rows, arena, scratch, faults);
        var before = faults.Count;
        try
        {
            var vec = _root.Evaluate(_frame, new RowSet(selection, selection is null ? rows : selected), arena);
            var column = vec.IsConstant ? Expand(vec, rows, arena) : vec.ToColumn(rows);
            return faults.Count == before ? column : NullFailed(column, faults, arena);
        }
        finally
        {
            scratch.Release();
        }
    }

    /// <summary>A failure inside of COALESCE or OR leaves a value behind: the row has failed all the same.</summary>
    private static ColumnVector NullFailed(ColumnVector column, RowFaults faults, Arena arena)
    {
        var validity = arena.AllocateValidity(column.Length);
        if (column.Validity is not null) Unsafe.CopyBlockUnaligned(validity, column.Validity, (uint)((column.Length + 7) / 8));
        for (var i = 0; i < faults.Count; i++) ColumnVector.SetNull(validity, faults[i].Row);
        return new ColumnVector(column.Type, column.Length, column.Values, validity, column.Children);
    }

    internal static void Begin(EvalFrame frame, ReadOnlySpan<ColumnVector> columns, int rows, Arena output, Arena scratch, RowFaults faults)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, Batch.MaxRows);
        if (frame.Columns.Length != columns.Length) frame.Columns = new ColumnVector[columns.Length];
        columns.CopyTo(frame.Columns);
        frame.Physical = rows;
        frame.Output = output;
        frame.Scratch = scratch;
        frame.Faults = faults;
    }

    /// <summary>A constant as a column: its value in every row.</summary>
    internal static ColumnVector Expand(Vec vec, int rows, Arena arena)
    {
        if (vec.IsNull(0)) return NullColumn(vec.Type, rows, arena);
        var width = vec.Type.Width;
        var values = arena.Allocate<byte>(Math.Max(1, rows * width));
        switch (width)
        {
            case 1: new Span<byte>(values, rows).Fill(*vec.Values); break;
            case 4: new Span<int>(values, rows).Fill(*(int*)vec.Values); break;
            case 8: new Span<long>(values, rows).Fill(*(long*)vec.Values); break;
            default: new Span<Int128>(values, rows).Fill(Unsafe.ReadUnaligned<Int128>(vec.Values)); break;
        }
        return new ColumnVector(vec.Type, rows, values);
    }

    /// <summary>A column of nulls, of any type.</summary>
    internal static ColumnVector NullColumn(DataType type, int rows, Arena arena)
    {
        var validity = arena.AllocateZeroed<byte>(Math.Max(1, (rows + 7) / 8));
        if (type.Kind == TypeKind.Struct) return new ColumnVector(type, rows, null, validity, [.. type.Fields!.Select(f => NullColumn(f.Type, rows, arena))]);
        if (type.Kind == TypeKind.List) return new ColumnVector(type, rows, (byte*)arena.AllocateZeroed<int>(rows + 1), validity, [NullColumn(type.Element!, 0, arena)]);
        return new ColumnVector(type, rows, arena.AllocateZeroed<byte>(Math.Max(1, rows * type.Width)), validity);
    }
}
