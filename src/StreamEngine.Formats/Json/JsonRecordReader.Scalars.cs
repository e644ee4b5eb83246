using System.Buffers;
using System.Buffers.Text;
using System.Text.Unicode;
using StreamEngine.Core;
using StreamEngine.Formats.Columns;

namespace StreamEngine.Formats.Json;

internal sealed unsafe partial class JsonRecordReader
{
    private byte[] _scratch = GC.AllocateUninitializedArray<byte>(256, pinned: true);

    private byte* Number(ColumnBuilder column, int row, byte* p)
    {
        var end = JsonText.NumberEnd(p, _end, out var whole);
        if (end is null) return Fail(p, "no number of JSON");
        var text = new ReadOnlySpan<byte>(p, (int)(end - p));
        long integer;
        switch (column.Kind)
        {
            case TypeKind.Int32 when JsonNumbers.TryInteger(text, whole, out integer) && integer == (int)integer:
                *column.At<int>(row) = (int)integer;
                return end;
            case TypeKind.Int64 when JsonNumbers.TryInteger(text, whole, out integer):
                *column.At<long>(row) = integer;
                return end;
            case TypeKind.Float64 when JsonNumbers.TryDouble(p, end, out var number):
                *column.At<double>(row) = number;
                return end;
            case TypeKind.Decimal when TryDecimal(column.Field.Type, text, out var exact):
                *column.At<Int128>(row) = exact;
                return end;
            case TypeKind.Timestamp when TryEpoch(column.Pattern, text, whole, out var micros):
                *column.At<long>(row) = micros;
                return end;
            case TypeKind.Date when TryEpoch(column.Pattern, text, whole, out var micros):
                *column.At<int>(row) = Calendar.DaysOf(micros);
                return end;
            default:
                return Refuse(column, row, p, end);
        }
    }

    private static bool TryDecimal(DataType type, ReadOnlySpan<byte> text, out Int128 value)
        => DecimalText.TryParse(text, type.Precision, type.Scale, exact: true, out value);

    /// <summary>A number of milliseconds or seconds, with as many digits behind the point as microseconds take.</summary>
    private static bool TryEpoch(TimestampPattern pattern, ReadOnlySpan<byte> text, bool whole, out long micros)
    {
        micros = 0;
        if (!pattern.IsEpoch) return false;
        if (whole) return NumberText.TryParseInt64(text, out var number) && pattern.TryFromEpoch(number, out micros);
        if (!DecimalText.TryParse(text, DataType.MaxPrecision, pattern.MicrosPerUnit == 1000 ? 3 : 6, exact: true, out var exact) || exact != (long)exact) return false;
        micros = (long)exact;
        return Calendar.IsInRange(micros);
    }

    private byte* Text(ColumnBuilder column, int row, byte* p)
    {
        if (!TryContent(p, out var from, out var length, out var rest, out var escaped)) return null;
        switch (column.Kind)
        {
            case TypeKind.Utf8:
                // The unescaped text lies in scratch memory and moves into the batch; any other stays where it is.
                if (column.Stored) *column.At<Utf8View>(row) = escaped ? Utf8View.Copy(new ReadOnlySpan<byte>(from, length), _arena) : Utf8View.Of(from, length);
                return rest;
            case TypeKind.Timestamp when TryTimestamp(column.Pattern, from, length, out var micros):
                *column.At<long>(row) = micros;
                return rest;
            case TypeKind.Date when TryDate(column.Pattern, from, length, out var days):
                *column.At<int>(row) = days;
                return rest;
            case TypeKind.Decimal when TryDecimal(column.Field.Type, new ReadOnlySpan<byte>(from, length), out var exact):
                *column.At<Int128>(row) = exact;
                return rest;
            case TypeKind.Float64 when NumberText.TryParseDouble(new ReadOnlySpan<byte>(from, length), out var number, special: true) && !double.IsFinite(number):
                // JSON has no number for them: the engine writes them as texts, so it reads them.
                *column.At<double>(row) = number;
                return rest;
            case TypeKind.Binary when TryBase64(column, row, new ReadOnlySpan<byte>(from, length)):
                return rest;
            default:
                return Refuse(column, row, p, rest);
        }
    }

    private bool TryTimestamp(TimestampPattern pattern, byte* from, int length, out long micros)
    {
        if (pattern.Fixed is { } at && at.TryParse(from, length, out micros)) return true;
        micros = 0;
        if (pattern.IsEpoch) return false;
        var text = new ReadOnlySpan<byte>(from, length);
        return pattern.IsIso ? TimeText.TryParseTimestamp(text, out micros, out var zone) && (zone || !options.ZoneRequired) : pattern.TryParse(text, out micros);
    }

    private bool TryDate(TimestampPattern pattern, byte* from, int length, out int days)
    {
        if (pattern.IsIso) return TimeText.TryParseDate(new ReadOnlySpan<byte>(from, length), out days);
        var found = TryTimestamp(pattern, from, length, out var micros);
        days = Calendar.DaysOf(micros);
        return found;
    }

