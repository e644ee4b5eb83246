using System.Numerics;
using System.Numerics.Tensors;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Filters;

/// <summary>
/// A condition that cannot fail and is evaluated over all physical rows at once, into a bit per row: 1 where it is TRUE. Rows that are not selected are computed too,
/// which is cheaper than to leave
/// them out; only fixed-width values are read, so that what stands at a null or unselected row does no harm.
/// </summary>
internal abstract unsafe class BitNode
{
    /// <summary>Writes (rows + 7) / 8 bytes; bits behind the last row are 0.</summary>
    public abstract void Evaluate(EvalFrame frame, byte* bits);

    protected static int BytesOf(EvalFrame frame) => (frame.Physical + 7) / 8;

    /// <summary>A null is not TRUE.</summary>
    protected static void AndValidity(EvalFrame frame, in Vec vec, byte* bits)
    {
        if (vec.Validity is null) return;
        var bytes = BytesOf(frame);
        TensorPrimitives.BitwiseAnd(new ReadOnlySpan<byte>(bits, bytes), new ReadOnlySpan<byte>(vec.Validity, bytes), new Span<byte>(bits, bytes));
    }

    /// <summary>A bitmap that came with a column may have any bits behind its last row.</summary>
    protected static void ClearTail(EvalFrame frame, byte* bits)
    {
        if ((frame.Physical & 7) != 0) bits[frame.Physical >> 3] &= (byte)((1 << (frame.Physical & 7)) - 1);
    }
}

/// <summary>A column compared with a known value.</summary>
internal sealed unsafe class CompareBits<T, TTest>(EvalNode operand, T constant) : BitNode
    where T : unmanaged
    where TTest : struct, IBitTest<T>
{
    public override void Evaluate(EvalFrame frame, byte* bits)
    {
        var vec = operand.Evaluate(frame, new RowSet(null, frame.Physical), frame.Scratch);
        BitKernels.Compare<T, TTest>((T*)vec.Values, constant, frame.Physical, bits);
        AndValidity(frame, vec, bits);
    }
}

/// <summary>Some bits of a whole number compared with known ones.</summary>
internal sealed unsafe class MaskBits<T>(EvalNode operand, T mask, T value, bool negated) : BitNode
    where T : unmanaged, IBinaryInteger<T>
{
    public override void Evaluate(EvalFrame frame, byte* bits)
    {
        var vec = operand.Evaluate(frame, new RowSet(null, frame.Physical), frame.Scratch);
        BitKernels.CompareMasked((T*)vec.Values, mask, value, frame.Physical, bits);
        if (negated) TensorPrimitives.OnesComplement(new ReadOnlySpan<byte>(bits, BytesOf(frame)), new Span<byte>(bits, BytesOf(frame)));
        AndValidity(frame, vec, bits);
        ClearTail(frame, bits);
    }
}

/// <summary>A decimal compared with a known one of its scale: two words, without a branch.</summary>
internal sealed unsafe class DecimalBits(EvalNode operand, Constant constant, bool less, bool equal, bool negated) : BitNode
{
    public override void Evaluate(EvalFrame frame, byte* bits)
    {
        var vec = operand.Evaluate(frame, new RowSet(null, frame.Physical), frame.Scratch);
        var low = ((ulong*)constant.Values)[0];
        var high = ((long*)constant.Values)[1];
        var values = (ulong*)vec.Values;
        var (lessMask, equalMask, flip) = (less ? 1u : 0u, equal ? 1u : 0u, negated ? 1u : 0u);
        for (var start = 0; start < frame.Physical; start += 8)
        {
            uint b = 0;
            var count = Math.Min(8, frame.Physical - start);
            for (var k = 0; k < count; k++)
            {
                var l = values[(start + k) * 2];
                var h = (long)values[(start + k) * 2 + 1];
                var same = h == high ? 1u : 0u;
                var below = (h < high ? 1u : 0u) | (same & (l < low ? 1u : 0u));
                b |= (((below & lessMask) | (same & (l == low ? 1u : 0u) & equalMask)) ^ flip) << k;
            }
            bits[start >> 3] = (byte)b;
        }
        AndValidity(frame, vec, bits);
    }
}

/// <summary>A text compared with a known one that lies in its view: both are 16 bytes.</summary>
internal sealed unsafe class TextBits(EvalNode operand, Constant constant, bool negated) : BitNode
{
    public override void Evaluate(EvalFrame frame, byte* bits)
    {
        var vec = operand.Evaluate(frame, new RowSet(null, frame.Physical), frame.Scratch);
        var (low, high) = (((ulong*)constant.Values)[0], ((ulong*)constant.Values)[1]);
        var values = (ulong*)vec.Values;
        var flip = negated ? 1u : 0u;
        for (var start = 0; start < frame.Physical; start += 8)
        {
            uint b = 0;
            var count = Math.Min(8, frame.Physical - start);
            for (var k = 0; k < count; k++)
            {
                var value = values + (start + k) * 2;
                b |= ((((value[0] ^ low) | (value[1] ^ high)) == 0 ? 1u : 0u) ^ flip) << k;
            }
            bits[start >> 3] = (byte)b;
        }
        AndValidity(frame, vec, bits);
    }
}

/// <summary>A column of type BOOLEAN as a condition, or NOT of one.</summary>
internal sealed unsafe class BooleanBits(EvalNode operand, byte value) : BitNode
{
    public override void Evaluate(EvalFrame frame, byte* bits)
    {
        var vec = operand.Evaluate(frame, new RowSet(null, frame.Physical), frame.Scratch);
        for (var start = 0; start < frame.Physical; start += 8)
        {
            uint b = 0;
            var count = Math.Min(8, frame.Physical - start);
            for (var k = 0; k < count; k++) b |= (vec.Values[start + k] == value ? 1u : 0u) << k;
            bits[start >> 3] = (byte)b;
        }
        AndValidity(frame, vec, bits);
    }
}

/// <summary>IS [NOT] NULL of a column.</summary>
internal sealed unsafe class NullBits(EvalNode operand, bool isNull) : BitNode
{
    public override void Evaluate(EvalFrame frame, byte* bits)
    {
        var vec = operand.Evaluate(frame, new RowSet(null, frame.Physical), frame.Scratch);
        var bytes = new Span<byte>(bits, BytesOf(frame));
        if (vec.Validity is null) bytes.Fill(isNull ? (byte)0 : (byte)0xFF);
        else if (isNull) TensorPrimitives.OnesComplement(new ReadOnlySpan<byte>(vec.Validity, bytes.Length), bytes);
        else new ReadOnlySpan<byte>(vec.Validity, bytes.Length).CopyTo(bytes);
        ClearTail(frame, bits);
    }
}

/// <summary>AND or OR of conditions: of TRUEs, so that nulls need no third state.</summary>
internal sealed unsafe class JoinedBits(bool isAnd, BitNode[] operands) : BitNode
{
    public override void Evaluate(EvalFrame frame, byte* bits)
    {
        operands[0].Evaluate(frame, bits);
        var other = stackalloc byte[Batch.MaxRows / 8 + 64];
        var bytes = BytesOf(frame);
        for (var k = 1; k < operands.Length; k++)
        {
            operands[k].Evaluate(frame, other);
            var x = new Span<byte>(bits, bytes);
            var y = new ReadOnlySpan<byte>(other, bytes);
            if (isAnd) TensorPrimitives.BitwiseAnd(x, y, x);
            else TensorPrimitives.BitwiseOr(x, y, x);
        }
    }
}
