using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Text;
using StreamEngine.Core;
using StreamEngine.Formats.Columns;

namespace StreamEngine.Formats.Json;

/// <summary>The field names of an object in UTF-8: keys match exactly, case and all.</summary>
internal sealed unsafe class JsonNames
{
    private readonly byte[][] _names;
    private readonly bool[] _plain;
    private readonly int[] _table;

    private JsonNames(ColumnBuilder column)
    {
        _names = column.Kind == TypeKind.Struct ? Array.ConvertAll(column.Children, c => Encoding.UTF8.GetBytes(c.Field.Name)) : [];
        _plain = Array.ConvertAll(_names, n => !n.AsSpan().ContainsAny((byte)'"', (byte)'\\') && !n.AsSpan().ContainsAnyInRange((byte)0, (byte)31));
        var size = 4;
        while (size < _names.Length * 2) size *= 2;
        _table = new int[size];
        for (var i = 0; i < _names.Length; i++)
        {
            var at = SlotOf(_names[i]);
            while (_table[at] != 0) at = (at + 1) & (size - 1);
            _table[at] = i + 1;
        }
    }

    /// <summary>The names of a column and of all in it, by <see cref="ColumnBuilder.Id"/>.</summary>
    public static JsonNames[] Of(ColumnBuilder root)
    {
        var all = new List<JsonNames>();
        Number(root, all);
        return [.. all];
    }

    private static void Number(ColumnBuilder column, List<JsonNames> all)
    {
        column.Id = all.Count;
        all.Add(new JsonNames(column));
        foreach (var child in column.Children) Number(child, all);
    }

    private int SlotOf(ReadOnlySpan<byte> name) => (int)XxHash3.HashToUInt64(name) & (_table.Length - 1);

    public int LengthOf(int index) => _names[index].Length;

    /// <summary>Whether the name of this index, which may be one too far, stands there with a quote behind it. Names that need escapes in JSON never do.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsAt(int index, byte* p, byte* end)
    {
        if (index >= _names.Length) return false;
        var name = _names[index];
        return end - p > name.Length && p[name.Length] == '"' && _plain[index] && new ReadOnlySpan<byte>(p, name.Length).SequenceEqual(name);
    }

    /// <summary>The index of a name; -1 when it is not declared.</summary>
    public int Find(ReadOnlySpan<byte> name)
    {
        for (var at = SlotOf(name); _table[at] != 0; at = (at + 1) & (_table.Length - 1))
            if (name.SequenceEqual(_names[_table[at] - 1])) return _table[at] - 1;
        return -1;
    }
}
