using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Compute.Evaluation;

/// <summary>
/// What an expression gives for a batch: a value per physical row, or one for all rows. Value and validity of a row stand at <c>row &amp; Mask</c>: kernels need no
/// second loop for constants.
/// </summary>
internal readonly unsafe struct Vec
{
    public Vec(DataType type, byte* values, byte* validity, bool constant = false, ColumnVector[]? children = null)
    {
        Type = type;
        Values = values;
        Validity = validity;
        Mask = constant ? 0 : -1;
        Children = children;
    }

    public DataType Type { get; }

    public byte* Values { get; }

    public byte* Validity { get; }

    /// <summary>-1 for a vector, 0 for a constant.</summary>
    public int Mask { get; }

    /// <summary>The children of a list or struct.</summary>
    public ColumnVector[]? Children { get; }

    public bool IsConstant => Mask == 0;

    /// <summary>A constant that is null.</summary>
    public bool IsNullConstant => Mask == 0 && Validity is not null && (*Validity & 1) == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsNull(int row) => Validity is not null && (Validity[(row & Mask) >> 3] >> (row & Mask & 7) & 1) == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T* At<T>(int row) where T : unmanaged => (T*)Values + (row & Mask);

    public static Vec Of(ColumnVector column) => new(column.Type, column.Values, column.Validity, children: column.Children);

    public ColumnVector ToColumn(int rows) => new(Type, rows, Values, Validity, Children);
}

/// <summary>The rows to evaluate: all, or the ones listed in growing order.</summary>
internal readonly unsafe struct RowSet(ushort* rows, int count)
{
    public readonly ushort* Rows = rows;
    public readonly int Count = count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int At(int i) => Rows is null ? i : Rows[i];
}

/// <summary>The batch under evaluation, and where results go.</summary>
internal sealed class EvalFrame
{
    /// <summary>The batch's columns.</summary>
    public ColumnVector[] Columns = [];

    /// <summary>Physical rows.</summary>
    public int Physical;

    /// <summary>Lives as long as the results: the bytes of strings and all validity bitmaps go there, whichever node makes them, since later nodes pass them
    /// on.</summary>
    public Arena Output = null!;

    /// <summary>Lives until the evaluation ends: the fixed-width values of inner nodes.</summary>
    public Arena Scratch = null!;

    public RowFaults Faults = null!;
}

/// <summary>A step of a compiled expression. It may hold buffers: an instance is for one thread.</summary>
internal abstract class EvalNode(DataType type)
{
    public DataType Type { get; } = type;

    /// <summary>Evaluates the rows; what stands at other rows is undefined. Fixed-width values go to <paramref name="target"/>.</summary>
    public abstract Vec Evaluate(EvalFrame frame, RowSet rows, Arena target);
}
