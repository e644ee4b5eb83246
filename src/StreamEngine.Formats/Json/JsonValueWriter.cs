using System.Buffers.Text;
using System.Text;
using StreamEngine.Core;
using StreamEngine.Formats.Text;

namespace StreamEngine.Formats.Json;

/// <summary>
/// Values as JSON: timestamps 2001-01-01T06:00:00Z with a fraction where it is not zero, dates 2001-01-01, decimals as numbers with all digits of their scale,
/// binary in base64, the shortest doubles that read back the same, NaN and
/// the infinities as strings, structs as objects with all their fields.
/// </summary>
internal sealed unsafe class JsonValueWriter
{
    private readonly TypeKind _kind;
    private readonly int _scale;
    private readonly JsonValueWriter[] _children;
    private readonly byte[][] _keys;

    public JsonValueWriter(DataType type)
    {
        _kind = type.Kind;
        _scale = type.Scale;
        _children = type.Kind switch
        {
            TypeKind.Struct => [.. type.Fields!.Select(f => new JsonValueWriter(f.Type))],
            TypeKind.List => [new JsonValueWriter(type.Element!)],
            _ => [],
        };
        _keys = type.Kind == TypeKind.Struct ? KeysOf(type.Fields!.Select(f => f.Name)) : [];
        if (type.Kind == TypeKind.Interval) throw new ArgumentException("an INTERVAL has no form in a record; cast it to a number or STRING", nameof(type));
    }

    /// <summary>What stands before the value of each field of an object: the brace or comma, the key, the colon.</summary>
    public static byte[][] KeysOf(IEnumerable<string> names) => [.. names.Select((n, i) => Encoding.UTF8.GetBytes($"{(i == 0 ? '{' : ',')}{Quoted(n)}:"))];

    private static string Quoted(string name)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in name)
        {
            if (c is '"' or '\\') quoted.Append('\\').Append(c);
            else if (c < ' ') quoted.Append($"\\u{(int)c:x4}");
            else quoted.Append(c);
        }
        return quoted.Append('"').ToString();
    }

    /// <summary>The value of a row; null where it is null.</summary>
    public void Write(ref RecordWriter to, ColumnVector column, int row)
    {
        if (column.IsNull(row))
        {
            to.Write("null"u8);
            return;
        }
        switch (_kind)
        {
            case TypeKind.Utf8:
                var view = column.As<Utf8View>() + row;
                to.WriteQuoted(Utf8View.BytesOf(view), view->Length);
                break;
            case TypeKind.Struct:
                WriteStruct(ref to, column, row);
                break;
            case TypeKind.List:
                WriteList(ref to, column, row);
                break;
            case TypeKind.Timestamp or TypeKind.Date or TypeKind.Binary:
                to.Write("\""u8);
                WriteBare(ref to, column, row);
                to.Write("\""u8);
                break;
            case TypeKind.Float64 when !double.IsFinite(column.As<double>()[row]):
                to.Write("\""u8);
                WriteBare(ref to, column, row);
                to.Write("\""u8);
                break;
            default:
                WriteBare(ref to, column, row);
                break;
        }
    }

    /// <summary>The text that a value that is not null has in JSON, without quotes and escapes: the bytes of a key.</summary>
    public void WriteBare(ref RecordWriter to, ColumnVector column, int row)
    {
        to.Reserve(64);
        switch (_kind)
        {
            case TypeKind.Boolean:
                to.Write(column.Values[row] != 0 ? "true"u8 : "false"u8);
                break;
            case TypeKind.Int32:
                to.Advance(NumberText.Format(column.As<int>()[row], to.Room));
                break;
            case TypeKind.Int64:
                to.Advance(NumberText.Format(column.As<long>()[row], to.Room));
                break;
            case TypeKind.Float64:
                WriteDouble(ref to, column.As<double>()[row]);
                break;
            case TypeKind.Decimal:
                to.Advance(DecimalText.Format(column.As<Int128>()[row], _scale, to.Room));
                break;
            case TypeKind.Date:
                to.Advance(TimeText.FormatDate(column.As<int>()[row], to.Room));
                break;
            case TypeKind.Timestamp:
                to.Advance(TimeText.FormatTimestamp(column.As<long>()[row], to.Room));
                break;
            case TypeKind.Binary:
                WriteBase64(ref to, Utf8View.SpanOf(column.As<Utf8View>() + row));
                break;
            case TypeKind.Utf8:
                to.Write(Utf8View.SpanOf(column.As<Utf8View>() + row));
                break;
            default:
                Write(ref to, column, row);
                break;
        }
    }

    private static void WriteDouble(ref RecordWriter to, double value)
    {
        if (double.IsFinite(value)) to.Advance(NumberText.Format(value, to.Room));
        else to.Write(double.IsNaN(value) ? "NaN"u8 : value > 0 ? "Infinity"u8 : "-Infinity"u8);
    }

    private static void WriteBase64(ref RecordWriter to, ReadOnlySpan<byte> bytes)
    {
        to.Reserve(Base64.GetMaxEncodedToUtf8Length(bytes.Length));
        Base64.EncodeToUtf8(bytes, to.Room, out _, out var written);
        to.Advance(written);
    }

    private void WriteStruct(ref RecordWriter to, ColumnVector column, int row)
    {
        if (_children.Length == 0) to.Write("{"u8);
        for (var i = 0; i < _children.Length; i++)
        {
            to.Write(_keys[i]);
            _children[i].Write(ref to, column.Children[i], row);
        }
        to.Write("}"u8);
    }

    private void WriteList(ref RecordWriter to, ColumnVector column, int row)
    {
        var offsets = column.As<int>() + row;
        to.Write("["u8);
        for (var i = offsets[0]; i < offsets[1]; i++)
        {
            if (i > offsets[0]) to.Write(","u8);
            _children[0].Write(ref to, column.Children[0], i);
        }
        to.Write("]"u8);
    }
}
