using System.Text;
using StreamEngine.Core;
using StreamEngine.Formats.Columns;

namespace StreamEngine.Formats.Json;

/// <summary>
/// Why a record that is JSON breaks its contract. Kept until its end, since a later value of the same key takes the earlier one's refusal back, and bytes that are
/// no JSON count for more.
/// </summary>
internal sealed unsafe class JsonRefusals
{
    private const int Kept = 16;

    private readonly (ColumnBuilder Column, long Object, string What, nint From, int Length)[] _entries = new (ColumnBuilder, long, string, nint, int)[Kept];
    private bool _more;

    public int Count { get; private set; }

    public void Clear()
    {
        Count = 0;
        _more = false;
    }

    /// <summary>Notes a refusal in the object of this number; null bytes: nothing was there.</summary>
    public void Add(ColumnBuilder column, long number, string what, byte* from = null, byte* to = null)
    {
        // The first ones suffice for a message; that there were more is never taken back.
        if (Count == Kept) _more = true;
        else _entries[Count++] = (column, number, what, (nint)from, (int)(to - from));
    }

    /// <summary>Takes back what was refused of a column since the object of this number began: its key came again.</summary>
    public void TakeBack(ColumnBuilder column, long number)
    {
        if (_more) return;
        var left = 0;
        for (var i = 0; i < Count; i++)
            if (_entries[i].Object < number || !IsWithin(_entries[i].Column, column)) _entries[left++] = _entries[i];
        Count = left;
    }

    private static bool IsWithin(ColumnBuilder? inner, ColumnBuilder outer)
    {
        for (; inner is not null; inner = inner.Parent)
            if (inner == outer) return true;
        return false;
    }

    public string Message()
    {
        var (column, _, what, from, length) = _entries[0];
        var found = from == 0 ? "" : $", found {Excerpt(new ReadOnlySpan<byte>((byte*)from, length))}";
        return column.Path.Length == 0 ? $"{what}{found}" : $"column '{column.Path}': {what}{found}";
    }

    /// <summary>Some of the bytes as text.</summary>
    public static string Excerpt(ReadOnlySpan<byte> bytes)
    {
        const int Shown = 40;
        var text = Encoding.UTF8.GetString(bytes.Length <= Shown ? bytes : bytes[..Shown]);
        return bytes.Length <= Shown ? text : $"{text}.. ({bytes.Length} bytes)";
    }

    /// <summary>What a value of the column has to be.</summary>
    public static string Expected(ColumnBuilder column) => column.Kind switch
    {
        TypeKind.Boolean => "true or false expected",
        TypeKind.Int32 => "a whole number of 32 bits (INT) expected",
        TypeKind.Int64 => "a whole number of 64 bits (BIGINT) expected",
        TypeKind.Float64 => "a number (DOUBLE) expected",
        TypeKind.Decimal => $"a number that fits {column.Field.Type} exactly expected",
        TypeKind.Date => $"a date of the form {(column.Pattern.IsIso ? "yyyy-MM-dd" : column.Pattern.Text)} expected",
        TypeKind.Timestamp => $"a timestamp of the form {column.Pattern.Text} expected",
        TypeKind.Utf8 => "a string expected",
        TypeKind.Binary => "base64 in a string expected",
        TypeKind.List => $"an array ({column.Field.Type}) expected",
        _ => $"an object ({column.Field.Type}) expected",
    };
}
