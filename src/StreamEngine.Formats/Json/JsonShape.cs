using System.Runtime.CompilerServices;
using StreamEngine.Core;
using StreamEngine.Formats.Columns;

namespace StreamEngine.Formats.Json;

/// <summary>How the value of a predicted field is read.</summary>
internal enum StepKind : byte
{
    /// <summary>By the general parser.</summary>
    General,

    /// <summary>A whole number of 32 or 64 bits, also as a timestamp.</summary>
    Integer,

    /// <summary>A string.</summary>
    Utf8,

    /// <summary>A timestamp of fixed positions.</summary>
    Fixed,

    /// <summary>A key that is not declared.</summary>
    Skip,
}

/// <summary>A field of a shape: the bytes from the end of the value before it to the start of its own, and where its values go.</summary>
internal unsafe struct JsonStep
{
    // Two overlapping words of eight bytes, or one that is masked, decide for up to 16 bytes.
    public ulong First;
    public ulong Second;
    public ulong Mask;
    public int SecondAt;
    public int Length;
    public byte* Text;
    public byte* Values;
    public int SlotMask;
    public StepKind Kind;
    public int Column;
    public FixedTimestamp? Time;
    public bool IsIso;

    // Of an integer: the least one, how many more there are, what makes it the stored value, and whether that has 32 bits.
    public long Least;
    public ulong Range;
    public long Factor;
    public bool IsInt32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool IsAt(byte* p)
        => (((Unsafe.ReadUnaligned<ulong>(p) ^ First) | (Unsafe.ReadUnaligned<ulong>(p + SecondAt) ^ Second)) & Mask) == 0 && (Length <= 16 || IsMiddleAt(p));

    private readonly bool IsMiddleAt(byte* p) => new ReadOnlySpan<byte>(p + 8, Length - 16).SequenceEqual(new ReadOnlySpan<byte>(Text + 8, Length - 16));
}

/// <summary>
/// The form of a record, learned from one that was read by the general parser: records of one producer nearly always have the same keys in the same order with the
/// same blanks, so that a compare of a few bytes at
/// the expected place stands for reading, unescaping and looking up a key.
/// </summary>
internal sealed unsafe class JsonShape
{
    private const int MaxText = 1 << 16;

    private readonly ColumnBuilder _root;
    private byte[] _text = GC.AllocateUninitializedArray<byte>(512, pinned: true);
    private int[] _starts = new int[16];
    private int[] _columns = new int[16];
    private int _textLength;
    private bool _tooLong;

    public JsonShape(ColumnBuilder root) => _root = root;

    public JsonStep[] Steps { get; private set; } = [];

    public int Count { get; private set; }

    /// <summary>The declared columns that such a record does not have.</summary>
    public int[] Absent { get; private set; } = [];

    /// <summary>What stands behind the last value.</summary>
    public JsonStep Tail;

    public void Clear()
    {
        Count = 0;
        _textLength = 0;
        _tooLong = false;
    }

    /// <summary>Notes a member: the bytes before its value, and its column or -1.</summary>
    public void Add(byte* from, byte* value, int column)
    {
        var length = (int)Math.Min(value - from, MaxText);
        if (_tooLong || _textLength + length > MaxText || length > 255)
        {
            _tooLong = true;
            return;
        }
        if (Count == _columns.Length)
        {
            Array.Resize(ref _columns, Count * 2);
            Array.Resize(ref _starts, Count * 2);
        }
        _columns[Count] = column;
        _starts[Count] = Note(from, length);
        Count++;
    }

    private int Note(byte* from, int length)
    {
        // Eight bytes more: a short text is loaded as a whole word.
        if (_textLength + length + 8 > _text.Length)
        {
            var text = GC.AllocateUninitializedArray<byte>(Math.Max(_text.Length * 2, _textLength + length + 8), pinned: true);
            _text.AsSpan(0, _textLength).CopyTo(text);
            _text = text;
        }
        var start = _textLength;
        new ReadOnlySpan<byte>(from, length).CopyTo(_text.AsSpan(start));
        _textLength += length;
        return start;
    }

    /// <summary>Finishes what was noted of a good record with the bytes behind its last value; false when it is too long to be worth it.</summary>
    public bool TryComplete(byte* tail, byte* end)
    {
        if (_tooLong || Count == 0 || end - tail > 255) return false;
        var last = Note(tail, (int)(end - tail));
        if (Steps.Length < Count) Steps = new JsonStep[_columns.Length];
        for (var i = 0; i < Count; i++)
        {
            Steps[i] = StepOf(_starts[i], (i + 1 < Count ? _starts[i + 1] : last) - _starts[i]);
            Steps[i].Column = _columns[i];
            Steps[i].Kind = StepKind.Skip;
            if (_columns[i] >= 0) Aim(ref Steps[i], _root.Children[_columns[i]]);
        }
        Tail = StepOf(last, _textLength - last);
        Absent = [.. Enumerable.Range(0, _root.Children.Length).Where(c => !_columns.AsSpan(0, Count).Contains(c))];
        return true;
    }

    private JsonStep StepOf(int start, int length)
    {
        var text = (byte*)Unsafe.AsPointer(ref _text[start]);
        var word = Unsafe.ReadUnaligned<ulong>(text);
        var step = new JsonStep { Length = length, Text = text, First = word, Second = word, Mask = length >= 8 ? ulong.MaxValue : (1UL << (8 * length)) - 1 };
        if (length <= 8) return step;
        step.SecondAt = length - 8;
        step.Second = Unsafe.ReadUnaligned<ulong>(text + step.SecondAt);
        return step;
    }

    private static void Aim(ref JsonStep step, ColumnBuilder column)
    {
        step.Kind = column.Kind switch
        {
            TypeKind.Int32 or TypeKind.Int64 => StepKind.Integer,
            TypeKind.Utf8 => StepKind.Utf8,
            TypeKind.Timestamp when column.Pattern.IsEpoch => StepKind.Integer,
            TypeKind.Timestamp when column.Pattern.Fixed is not null => StepKind.Fixed,
            _ => StepKind.General,
        };
        step.Time = column.Pattern.Fixed;
        step.IsIso = column.Pattern.IsIso;
        step.Values = column.Values;
        step.SlotMask = column.Mask;
        step.IsInt32 = column.Kind == TypeKind.Int32;
        step.Factor = Math.Max(1, column.Pattern.MicrosPerUnit);
        var (least, most) = column.Kind switch
        {
            TypeKind.Int32 => (int.MinValue, int.MaxValue),
            TypeKind.Timestamp => (Calendar.FirstMicros / step.Factor, Calendar.LastMicros / step.Factor),
            _ => (long.MinValue, long.MaxValue),
        };
        step.Least = least;
        step.Range = (ulong)(most - least);
    }

    /// <summary>Takes the columns' memory of a new batch.</summary>
    public void Bind()
    {
        for (var i = 0; i < Count; i++)
            if (Steps[i].Column >= 0) Aim(ref Steps[i], _root.Children[Steps[i].Column]);
    }
}
