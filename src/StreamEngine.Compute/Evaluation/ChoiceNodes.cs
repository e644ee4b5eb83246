using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Compute.Evaluation;

/// <summary>A result that different operands fill row by row.</summary>
internal unsafe struct ChoiceResult(EvalFrame frame, DataType type, Arena target)
{
    private readonly byte* _values = target.Allocate<byte>(Math.Max(1, frame.Physical * type.Width));
    private ResultValidity _validity = new(frame, null);

    /// <summary>Takes the operand's values, or nulls, for the rows.</summary>
    public void Take(in Vec from, RowSet rows)
    {
        switch (type.Width)
        {
            case 1: Take<byte>(from, rows); break;
            case 4: Take<int>(from, rows); break;
            case 8: Take<long>(from, rows); break;
            default: Take<(long, long)>(from, rows); break;
        }
    }

    public void TakeNulls(RowSet rows)
    {
        for (var i = 0; i < rows.Count; i++) _validity.SetNull(rows.At(i));
    }

    private void Take<T>(in Vec from, RowSet rows) where T : unmanaged
    {
        var values = (T*)_values;
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (from.IsNull(row)) _validity.SetNull(row);
            else values[row] = *from.At<T>(row);
        }
    }

    public readonly Vec ToVec() => new(type, _values, _validity.Bits);
}

/// <summary>CASE: each condition and each value is evaluated only on the rows that reach it.</summary>
internal sealed class CaseNode(EvalNode[] conditions, EvalNode[] values, EvalNode? other, DataType type) : EvalNode(type)
{
    public override unsafe Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var result = new ChoiceResult(frame, Type, target);
        for (var k = 0; k < conditions.Length && rows.Count > 0; k++)
        {
            var condition = conditions[k].Evaluate(frame, rows, frame.Scratch);
            Split(frame, condition, rows, out var taken, out var rest);
            if (taken.Count > 0) result.Take(values[k].Evaluate(frame, taken, frame.Scratch), taken);
            rows = rest;
        }
        if (rows.Count > 0)
        {
            if (other is null) result.TakeNulls(rows);
            else result.Take(other.Evaluate(frame, rows, frame.Scratch), rows);
        }
        return result.ToVec();
    }

    private static unsafe void Split(EvalFrame frame, in Vec condition, RowSet rows, out RowSet taken, out RowSet rest)
    {
        var yes = frame.Scratch.Allocate<ushort>(rows.Count);
        var no = frame.Scratch.Allocate<ushort>(rows.Count);
        int y = 0, n = 0;
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (!condition.IsNull(row) && *condition.At<byte>(row) != 0) yes[y++] = (ushort)row;
            else no[n++] = (ushort)row;
        }
        taken = new RowSet(yes, y);
        rest = new RowSet(no, n);
    }
}

/// <summary>COALESCE: each operand is evaluated only on the rows where the ones before are null.</summary>
internal sealed unsafe class CoalesceNode(EvalNode[] operands, DataType type) : EvalNode(type)
{
    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var first = operands[0].Evaluate(frame, rows, target);
        if (first.Validity is null) return first;
        var result = new ChoiceResult(frame, Type, target);
        for (var k = 0; ; k++)
        {
            var operand = k == 0 ? first : operands[k].Evaluate(frame, rows, frame.Scratch);
            var some = frame.Scratch.Allocate<ushort>(rows.Count);
            var none = frame.Scratch.Allocate<ushort>(rows.Count);
            int s = 0, n = 0;
            for (var i = 0; i < rows.Count; i++)
            {
                var row = rows.At(i);
                if (operand.IsNull(row)) none[n++] = (ushort)row;
                else some[s++] = (ushort)row;
            }
            result.Take(operand, new RowSet(some, s));
            rows = new RowSet(none, n);
            if (n == 0 || k == operands.Length - 1) break;
        }
        if (rows.Count > 0) result.TakeNulls(rows);
        return result.ToVec();
    }
}
