using System.Runtime.CompilerServices;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>Functions of arrays.</summary>
internal static class ArrayFunctions
{
    /// <summary>a[i]: the binder knows it by its brackets.</summary>
    public static FunctionDefinition Subscript { get; } = new("[]", "The element at a position, from 1; null where there is none.", "", "",
        () => [new Overload([TypeKind.List, TypeKind.Int32], site => site.Types[0].Element!, site
            => new SubscriptNode(site.Nodes[0], site.Nodes[1], site.Type))
        { MayGiveNull = true }]);

    public static IReadOnlyList<FunctionDefinition> All { get; } =
    [
        new("cardinality", "The number of elements of an array, nulls among them: in the example of c = [1, null, 3].", "cardinality(c)", "3",
            () => [new Overload([TypeKind.List], _ => DataType.Int32, site => new CardinalityNode(site.Nodes[0]))]),
    ];
}

internal sealed unsafe class CardinalityNode(EvalNode operand) : EvalNode(DataType.Int32)
{
    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var list = operand.Evaluate(frame, rows, frame.Scratch);
        if (list.IsNullConstant) return Constants.Null(Type);
        var result = target.Allocate<int>(frame.Physical);
        var offsets = (int*)list.Values;
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (!list.IsNull(row)) result[row] = offsets[row + 1] - offsets[row];
        }
        return new Vec(Type, (byte*)result, list.Validity);
    }
}

internal sealed unsafe class SubscriptNode(EvalNode operand, EvalNode index, DataType type) : EvalNode(type)
{
    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var list = operand.Evaluate(frame, rows, frame.Scratch);
        var at = index.Evaluate(frame, rows, frame.Scratch);
        if (list.IsNullConstant || at.IsNullConstant) return Constants.Null(Type);
        var offsets = (int*)list.Values;
        var picks = frame.Scratch.Allocate<int>(frame.Physical);
        new Span<int>(picks, frame.Physical).Fill(-1);
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (list.IsNull(row) || at.IsNull(row)) continue;
            var position = (long)*at.At<int>(row);
            if (position >= 1 && position <= offsets[row + 1] - offsets[row]) picks[row] = offsets[row] + (int)(position - 1);
        }
        return Vec.Of(Gather.Take(list.Children![0], picks, frame.Physical, frame.Output));
    }
}

/// <summary>Picks values of a column by position; -1 gives null.</summary>
internal static unsafe class Gather
{
    public static ColumnVector Take(ColumnVector from, int* picks, int count, Arena arena)
    {
        byte* validity = null;
        for (var i = 0; i < count; i++)
        {
            if (picks[i] >= 0 && !from.IsNull(picks[i])) continue;
            if (validity is null) validity = arena.AllocateValidity(count);
            ColumnVector.SetNull(validity, i);
        }
        switch (from.Type.Kind)
        {
            case TypeKind.Struct:
                var children = new ColumnVector[from.Children.Length];
                for (var k = 0; k < children.Length; k++) children[k] = Take(from.Children[k], picks, count, arena);
                return new ColumnVector(from.Type, count, null, validity, children);
            case TypeKind.List:
                return TakeLists(from, picks, count, validity, arena);
            default:
                var width = from.Type.Width;
                var values = arena.Allocate<byte>(Math.Max(1, count * width));
                for (var i = 0; i < count; i++)
                    if (picks[i] >= 0) Unsafe.CopyBlockUnaligned(values + i * width, from.Values + (long)picks[i] * width, (uint)width);
                return new ColumnVector(from.Type, count, values, validity);
        }
    }

    private static ColumnVector TakeLists(ColumnVector from, int* picks, int count, byte* validity, Arena arena)
    {
        var source = from.As<int>();
        var offsets = arena.Allocate<int>(count + 1);
        offsets[0] = 0;
        for (var i = 0; i < count; i++)
            offsets[i + 1] = offsets[i] + (validity is null || ColumnVector.IsSet(validity, i) ? source[picks[i] + 1] - source[picks[i]] : 0);
        var inner = arena.Allocate<int>(Math.Max(1, offsets[count]));
        for (var i = 0; i < count; i++)
            for (var k = 0; k < offsets[i + 1] - offsets[i]; k++) inner[offsets[i] + k] = source[picks[i]] + k;
        return new ColumnVector(from.Type, count, (byte*)offsets, validity, [Take(from.Children[0], inner, offsets[count], arena)]);
    }
}
