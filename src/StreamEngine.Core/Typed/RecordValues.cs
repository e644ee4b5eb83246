using System.Globalization;
using System.Text;
using System.Text.Json;

namespace StreamEngine.Core;

/// <summary>.NET values to and from the values of columns, where a user's records are rows. What one side cannot hold is said, never cut.</summary>
internal static unsafe class RecordValues
{
    // Half a surrogate pair is no text: replaced by a question mark it would be another one.
    private static readonly UTF8Encoding Strict = new(false, true);

    // A fraction only when it is not zero.
    private const string TimeForm = "yyyy-MM-dd'T'HH:mm:ss.FFFFFF'Z'";

    /// <summary>The value of a column's row, null for null; false, with the reason, where .NET's type cannot hold it.</summary>
    public static bool TryRead(ColumnVector column, int row, Type type, out object? value, out string? failure)
    {
        (value, failure) = (null, null);
        if (column.IsNull(row)) return true;
        switch (column.Type.Kind)
        {
            case TypeKind.Boolean: value = column.Values[row] != 0; break;
            case TypeKind.Int32: value = column.As<int>()[row]; break;
            case TypeKind.Int64: value = column.As<long>()[row]; break;
            case TypeKind.Float64: value = column.As<double>()[row]; break;
            case TypeKind.Decimal:
                if (ToDecimal(column.As<Int128>()[row], column.Type.Scale) is { } number) value = number;
                else failure = $"{TextOf(column.As<Int128>()[row], column.Type.Scale)} is more than a decimal of .NET holds";
                break;
            case TypeKind.Date: value = DateOnly.FromDayNumber(column.As<int>()[row] + DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber); break;
            case TypeKind.Timestamp:
                var time = DateTime.UnixEpoch.AddTicks(column.As<long>()[row] * 10);
                value = type == typeof(DateTimeOffset) ? new DateTimeOffset(time) : (object)time;
                break;
            case TypeKind.Utf8: value = Utf8View.TextOf(column.As<Utf8View>() + row); break;
            default: value = Utf8View.SpanOf(column.As<Utf8View>() + row).ToArray(); break;
        }
        return failure is null;
    }

    /// <summary>Why the value is none of a column of this type; null where it is one.</summary>
    public static string? WhyNot(object? value, DataType type) => value switch
    {
        decimal number when FromDecimal(number, type) is null => $"{number.ToString(CultureInfo.InvariantCulture)} does not fit {type}",
        string text when !IsText(text) => "half a surrogate pair in a text: it is no Unicode character",
        _ => null,
    };

    /// <summary>Writes a value that is one of the column.</summary>
    public static void Put(object value, DataType type, byte* to, Arena arena)
    {
        switch (value)
        {
            case bool b: *to = b ? (byte)1 : (byte)0; break;
            case int n: *(int*)to = n; break;
            case long n: *(long*)to = n; break;
            case double n: *(double*)to = n; break;
            case decimal n: *(Int128*)to = FromDecimal(n, type)!.Value; break;
            case string s: *(Utf8View*)to = Utf8View.Copy(Encoding.UTF8.GetBytes(s), arena); break;
            case byte[] b: *(Utf8View*)to = Utf8View.Copy(b, arena); break;
            case DateOnly d: *(int*)to = d.DayNumber - DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber; break;
            case DateTimeOffset t: *(long*)to = MicrosOf(t.UtcTicks); break;
            case DateTime t: *(long*)to = MicrosOf((t.Kind == DateTimeKind.Local ? t.ToUniversalTime() : t).Ticks); break;
            default: throw new InvalidOperationException($"no column holds {value.GetType().Name}");
        }
    }

    public static void WriteJson(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case bool b: json.WriteBooleanValue(b); break;
            case int n: json.WriteNumberValue(n); break;
            case long n: json.WriteNumberValue(n); break;
            case double n when double.IsFinite(n): json.WriteNumberValue(n); break;
            case double n: json.WriteStringValue(n.ToString(CultureInfo.InvariantCulture)); break;
            case decimal n: json.WriteNumberValue(n); break;
            case string s: json.WriteStringValue(IsText(s) ? s : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(s))); break;
            case byte[] b: json.WriteBase64StringValue(b); break;
            case DateOnly d: json.WriteStringValue(d.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)); break;
            case DateTimeOffset t: json.WriteStringValue(t.UtcDateTime.ToString(TimeForm, CultureInfo.InvariantCulture)); break;
            case DateTime t: json.WriteStringValue((t.Kind == DateTimeKind.Local ? t.ToUniversalTime() : t).ToString(TimeForm, CultureInfo.InvariantCulture)); break;
            default: throw new InvalidOperationException($"no column holds {value.GetType().Name}");
        }
    }

    /// <summary>A value of a column, also one that .NET cannot hold.</summary>
    public static void WriteJson(Utf8JsonWriter json, ColumnVector column, int row)
    {
        if (TryRead(column, row, typeof(DateTime), out var value, out _)) WriteJson(json, value);
        else json.WriteRawValue(TextOf(column.As<Int128>()[row], column.Type.Scale));
    }

    // Towards the past, so that a time before 1970 stays on its side of the microsecond.
    private static long MicrosOf(long ticks) => Calendar.FloorDivide(ticks - DateTime.UnixEpoch.Ticks, 10);

    private static bool IsText(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (!char.IsSurrogatePair(text, i)) return false;
            i++;
        }
        return true;
    }

    private static string TextOf(Int128 value, int scale)
    {
        Span<byte> text = stackalloc byte[41];
        return Encoding.ASCII.GetString(text[..DecimalText.Format(value, scale, text)]);
    }

    /// <summary>The column's form, rounded half away from zero to its scale; null where that has more digits than its precision.</summary>
    private static Int128? FromDecimal(decimal value, DataType type)
    {
        Span<int> bits = stackalloc int[4];
        decimal.GetBits(value, bits);
        var magnitude = new UInt128((uint)bits[2], (ulong)(uint)bits[1] << 32 | (uint)bits[0]);
        var unscaled = bits[3] < 0 ? -(Int128)magnitude : (Int128)magnitude;
        return DecimalText.TryRescale(unscaled, bits[3] >> 16 & 0xff, type.Scale, out var scaled) && DecimalText.Fits(scaled, type.Precision) ? scaled : null;
    }

    /// <summary>.NET's form, which has 96 bits and 28 digits behind the point; null where that would not be the same number.</summary>
    private static decimal? ToDecimal(Int128 value, int scale)
    {
        var magnitude = (UInt128)Int128.Abs(value);
        while ((magnitude >> 96 != 0 || scale > 28) && scale > 0 && magnitude % 10 == 0)
        {
            magnitude /= 10;
            scale--;
        }
        if (magnitude >> 96 != 0 || scale > 28) return null;
        return new decimal((int)(uint)magnitude, (int)(uint)(magnitude >> 32), (int)(uint)(magnitude >> 64), value < 0, (byte)scale);
    }
}
