using StreamEngine.Compute;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Operators.Groups;

/// <summary>
/// The grouping keys of a pane, numbered from 0 in the order of their coming; what belongs to a key is kept by its number in arrays elsewhere. Called per batch, never
/// per row. Keys are never removed: a table is
/// dropped whole. In state a key has its binary form (<see cref="KeyEncoder"/>) whatever form it has here.
/// </summary>
internal abstract unsafe class GroupKeys : IDisposable
{
    /// <summary>Keys so far.</summary>
    public int Count { get; protected set; }

    public abstract long Bytes { get; }

    /// <summary>Makes room for so many keys that are likely to come, so that it need not grow step by step.</summary>
    public abstract void Expect(int keys);

    /// <summary>The number of each row's key, the i-th row's at <paramref name="groups"/>[i]; new keys get the next numbers.</summary>
    public abstract void Find(ReadOnlySpan<ColumnVector> keys, RowSet rows, int* groups);

    /// <summary>The number of a key in its binary form.</summary>
    /// <exception cref="FormatException">It is no key of these columns.</exception>
    public abstract int FindEncoded(ReadOnlySpan<byte> key);

    /// <summary>The number here of each key of another table over the same columns.</summary>
    public abstract void Map(GroupKeys other, int* map);

    /// <summary>The binary form of a key, valid until the next call.</summary>
    public abstract ReadOnlySpan<byte> EncodingOf(int group);

    /// <summary>The hash whose low bits are the key group.</summary>
    public abstract ulong HashOf(int group);

    /// <summary>The columns of these keys, in the arena.</summary>
    public abstract ColumnVector[] Decode(int* groups, int count, Arena arena);

    public abstract void Dispose();

    /// <summary>A table for keys of these columns: numbers and texts, and several of them, have one of their own.</summary>
    public static GroupKeys Create(DataType[] types, MemoryScope scope) => types.Length == 0 || !types.All(t => IsNumber(t) || IsText(t)) ? new EncodedKeys(types, scope)
        : types.Length > 1 ? new CompositeKeys(types, scope)
        : IsNumber(types[0]) ? new NumberKeys(types[0], scope) : new TextKeys(types[0], scope);

    private static bool IsNumber(DataType type) => type.Kind is TypeKind.Int64 or TypeKind.Timestamp or TypeKind.Int32 or TypeKind.Date;

    private static bool IsText(DataType type) => type.Kind is TypeKind.Utf8 or TypeKind.Binary;

    protected static void Check(ReadOnlySpan<byte> key)
    {
        if (key.Length < 2) throw new FormatException($"a key in state has {key.Length} bytes");
        if (key[0] != KeyEncoder.Version) throw new FormatException($"a key has version {key[0]}; this engine reads version {KeyEncoder.Version}");
    }
}
