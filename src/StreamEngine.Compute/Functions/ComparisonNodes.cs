using System.Runtime.CompilerServices;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>IS [NOT] DISTINCT FROM: never null.</summary>
internal sealed unsafe class DistinctNode<T, TOrder>(EvalNode left, EvalNode right, bool negated) : EvalNode(DataType.Boolean)
    where T : unmanaged
    where TOrder : struct, IOrder<T>
{
    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var a = left.Evaluate(frame, rows, frame.Scratch);
        var b = right.Evaluate(frame, rows, frame.Scratch);
        var result = target.Allocate<byte>(frame.Physical);
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            var (x, y) = (a.IsNull(row), b.IsNull(row));
            var distinct = x || y ? x != y : TOrder.Compare(a.At<T>(row), b.At<T>(row)) != 0;
            result[row] = distinct != negated ? (byte)1 : (byte)0;
        }
        return new Vec(Type, result, null);
    }
}

/// <summary>IN over known values: compared one after the other while they are few, else by binary search.</summary>
internal sealed unsafe class InNode<T, TOrder> : EvalNode
    where T : unmanaged
    where TOrder : struct, IOrder<T>
{
    private const int Few = 8;
    private readonly EvalNode _operand;
    private readonly Constant[] _sorted;
    private readonly T[] _values;
    private readonly bool _hasNull;

    public InNode(EvalNode operand, Constant[] items)
        : base(DataType.Boolean)
    {
        _operand = operand;
        _hasNull = items.Any(i => i.IsNull);
        // The constants stay referenced: views point into their memory.
        _sorted = items.Where(i => !i.IsNull).ToArray();
        Array.Sort(_sorted, (a, b) => TOrder.Compare((T*)a.Values, (T*)b.Values));
        _values = GC.AllocateArray<T>(Math.Max(1, _sorted.Length), pinned: true);
        for (var i = 0; i < _sorted.Length; i++) _values[i] = _sorted[i].As<T>();
    }

    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var a = _operand.Evaluate(frame, rows, frame.Scratch);
        if (a.IsNullConstant) return Constants.Null(Type);
        var result = target.Allocate<byte>(frame.Physical);
        var nulls = a.IsConstant ? null : a.Validity;
        var validity = new ResultValidity(frame, nulls);
        var values = (T*)Unsafe.AsPointer(ref _values[0]);
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (nulls is not null && !ColumnVector.IsSet(nulls, row)) continue;
            var found = Contains(values, _sorted.Length, a.At<T>(row));
            result[row] = found ? (byte)1 : (byte)0;
            if (!found && _hasNull) validity.SetNull(row);
        }
        return new Vec(Type, result, validity.Bits);
    }

    private static bool Contains(T* values, int count, T* value)
    {
        if (count <= Few)
        {
            for (var i = 0; i < count; i++)
                if (TOrder.Compare(values + i, value) == 0) return true;
            return false;
        }
        int low = 0, high = count - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = TOrder.Compare(values + middle, value);
            if (order == 0) return true;
            if (order < 0) low = middle + 1;
            else high = middle - 1;
        }
        return false;
    }
}

/// <summary>GREATEST and LEAST: nulls do not count; null when all are.</summary>
internal sealed unsafe class ExtremeNode<T, TOrder>(EvalNode[] operands, bool greatest, DataType type) : EvalNode(type)
    where T : unmanaged
    where TOrder : struct, IOrder<T>
{
    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var vectors = new Vec[operands.Length];
        for (var k = 0; k < vectors.Length; k++) vectors[k] = operands[k].Evaluate(frame, rows, frame.Scratch);
        var result = target.Allocate<T>(frame.Physical);
        var validity = new ResultValidity(frame, null);
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            T* best = null;
            foreach (ref readonly var vector in vectors.AsSpan())
            {
                if (vector.IsNull(row)) continue;
                var value = vector.At<T>(row);
                if (best is not null)
                {
                    var order = TOrder.Compare(value, best);
                    if (greatest ? order <= 0 : order >= 0) continue;
                }
                best = value;
            }
            if (best is null) validity.SetNull(row);
            else result[row] = *best;
        }
        return new Vec(Type, (byte*)result, validity.Bits);
    }
}
