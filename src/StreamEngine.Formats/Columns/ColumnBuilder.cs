using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Formats.Columns;

/// <summary>
/// A declared column, or a field or element inside one, while a batch of it is filled. One that nobody reads has a single scratch slot: its values are checked like
/// all others and written over each other, so that the
/// decoders need no second code path; <see cref="Mask"/> makes a row's slot.
/// </summary>
internal sealed unsafe class ColumnBuilder
{
    private Arena _arena = null!;
    private int _capacity;

    /// <param name="field">Name, type, nullability and format.</param>
    /// <param name="path">How messages name it, for example properties.mag or l[].</param>
    /// <param name="stored">Whether something reads it.</param>
    /// <param name="parent">The column it lies in; null for a top-level one.</param>
    public ColumnBuilder(Field field, string path, bool stored, ColumnBuilder? parent = null)
    {
        Field = field;
        Path = path;
        Stored = stored;
        Parent = parent;
        Kind = field.Type.Kind;
        Nullable = field.Nullable;
        Mask = stored ? -1 : 0;
        Pattern = TimestampPattern.TryCompile(Kind is TypeKind.Timestamp or TypeKind.Date ? field.Format : null, out var error)
            ?? throw new ArgumentException($"column {path}: {error}", nameof(field));
        Children = Kind switch
        {
            TypeKind.Struct => [.. field.Type.Fields!.Select(f => new ColumnBuilder(f, path.Length == 0 ? f.Name : $"{path}.{f.Name}", stored, this))],
            TypeKind.List => [new ColumnBuilder(new Field("element", field.Type.Element!), $"{path}[]", stored, this)],
            TypeKind.Interval or TypeKind.Null => throw new ArgumentException($"column {path}: no source can have the type {field.Type}", nameof(field)),
            _ => [],
        };
        NeedsOffsets = Kind == TypeKind.List || (Kind == TypeKind.Struct && Array.Exists(Children, c => c.NeedsOffsets));
    }

    public Field Field { get; }

    public string Path { get; }

    public bool Stored { get; }

    public ColumnBuilder? Parent { get; }

    public TypeKind Kind { get; }

    public bool Nullable { get; }

    public TimestampPattern Pattern { get; }

    public ColumnBuilder[] Children { get; }

    /// <summary>Whether a row without a value has to be told (<see cref="Blank"/>), since the offsets of the rows after it build on it.</summary>
    public bool NeedsOffsets { get; }

    /// <summary>Its number in the tree of columns, for tables beside it.</summary>
    public int Id { get; set; }

    /// <summary>The object in which this field was seen last: a number that grows with every object read.</summary>
    public long Seen { get; set; }

    public byte* Values { get; private set; }

    public byte* Validity { get; private set; }

    /// <summary>-1 when stored, else 0: row &amp; Mask is the slot of the row.</summary>
    public int Mask { get; }

    /// <summary>Elements so far, for the child of a list.</summary>
    public int Count { get; set; }

    /// <summary>Makes room for a batch of so many rows.</summary>
    public void Start(Arena arena, int rows)
    {
        _arena = arena;
        _capacity = Stored ? Math.Max(rows, 1) : 1;
        Validity = null;
        Count = 0;
        if (Kind == TypeKind.Struct)
        {
            foreach (var child in Children) child.Start(arena, rows);
            return;
        }
        Values = arena.Allocate<byte>((_capacity + (Kind == TypeKind.List ? 1 : 0)) * Field.Type.Width);
        if (Kind != TypeKind.List) return;
        *(int*)Values = 0;
        Children[0].Start(arena, 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T* At<T>(int row) where T : unmanaged => (T*)Values + (row & Mask);

    /// <summary>Makes room for the element behind the last one of a list, whose slot may hold the remains of a row that failed.</summary>
    public void Reserve(int element)
    {
        if (!Stored) return;
        if (element >= _capacity) Grow(element + 1);
        else Revive(element);
    }

    private void Grow(int needed)
    {
        var capacity = Math.Max(needed, _capacity * 2);
        if (Validity is not null)
        {
            var validity = _arena.AllocateValidity(capacity);
            Unsafe.CopyBlockUnaligned(validity, Validity, (uint)(_capacity + 7) / 8);
            // The last byte of the old bitmap may hold bits of rows that were never written: all ones, as AllocateValidity made them.
            Validity = validity;
        }
        if (Kind == TypeKind.Struct)
        {
            foreach (var child in Children) child.Grow(capacity);
        }
        else
        {
            var extra = Kind == TypeKind.List ? 1 : 0;
            var values = _arena.Allocate<byte>(checked((capacity + extra) * Field.Type.Width));
            Buffer.MemoryCopy(Values, values, (long)(capacity + extra) * Field.Type.Width, (long)(_capacity + extra) * Field.Type.Width);
            Values = values;
        }
        _capacity = capacity;
    }

    /// <summary>Makes the row null, and with it the fields of a struct.</summary>
    public void SetNull(int row)
    {
        if (!Stored) return;
        if (Validity is null) Validity = _arena.AllocateValidity(_capacity);
        ColumnVector.SetNull(Validity, row);
        if (Kind == TypeKind.Struct)
        {
            foreach (var child in Children) child.SetNull(row);
        }
        else Blank(row);
    }

    /// <summary>Takes back <see cref="SetNull"/>: a later value of the same key, or another element in the slot.</summary>
    public void Revive(int row)
    {
        if (!Stored) return;
        if (Validity is not null) Validity[row >> 3] |= (byte)(1 << (row & 7));
        if (Kind != TypeKind.Struct) return;
        foreach (var child in Children) child.Revive(row);
    }

    /// <summary>Leaves something harmless where the row has no value: no elements, no pointer.</summary>
    public void Blank(int row)
    {
        if (!Stored) return;
        switch (Kind)
        {
            case TypeKind.List:
                ((int*)Values)[row + 1] = ((int*)Values)[row];
                break;
            case TypeKind.Struct:
                foreach (var child in Children) child.Blank(row);
                break;
            default:
                Unsafe.InitBlockUnaligned(Values + (long)row * Field.Type.Width, 0, (uint)Field.Type.Width);
                break;
        }
    }

    /// <summary>The filled column of so many rows.</summary>
    public ColumnVector Finish(int rows)
    {
        ColumnVector[] children = [];
        if (Kind == TypeKind.Struct) children = Array.ConvertAll(Children, c => c.Finish(rows));
        else if (Kind == TypeKind.List) children = [Children[0].Finish(((int*)Values)[rows])];
        return new ColumnVector(Field.Type, rows, Values, Validity, children);
    }
}
