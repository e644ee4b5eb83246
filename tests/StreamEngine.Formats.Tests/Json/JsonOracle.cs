using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using StreamEngine.Core;
using StreamEngine.Formats.Tests.Suite;

namespace StreamEngine.Formats.Tests.Json;

/// <summary>What the decoder has to make of a record, by System.Text.Json, big integers and .NET's own parsers.</summary>
internal static partial class JsonOracle
{
    /// <summary>The row as RowText shows it; null with the stage where it is a fault.</summary>
    public static JsonObject? Read(Schema schema, ReadOnlyMemory<byte> record, out FaultStage stage, int maxDepth = 512)
    {
        stage = FaultStage.Decode;
        try
        {
            using var document = JsonDocument.Parse(record, new JsonDocumentOptions { MaxDepth = maxDepth });
            if (document.RootElement.ValueKind != JsonValueKind.Object) return null;
            Touch(document.RootElement);
            stage = FaultStage.Contract;
            return TryObject(schema, document.RootElement, out var row) ? row : null;
        }
        catch (JsonException)
        {
            return null;
        }
        catch (InvalidOperationException)
        {
            // A string that is no UTF-8, or half a surrogate pair.
            return null;
        }
    }

    /// <summary>Makes every string and key, so that those that are none are found.</summary>
    private static void Touch(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                _ = element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray()) Touch(item);
                break;
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    _ = member.Name;
                    Touch(member.Value);
                }
                break;
        }
    }

    private static bool TryObject(Schema schema, JsonElement element, out JsonObject row)
    {
        row = [];
        foreach (var field in schema)
        {
            JsonElement? last = null;
            foreach (var member in element.EnumerateObject())
                if (member.NameEquals(field.Name)) last = member.Value;
            if (last is null || last.Value.ValueKind == JsonValueKind.Null)
            {
                if (!field.Nullable) return false;
                row[field.Name] = null;
                continue;
            }
            if (!TryValue(field, last.Value, out var value)) return false;
            row[field.Name] = value;
        }
        return true;
    }

    private static bool TryValue(Field field, JsonElement element, out JsonNode? value)
    {
        value = null;
        var kind = element.ValueKind;
        switch (field.Type.Kind)
        {
            case TypeKind.Boolean:
                if (kind is not (JsonValueKind.True or JsonValueKind.False)) return false;
                value = JsonValue.Create(kind == JsonValueKind.True);
                return true;
            case TypeKind.Int32:
                if (kind != JsonValueKind.Number || !TryScaled(element.GetRawText(), 0, out var integer) || integer != (int)Clamp(integer)) return false;
                value = JsonValue.Create((int)integer);
                return true;
            case TypeKind.Int64:
                if (kind != JsonValueKind.Number || !TryScaled(element.GetRawText(), 0, out var big) || big < long.MinValue || big > long.MaxValue) return false;
                value = JsonValue.Create((long)big);
                return true;
            case TypeKind.Float64:
                if (kind == JsonValueKind.String && element.GetString() is "NaN" or "Infinity" or "-Infinity")
                {
                    value = JsonValue.Create(element.GetString());
                    return true;
                }
                if (kind != JsonValueKind.Number) return false;
                var number = double.Parse(element.GetRawText(), CultureInfo.InvariantCulture);
                value = JsonValue.Create(number);
                return double.IsFinite(number);
            case TypeKind.Decimal:
                var text = kind == JsonValueKind.Number ? element.GetRawText() : kind == JsonValueKind.String ? element.GetString()! : "";
                if (!TryScaled(text, field.Type.Scale, out var scaled) || BigInteger.Abs(scaled) >= BigInteger.Pow(10, field.Type.Precision)) return false;
                var digits = BigInteger.Abs(scaled).ToString().PadLeft(field.Type.Scale + 1, '0');
                value = JsonValue.Create((scaled.Sign < 0 ? "-" : "") + (field.Type.Scale == 0
                    ? digits : $"{digits[..^field.Type.Scale]}.{digits[^field.Type.Scale..]}"));
                return true;
            case TypeKind.Date:
                if (kind != JsonValueKind.String || !DateOnly.TryParseExact(element.GetString(), "yyyy-MM-dd", CultureInfo.InvariantCulture,
                    DateTimeStyles.None, out _)) return false;
                value = JsonValue.Create(element.GetString());
                return true;
            case TypeKind.Timestamp:
                return TryTimestamp(field, element, out value);
            case TypeKind.Utf8:
                if (kind != JsonValueKind.String) return false;
                value = JsonValue.Create(element.GetString());
                return true;
            case TypeKind.Binary:
                if (kind != JsonValueKind.String || !element.TryGetBytesFromBase64(out var bytes)) return false;
                value = JsonValue.Create(Convert.ToBase64String(bytes));
                return true;
            case TypeKind.Struct:
                if (kind != JsonValueKind.Object) return false;
                var found = TryObject(field.Type.Fields!, element, out var row);
                value = row;
                return found;
            default:
                if (kind != JsonValueKind.Array) return false;
                var elements = new JsonArray();
                value = elements;
                foreach (var item in element.EnumerateArray())
                {
                    JsonNode? one = null;
                    if (item.ValueKind != JsonValueKind.Null && !TryValue(new Field("element", field.Type.Element!), item, out one)) return false;
                    elements.Add(one);
                }
                return true;
        }
    }

    private static long Clamp(BigInteger value) => value < int.MinValue || value > int.MaxValue ? long.MinValue : (int)value;

    private static bool TryTimestamp(Field field, JsonElement element, out JsonNode? value)
    {
        value = null;
        if (field.Format is "epoch-millis")
        {
            if (element.ValueKind != JsonValueKind.Number || !TryScaled(element.GetRawText(), 3,
                out var micros) || micros < Core.Calendar.FirstMicros || micros > Core.Calendar.LastMicros) return false;
            value = RowText.Timestamp((long)micros);
            return true;
        }
        if (element.ValueKind != JsonValueKind.String) return false;
        DateTime time;
        if (field.Format is null)
        {
            if (!TryIso(element.GetString()!, out time)) return false;
        }
        else if (!DateTime.TryParseExact(element.GetString(), field.Format.Replace("yyyy/", "yyyy'/'").Replace("MM/", "MM'/'"), CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time)) return false;
        value = RowText.Timestamp((time.Ticks - DateTime.UnixEpoch.Ticks) / 10);
        return true;
    }

    /// <summary>A date, perhaps with a time, a fraction of up to nine digits of which six count, and an offset of up to 18 hours.</summary>
    private static bool TryIso(string text, out DateTime time)
    {
        time = default;
        var match = Iso.Match(text);
        if (!match.Success) return false;
        int Number(string group) => match.Groups[group] is { Success: true } found ? int.Parse(found.ValueSpan, CultureInfo.InvariantCulture) : 0;
        if (!DateTime.TryParseExact(match.Groups["date"].Value, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date)) return false;
        if (Number("h") > 23 || Number("m") > 59 || Number("s") > 59 || Number("oh") > 18 || Number("om") > 59) return false;
        var offset = new TimeSpan(Number("oh"), Number("om"), 0) * (match.Groups["sign"].Value == "-" ? -1 : 1);
        var micros = int.Parse(match.Groups["fraction"].Value.PadRight(6, '0')[..6], CultureInfo.InvariantCulture);
        var ticks = date.Ticks + new TimeSpan(Number("h"), Number("m"), Number("s")).Ticks + micros * 10L - offset.Ticks;
        if (ticks < 0 || ticks > DateTime.MaxValue.Ticks) return false;
        time = new DateTime(ticks, DateTimeKind.Utc);
        return true;
    }

    [GeneratedRegex(@"^(?<date>[0-9-]{10})([Tt ](?<h>[0-9]{2}):(?<m>[0-9]{2})(:(?<s>[0-9]{2})([.,](?<fraction>[0-9]{1,9}))?)?([Zz]|(?<sign>[+-])(?<oh>[0-9]{2})(:?(?<om>[0-9]{2}))?)?)?\z")]
    private static partial Regex Iso { get; }

    /// <summary>The number times 10^scale where that is whole.</summary>
    private static bool TryScaled(string text, int scale, out BigInteger value)
    {
        value = 0;
        var exponentAt = text.IndexOfAny(['e', 'E']);
        var exponent = 0;
        if (exponentAt >= 0 && !int.TryParse(text[(exponentAt + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent)) return false;
        var mantissa = exponentAt < 0 ? text : text[..exponentAt];
        var point = mantissa.IndexOf('.');
        if (point >= 0)
        {
            exponent -= mantissa.Length - point - 1;
            mantissa = mantissa.Remove(point, 1);
        }
        if (!BigInteger.TryParse(mantissa, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)) return false;
        exponent += scale;
        if (value.IsZero) return true;
        if (Math.Abs(exponent) > 1000) return false;
        if (exponent >= 0)
        {
            value *= BigInteger.Pow(10, exponent);
            return true;
        }
        value = BigInteger.DivRem(value, BigInteger.Pow(10, -exponent), out var rest);
        return rest.IsZero;
    }
}
