using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Compute.Evaluation;

internal unsafe interface IUnary<TA, TR>
    where TA : unmanaged
    where TR : unmanaged
{
    static abstract Outcome Apply(TA* a, TR* result, OpState state);
}

internal unsafe interface IBinary<TA, TB, TR>
    where TA : unmanaged
    where TB : unmanaged
    where TR : unmanaged
{
    static abstract Outcome Apply(TA* a, TB* b, TR* result, OpState state);
}

internal unsafe interface ITernary<TA, TB, TC, TR>
    where TA : unmanaged
    where TB : unmanaged
    where TC : unmanaged
    where TR : unmanaged
{
    static abstract Outcome Apply(TA* a, TB* b, TC* c, TR* result, OpState state);
}

/// <summary>The validity of a result that is built row by row: shared with the arguments' until a row adds a null.</summary>
internal unsafe struct ResultValidity(EvalFrame frame, byte* inherited)
{
    private bool _owned;

    public byte* Bits = inherited;

    /// <summary>Takes a row that has no value: null, and a fault where it failed.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Set(int row, Outcome outcome, OpState state)
    {
        if (outcome == Outcome.Fault) frame.Faults.Add(row, state.Message());
        SetNull(row);
    }

    public void SetNull(int row)
    {
        if (!_owned)
        {
            var bits = frame.Output.AllocateValidity(frame.Physical);
            if (Bits is not null) Unsafe.CopyBlockUnaligned(bits, Bits, (uint)((frame.Physical + 7) / 8));
            Bits = bits;
            _owned = true;
        }
        ColumnVector.SetNull(Bits, row);
    }

    /// <summary>Valid where both are. A null constant has been dealt with before.</summary>
    public static byte* Combine(EvalFrame frame, in Vec a, in Vec b)
    {
        var left = a.IsConstant ? null : a.Validity;
        var right = b.IsConstant ? null : b.Validity;
        return Combine(frame, left, right);
    }

    public static byte* Combine(EvalFrame frame, byte* left, byte* right)
    {
        if (left is null || left == right) return right;
        if (right is null) return left;
        var bytes = (frame.Physical + 7) / 8;
        var bits = frame.Output.Allocate<byte>(Math.Max(1, bytes));
        System.Numerics.Tensors.TensorPrimitives.BitwiseAnd(new ReadOnlySpan<byte>(left, bytes), new ReadOnlySpan<byte>(right, bytes), new Span<byte>(bits, bytes));
        return bits;
    }
}

/// <summary>A function of one argument that is null where the argument is.</summary>
internal sealed unsafe class UnaryNode<TA, TR, TOp>(EvalNode argument, DataType type, OpState state) : EvalNode(type)
    where TA : unmanaged
    where TR : unmanaged
    where TOp : struct, IUnary<TA, TR>
{
    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var a = argument.Evaluate(frame, rows, frame.Scratch);
        if (a.IsNullConstant) return Constants.Null(Type);
        state.Output = frame.Output;
        var result = target.Allocate<TR>(frame.Physical);
        var nulls = a.IsConstant ? null : a.Validity;
        var validity = new ResultValidity(frame, nulls);
        var (x, xMask) = ((nint)a.Values, a.Mask);
        if (rows.Rows is null && nulls is null)
        {
            for (var row = 0; row < rows.Count; row++)
            {
                var outcome = TOp.Apply((TA*)x + (row & xMask), result + row, state);
                if (outcome != Outcome.Value) validity.Set(row, outcome, state);
            }
            return new Vec(Type, (byte*)result, validity.Bits);
        }
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (nulls is not null && !ColumnVector.IsSet(nulls, row)) continue;
            var outcome = TOp.Apply((TA*)x + (row & xMask), result + row, state);
            if (outcome != Outcome.Value) validity.Set(row, outcome, state);
        }
        return new Vec(Type, (byte*)result, validity.Bits);
    }
}

/// <summary>A function of two arguments that is null where one of them is.</summary>
internal sealed unsafe class BinaryNode<TA, TB, TR, TOp>(EvalNode left, EvalNode right, DataType type, OpState state) : EvalNode(type)
    where TA : unmanaged
    where TB : unmanaged
    where TR : unmanaged
    where TOp : struct, IBinary<TA, TB, TR>
{
    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var a = left.Evaluate(frame, rows, frame.Scratch);
        var b = right.Evaluate(frame, rows, frame.Scratch);
        if (a.IsNullConstant || b.IsNullConstant) return Constants.Null(Type);
        state.Output = frame.Output;
        var result = target.Allocate<TR>(frame.Physical);
        var nulls = ResultValidity.Combine(frame, a, b);
        var validity = new ResultValidity(frame, nulls);
        // Copies in registers: the vectors' fields live on the stack.
        var (x, xMask, y, yMask) = ((nint)a.Values, a.Mask, (nint)b.Values, b.Mask);
        if (rows.Rows is null && nulls is null)
        {
            for (var row = 0; row < rows.Count; row++)
            {
                var outcome = TOp.Apply((TA*)x + (row & xMask), (TB*)y + (row & yMask), result + row, state);
                if (outcome != Outcome.Value) validity.Set(row, outcome, state);
            }
            return new Vec(Type, (byte*)result, validity.Bits);
        }
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (nulls is not null && !ColumnVector.IsSet(nulls, row)) continue;
            var outcome = TOp.Apply((TA*)x + (row & xMask), (TB*)y + (row & yMask), result + row, state);
            if (outcome != Outcome.Value) validity.Set(row, outcome, state);
        }
        return new Vec(Type, (byte*)result, validity.Bits);
    }
}

/// <summary>A function of three arguments that is null where one of them is.</summary>
internal sealed unsafe class TernaryNode<TA, TB, TC, TR, TOp>(EvalNode first, EvalNode second, EvalNode third, DataType type, OpState state) : EvalNode(type)
    where TA : unmanaged
    where TB : unmanaged
    where TC : unmanaged
    where TR : unmanaged
    where TOp : struct, ITernary<TA, TB, TC, TR>
{
    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var a = first.Evaluate(frame, rows, frame.Scratch);
        var b = second.Evaluate(frame, rows, frame.Scratch);
        var c = third.Evaluate(frame, rows, frame.Scratch);
        if (a.IsNullConstant || b.IsNullConstant || c.IsNullConstant) return Constants.Null(Type);
        state.Output = frame.Output;
        var result = target.Allocate<TR>(frame.Physical);
        var nulls = ResultValidity.Combine(frame, ResultValidity.Combine(frame, a, b), c.IsConstant ? null : c.Validity);
        var validity = new ResultValidity(frame, nulls);
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (nulls is not null && !ColumnVector.IsSet(nulls, row)) continue;
            var outcome = TOp.Apply(a.At<TA>(row), b.At<TB>(row), c.At<TC>(row), result + row, state);
            if (outcome != Outcome.Value) validity.Set(row, outcome, state);
        }
        return new Vec(Type, (byte*)result, validity.Bits);
    }
}

/// <summary>Null constants by type, kept alive for ever: a vector may point to one.</summary>
internal static class Constants
{
    private static readonly Constant Any = Constant.Null(DataType.Null);

    public static unsafe Vec Null(DataType type) => new(type, Any.Values, Any.Vec.Validity, constant: true);
}
