using System.Numerics;
using System.Runtime.CompilerServices;

namespace StreamEngine.Core;

/// <summary>
/// A column of a batch: Arrow's layout over native memory that the batch's arenas own (booleans are a byte each, strings are views with pointers). A null validity
/// pointer means that no row is null; otherwise bit i, least significant first, is 1 where row i has a value. What stands at a null row, and at a row that is not
/// selected, is undefined. Immutable once it is in a batch.
/// </summary>
public sealed unsafe class ColumnVector
{
    internal ColumnVector(DataType type, int length, byte* values, byte* validity = null, ColumnVector[]? children = null)
    {
        Type = type;
        Length = length;
        Values = values;
        Validity = validity;
        Children = children ?? [];
    }

    /// <summary>The type.</summary>
    public DataType Type { get; }

    /// <summary>Physical rows, selected or not.</summary>
    public int Length { get; }

    /// <summary>The value buffer: <see cref="DataType.Width"/> bytes per row; Length + 1 offsets for a list; nothing for a struct.</summary>
    internal byte* Values { get; }

    internal byte* Validity { get; }

    /// <summary>A struct's fields, or a list's elements.</summary>
    internal ColumnVector[] Children { get; }

    /// <summary>False when no row is null.</summary>
    public bool MayHaveNulls => Validity is not null;

    /// <summary>Whether the row is null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsNull(int row) => Validity is not null && (Validity[row >> 3] >> (row & 7) & 1) == 0;

    /// <summary>The values as they lie in memory, for fixed-width types. The span is valid until the batch is released.</summary>
    internal ReadOnlySpan<T> Span<T>() where T : unmanaged => new(Values, Length);

    internal T* As<T>() where T : unmanaged => (T*)Values;

    /// <summary>The number of nulls among the first so many physical rows.</summary>
    internal int CountNulls()
    {
        if (Validity is null) return 0;
        var valid = 0;
        var whole = Length >> 3;
        for (var i = 0; i < whole; i++) valid += BitOperations.PopCount(Validity[i]);
        if ((Length & 7) != 0) valid += BitOperations.PopCount((uint)Validity[whole] & ((1u << (Length & 7)) - 1));
        return Length - valid;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void SetNull(byte* validity, int row) => validity[row >> 3] &= (byte)~(1 << (row & 7));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsSet(byte* validity, int row) => (validity[row >> 3] >> (row & 7) & 1) != 0;
}