    private bool TryBase64(ColumnBuilder column, int row, ReadOnlySpan<byte> text)
    {
        var room = Base64.GetMaxDecodedFromUtf8Length(text.Length);
        var to = column.Stored ? _arena.AllocateBytes(room) : ScratchOf(room + text.Length) + text.Length;
        if (Base64.DecodeFromUtf8(text, new Span<byte>(to, room), out _, out var written) != OperationStatus.Done) return false;
        if (column.Stored) *column.At<Utf8View>(row) = Utf8View.Of(to, written);
        return true;
    }

    /// <summary>The content of a string at its opening quote, checked as UTF-8 and with its escapes resolved; false, with the error noted, when it is none.</summary>
    private bool TryContent(byte* p, out byte* from, out int length, out byte* rest, out bool escaped)
    {
        from = p + 1;
        length = 0;
        rest = null;
        var close = JsonText.StringEnd(p + 1, _end, out escaped, out var ascii, out var stop);
        if (close is null) return Fail(stop, stop < _end ? "a control character in a string has to be escaped" : "a closing quote expected") is not null;
        length = (int)(close - from);
        if (!ascii && !Utf8.IsValid(new ReadOnlySpan<byte>(from, length))) return Fail(from, "a string is not valid UTF-8") is not null;
        rest = close + 1;
        if (!escaped) return true;
        // Behind the scratch text 32 bytes have to be readable, as behind any other.
        var to = ScratchOf(length + 32);
        length = JsonText.Unescape(from, close, to, out stop);
        from = to;
        return length >= 0 || Fail(stop, "an escape is none of JSON's, or half a surrogate pair") is not null;
    }

    private byte* ScratchOf(int bytes)
    {
        if (_scratch.Length < bytes) _scratch = GC.AllocateUninitializedArray<byte>(Math.Max(bytes, 2 * _scratch.Length), pinned: true);
        return (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _scratch[0]);
    }

    /// <summary>Reads the key at <paramref name="p"/>, which moves behind it, or to null when it is none. Returns the field's index, or -1.</summary>
    private int Key(JsonNames names, ref int next, ref byte* p, ref HashSet<string>? others)
    {
        if (p >= _end || *p != '"')
        {
            p = Fail(p, "a key in double quotes expected");
            return -1;
        }
        var key = p;
        if (names.IsAt(next, p + 1, _end))
        {
            p += names.LengthOf(next) + 2;
            return next++;
        }
        if (!TryContent(p, out var from, out var length, out var rest, out var escaped))
        {
            p = null;
            return -1;
        }
        p = rest;
        if (escaped) Learning = null;
        var text = new ReadOnlySpan<byte>(from, length);
        var index = names.Find(text);
        if (index >= 0) next = index + 1;
        else if (IsStrict && !(others ??= []).Add(System.Text.Encoding.UTF8.GetString(text)))
            p = Fail(key, $"the key '{JsonRefusals.Excerpt(text)}' stands in the object twice");
        return index;
    }

    /// <summary>Reads over a value of any kind, which has to be JSON in all its parts: whether a record is JSON must not depend on who reads what of it.</summary>
    private byte* Skip(byte* p, int depth)
    {
        if (p >= _end) return Fail(p, "a value expected");
        switch (*p)
        {
            case (byte)'"':
                return TryContent(p, out _, out _, out var rest, out _) ? rest : null;
            case (byte)'{':
                return SkipNested(p, depth + 1, (byte)'}');
            case (byte)'[':
                return SkipNested(p, depth + 1, (byte)']');
            case (byte)'t':
                return Literal(p, "true"u8);
            case (byte)'f':
                return Literal(p, "false"u8);
            case (byte)'n':
                return Literal(p, "null"u8);
            default:
                if (*p != '-' && (uint)(*p - '0') > 9) return Fail(p, "a value expected");
                var end = JsonText.NumberEnd(p, _end, out _);
                return end is null ? Fail(p, "no number of JSON") : end;
        }
    }

    private byte* SkipNested(byte* p, int depth, byte close)
    {
        if (depth > options.MaxDepth) return TooDeep(p);
        p = JsonText.SkipSpace(p + 1, _end);
        if (p < _end && *p == close) return p + 1;
        HashSet<string>? keys = null;
        while (true)
        {
            if (close == '}')
            {
                p = SkipKey(p, ref keys);
                if (p is null) return null;
            }
            p = Skip(p, depth);
            if (p is null) return null;
            p = JsonText.SkipSpace(p, _end);
            if (p >= _end || (*p != ',' && *p != close)) return Fail(p, close == '}' ? "',' or '}' expected" : "',' or ']' expected");
            if (*p++ == close) return p;
            p = JsonText.SkipSpace(p, _end);
        }
    }

    private byte* SkipKey(byte* p, ref HashSet<string>? keys)
    {
        if (p >= _end || *p != '"') return Fail(p, "a key in double quotes expected");
        if (!TryContent(p, out var from, out var length, out var rest, out _)) return null;
        if (options.DuplicateKeys == DuplicateKeys.Error)
        {
            var key = System.Text.Encoding.UTF8.GetString(new ReadOnlySpan<byte>(from, length));
            if (!(keys ??= []).Add(key)) return Fail(p, $"the key '{key}' stands in the object twice");
        }
        p = JsonText.SkipSpace(rest, _end);
        return p < _end && *p == ':' ? JsonText.SkipSpace(p + 1, _end) : Fail(p, "':' expected behind the key");
    }
}
