using System.Runtime.CompilerServices;
using StreamEngine.Core;
using StreamEngine.Formats.Columns;

namespace StreamEngine.Formats.Json;

/// <summary>
/// The general parser: any JSON object, led by the declared columns. A method takes a position and returns the one behind what it read, or null when the bytes are
/// no JSON (<see cref="Error"/>); a value that is JSON but
/// breaks the contract is noted in <see cref="Refusals"/> and the record is read on.
/// </summary>
internal sealed unsafe partial class JsonRecordReader(ColumnBuilder root, JsonDecoderOptions options)
{
    private readonly JsonNames[] _names = JsonNames.Of(root);
    private Arena _arena = null!;
    private byte* _start;
    private byte* _end;
    private long _objects;
    private long _record;
    private string _error = "";
    private byte* _errorAt;

    public JsonRefusals Refusals { get; } = new();

    /// <summary>Where the members of a record are noted while its shape is learned; null otherwise.</summary>
    public JsonShape? Learning { get; set; }

    /// <summary>The record is no JSON, or no object.</summary>
    public bool Failed { get; private set; }

    /// <summary>Where the last value of the record ended.</summary>
    public byte* LastValueEnd { get; private set; }

    public string Error => _errorAt is null ? _error : $"not JSON at byte {_errorAt - _start}: {_error}";

    /// <summary>Begins a batch.</summary>
    public void Open(Arena arena) => _arena = arena;

    /// <summary>Begins a record.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Begin(byte* start, byte* end)
    {
        _start = start;
        _end = end;
        _record = ++_objects;
        Failed = false;
        if (Refusals.Count != 0) Refusals.Clear();
    }

    /// <summary>Reads the whole record into this row; false when it is no JSON object.</summary>
    public bool Record(int row)
    {
        var p = JsonText.SkipSpace(_start, _end);
        if (p == _end) return Fail(null, _start == _end ? "the value is empty" : "the value is blank") is not null;
        if (*p == '{') return Finish(Object(root, row, p, 1));
        if (*p == 0xEF && _end - p >= 3 && p[1] == 0xBB && p[2] == 0xBF) return Fail(p, "a byte order mark") is not null;
        var found = *p == '[' ? "an array" : *p == '"' ? "a string" : *p == 'n' ? "null" : *p is (byte)'t' or (byte)'f' ? "a boolean" : "a number";
        var rest = Skip(p, 1);
        return Finish(rest) && Fail(null, $"the value is {found}, not a JSON object") is not null;
    }

    /// <summary>Reads the rest of a record of which the fields that carry <see cref="RecordNumber"/> were read by prediction.</summary>
    public bool Continue(int row, byte* p)
    {
        p = JsonText.SkipSpace(p, _end);
        if (p < _end && *p == ',') return Finish(Members(root, row, JsonText.SkipSpace(p + 1, _end), 1, _record));
        if (p >= _end || *p != '}') return Fail(p, "',' or '}' expected") is not null;
        Missing(root, row, _record);
        return Finish(p + 1);
    }

    /// <summary>The number of the record: fields that carry it as <see cref="ColumnBuilder.Seen"/> were read.</summary>
    public long RecordNumber => _record;

    /// <summary>Whether keys that are not declared have to be remembered over the whole of a record.</summary>
    public bool IsStrict => options.DuplicateKeys == DuplicateKeys.Error;

    /// <summary>Reads over the value of a member of the record.</summary>
    public byte* SkipMember(byte* p) => Skip(p, 1);

    private bool Finish(byte* p)
    {
        if (p is null) return false;
        p = JsonText.SkipSpace(p, _end);
        return p == _end || Fail(p, "nothing expected behind the value") is not null;
    }

    private byte* Fail(byte* at, string error)
    {
        Failed = true;
        _error = error;
        _errorAt = at;
        if (at is null) return null;
        if (at >= _end) _error = $"{error}, but the record ends";
        return null;
    }

    private byte* Object(ColumnBuilder column, int row, byte* p, int depth)
    {
        if (depth > options.MaxDepth) return TooDeep(p);
        var number = ++_objects;
        p = JsonText.SkipSpace(p + 1, _end);
        if (p >= _end || *p != '}') return Members(column, row, p, depth, number);
        Missing(column, row, number);
        return p + 1;
    }

    /// <summary>Reads members and the closing brace of an object, from where a key has to stand.</summary>
    private byte* Members(ColumnBuilder column, int row, byte* p, int depth, long number)
    {
        var names = _names[column.Id];
        var next = 0;
        HashSet<string>? others = null;
        // While a shape is learned the text before the first value counts from the record's first byte.
        var separator = _start;
        while (true)
        {
            var index = Key(names, ref next, ref p, ref others);
            if (p is null) return null;
            p = JsonText.SkipSpace(p, _end);
            if (p >= _end || *p != ':') return Fail(p, "':' expected behind the key");
            p = JsonText.SkipSpace(p + 1, _end);
            var value = p;
            if (index >= 0)
            {
                var child = column.Children[index];
                if (child.Seen == number && !TryAgain(child, row, number)) return Fail(value, $"the key '{child.Field.Name}' stands in the object twice");
                child.Seen = number;
                p = Value(child, row, p, depth);
            }
            else
            {
                if (options.UnknownFields == UnknownFields.Reject) Unknown(column, value);
                p = Skip(p, depth);
            }
            if (p is null) return null;
            if (column == root)
            {
                Learning?.Add(separator, value, index);
                LastValueEnd = p;
            }
            p = JsonText.SkipSpace(p, _end);
            if (p >= _end || *p is not ((byte)',' or (byte)'}')) return Fail(p, "',' or '}' expected");
            separator = p;
            if (*p++ == '}') break;
            p = JsonText.SkipSpace(p, _end);
        }
        Missing(column, row, number);
        return p;
    }

