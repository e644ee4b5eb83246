using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using StreamEngine.Core;

namespace StreamEngine.Formats.Tests.Suite;

/// <summary>
/// Rows of a batch as JSON nodes, by code that shares nothing with the encoders. Decimals are strings with all their digits, integers exact, timestamps
/// microseconds.
/// </summary>
internal static unsafe class RowText
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static SortedDictionary<int, JsonObject> Of(Batch batch)
    {
        var rows = new SortedDictionary<int, JsonObject>();
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            var text = new JsonObject();
            for (var c = 0; c < batch.Schema.Count; c++) text[batch.Schema[c].Name] = Value(batch[c], row);
            rows.Add(row, text);
        }
        return rows;
    }

    public static string Text(JsonNode? node) => node?.ToJsonString(Plain) ?? "null";

    public static JsonNode? Value(ColumnVector column, int row)
    {
        if (column.IsNull(row)) return null;
        switch (column.Type.Kind)
        {
            case TypeKind.Boolean: return JsonValue.Create(column.As<bool>()[row]);
            case TypeKind.Int32: return JsonValue.Create(column.As<int>()[row]);
            case TypeKind.Int64: return JsonValue.Create(column.As<long>()[row]);
            case TypeKind.Float64:
                var number = column.As<double>()[row];
                return double.IsFinite(number) ? JsonValue.Create(number) : JsonValue.Create(number.ToString("R", CultureInfo.InvariantCulture));
            case TypeKind.Decimal: return JsonValue.Create(Decimal(column.As<Int128>()[row], column.Type.Scale));
            case TypeKind.Date: return JsonValue.Create(new DateOnly(1970, 1, 1).AddDays(column.As<int>()[row]).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
            case TypeKind.Timestamp:
                return Timestamp(column.As<long>()[row]);
            case TypeKind.Utf8: return JsonValue.Create(new UTF8Encoding(false, true).GetString(Utf8View.SpanOf(column.As<Utf8View>() + row)));
            case TypeKind.Binary: return JsonValue.Create(Convert.ToBase64String(Utf8View.SpanOf(column.As<Utf8View>() + row)));
            case TypeKind.Struct:
                var fields = new JsonObject();
                for (var f = 0; f < column.Children.Length; f++) fields[column.Type.Fields![f].Name] = Value(column.Children[f], row);
                return fields;
            default:
                var elements = new JsonArray();
                for (var e = column.As<int>()[row]; e < column.As<int>()[row + 1]; e++) elements.Add(Value(column.Children[0], e));
                return elements;
        }
    }

    /// <summary>A timestamp of microseconds; the number alone where .NET has no such date.</summary>
    public static JsonNode Timestamp(long micros) => micros is < -62_135_596_800_000_000 or > 253_402_300_799_999_999 ? JsonValue.Create(micros)
        : JsonValue.Create(DateTime.UnixEpoch.AddTicks(micros * 10).ToString("yyyy-MM-ddTHH:mm:ss.ffffff", CultureInfo.InvariantCulture));

    private static string Decimal(Int128 value, int scale)
    {
        var digits = Int128.Abs(value).ToString(CultureInfo.InvariantCulture).PadLeft(scale + 1, '0');
        return (value < 0 ? "-" : "") + (scale == 0 ? digits : $"{digits[..^scale]}.{digits[^scale..]}");
    }
}
