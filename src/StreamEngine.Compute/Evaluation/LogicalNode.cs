using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Compute.Evaluation;

/// <summary>AND and OR in three-valued logic: each operand is evaluated only on the rows that the ones before left undecided.</summary>
internal sealed unsafe class LogicalNode(bool isAnd, EvalNode[] operands) : EvalNode(DataType.Boolean)
{
    public override Vec Evaluate(EvalFrame frame, RowSet rows, Arena target)
    {
        var result = target.Allocate<byte>(frame.Physical);
        var neutral = isAnd ? (byte)1 : (byte)0;
        Unsafe.InitBlockUnaligned(result, neutral, (uint)frame.Physical);
        var validity = new ResultValidity(frame, null);
        byte* unknown = null;
        for (var k = 0; k < operands.Length && rows.Count > 0; k++)
        {
            var operand = operands[k].Evaluate(frame, rows, frame.Scratch);
            var left = frame.Scratch.Allocate<ushort>(rows.Count);
            var n = 0;
            for (var i = 0; i < rows.Count; i++)
            {
                var row = rows.At(i);
                if (operand.IsNull(row))
                {
                    if (unknown is null) unknown = frame.Scratch.AllocateZeroed<byte>(frame.Physical);
                    unknown[row] = 1;
                }
                else if (*operand.At<byte>(row) != neutral)
                {
                    // FALSE AND anything, TRUE OR anything: decided, also after an unknown operand.
                    result[row] = (byte)(1 - neutral);
                    if (unknown is not null) unknown[row] = 0;
                    continue;
                }
                left[n++] = (ushort)row;
            }
            rows = new RowSet(left, n);
        }
        if (unknown is not null)
            for (var i = 0; i < rows.Count; i++)
                if (unknown[rows.At(i)] != 0) validity.SetNull(rows.At(i));
        return new Vec(Type, result, validity.Bits);
    }
}