    private bool TryAgain(ColumnBuilder child, int row, long number)
    {
        if (options.DuplicateKeys == DuplicateKeys.Error) return false;
        Learning = null;
        Refusals.TakeBack(child, number);
        child.Revive(row);
        return true;
    }

    private void Missing(ColumnBuilder column, int row, long number)
    {
        foreach (var child in column.Children)
            if (child.Seen != number) Missing(child, row);
    }

    /// <summary>A field that the record does not have.</summary>
    public void Missing(ColumnBuilder child, int row)
    {
        if (child.Nullable)
        {
            child.SetNull(row);
            return;
        }
        child.Blank(row);
        Refusals.Add(child, _objects, "NOT NULL, but the field is missing");
    }

    private void Unknown(ColumnBuilder column, byte* value)
    {
        // From the value back to its key: the quote before the colon closes it.
        var close = value - 1;
        while (*close != '"') close--;
        var open = close - 1;
        while (*open != '"') open--;
        Refusals.Add(column, _objects, column == root ? "the field is not declared" : "a field is not declared", open, close + 1);
    }

    private byte* TooDeep(byte* p) => Fail(p, $"objects and arrays lie more than {options.MaxDepth} deep");

    /// <summary>Reads a value of a column at the first byte of it.</summary>
    public byte* Value(ColumnBuilder column, int row, byte* p, int depth)
    {
        if (p >= _end) return Fail(p, "a value expected");
        if (*p == 'n')
        {
            var rest = Literal(p, "null"u8);
            if (rest is null) return null;
            if (column.Nullable) column.SetNull(row);
            else
            {
                column.Blank(row);
                Refusals.Add(column, _objects, "NOT NULL, but the value is null");
            }
            return rest;
        }
        switch (column.Kind)
        {
            case TypeKind.Struct when *p == '{':
                return Object(column, row, p, depth + 1);
            case TypeKind.List when *p == '[':
                return List(column, row, p, depth + 1);
            case TypeKind.Boolean when *p is (byte)'t' or (byte)'f':
                *column.At<byte>(row) = *p == 't' ? (byte)1 : (byte)0;
                return Literal(p, *p == 't' ? "true"u8 : "false"u8);
            case TypeKind.Struct or TypeKind.List or TypeKind.Boolean:
                return Refuse(column, row, p, depth);
            default:
                return *p == '"' ? Text(column, row, p) : *p == '-' || (uint)(*p - '0') <= 9 ? Number(column, row, p) : Refuse(column, row, p, depth);
        }
    }

    private byte* List(ColumnBuilder column, int row, byte* p, int depth)
    {
        if (depth > options.MaxDepth) return TooDeep(p);
        var offsets = column.At<int>(row);
        var element = column.Children[0];
        // What a failed row, or an earlier value of the same key, left behind is overwritten.
        element.Count = offsets[0];
        p = JsonText.SkipSpace(p + 1, _end);
        if (p < _end && *p == ']')
        {
            offsets[1] = element.Count;
            return p + 1;
        }
        while (true)
        {
            var at = element.Count;
            element.Reserve(at);
            p = Value(element, at, p, depth);
            if (p is null) return null;
            element.Count = at + 1;
            p = JsonText.SkipSpace(p, _end);
            if (p >= _end || *p is not ((byte)',' or (byte)']')) return Fail(p, "',' or ']' expected");
            if (*p++ == ']') break;
            p = JsonText.SkipSpace(p, _end);
        }
        offsets[1] = element.Count;
        return p;
    }

    /// <summary>A value of a wrong type: it has to be JSON all the same.</summary>
    private byte* Refuse(ColumnBuilder column, int row, byte* p, int depth)
    {
        var rest = Skip(p, depth);
        if (rest is null) return null;
        return Refuse(column, row, p, rest);
    }

    private byte* Refuse(ColumnBuilder column, int row, byte* p, byte* rest)
    {
        column.Blank(row);
        Refusals.Add(column, _objects, JsonRefusals.Expected(column), p, rest);
        return rest;
    }

    private byte* Literal(byte* p, ReadOnlySpan<byte> word)
        => _end - p >= word.Length && new ReadOnlySpan<byte>(p, word.Length).SequenceEqual(word)
            ? p + word.Length
            : Fail(p, "true, false, null, a number, a string, an object or an array expected");
}
