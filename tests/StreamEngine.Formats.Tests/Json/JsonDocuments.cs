using System.Globalization;
using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Formats.Tests.Json;

/// <summary>
/// Random schemas, and random records for them: mostly as a producer writes them, some with keys in another order, missing or twice, undeclared ones, escapes,
/// values that do not fit.
/// </summary>
internal sealed class JsonDocuments(Random random)
{
    private static readonly string[] Names = ["id", "a", "name", "Name", "origin", "destination", "a-rather-long-name-of-a-field", "größe", "q\"uote", "x y",
        "b", "value", "zz"];

    // The bytes that mean something to JSON.
    private const string Telling = "\"\\{}[],:0123456789-+.eEntf \n\t\u0001";

    public Schema Schema(int depth = 0)
    {
        var names = Names.OrderBy(_ => random.Next()).Take(random.Next(1, depth == 0 ? 8 : 4));
        return new Schema([.. names.Select(n => FieldOf(n, depth))]);
    }

    private Field FieldOf(string name, int depth)
    {
        var type = Type(depth);
        var format = type.Kind == TypeKind.Timestamp ? random.Next(3) switch { 0 => "yyyy/MM/dd HH:mm", 1 => "epoch-millis", _ => null } : null;
        return new Field(name, type, random.Next(4) != 0, format);
    }

    private DataType Type(int depth) => random.Next(depth < 3 ? 12 : 10) switch
    {
        0 => DataType.Boolean,
        1 => DataType.Int32,
        2 or 3 => DataType.Int64,
        4 => DataType.Float64,
        5 => DataType.Decimal(random.Next(1, 39) is var p ? p : 1, random.Next(0, Math.Min(p, 6) + 1)),
        6 => DataType.Date,
        7 => DataType.Timestamp,
        8 => DataType.Binary,
        9 => DataType.Utf8,
        10 => DataType.Struct(Schema(depth + 1)),
        _ => DataType.List(Type(depth + 1)),
    };

    /// <summary>Some records of one producer; the wilder, the more of them differ from what it usually writes.</summary>
    public List<byte[]> Records(Schema schema, int count, int wildness)
    {
        var (comma, colon) = random.Next(3) switch { 0 => (", ", ": "), 1 => (",", ": "), _ => (",", ":") };
        var records = new List<byte[]>();
        for (var i = 0; i < count; i++)
        {
            var text = new StringBuilder();
            Object(text, schema, comma, colon, random.Next(100) < wildness ? 4 : 0);
            records.Add(Encoding.UTF8.GetBytes(text.ToString()));
        }
        return records;
    }

    private bool Chance(int wild, int percent) => wild > 0 && random.Next(100) < percent;

    private void Object(StringBuilder to, Schema schema, string comma, string colon, int wild)
    {
        var fields = schema.ToList();
        if (Chance(wild, 20)) fields = [.. fields.OrderBy(_ => random.Next())];
        if (Chance(wild, 15)) fields.RemoveAt(random.Next(fields.Count));
        if (Chance(wild, 10) && fields.Count > 0) fields.Insert(random.Next(fields.Count), fields[random.Next(fields.Count)]);
        if (Chance(wild, 15)) fields.Insert(random.Next(fields.Count + 1), new Field("unknown", Type(1)));
        to.Append('{').Append(Space(wild));
        for (var i = 0; i < fields.Count; i++)
        {
            if (i > 0) to.Append(comma).Append(Space(wild));
            Text(to, fields[i].Name, wild);
            to.Append(Space(wild)).Append(colon);
            Value(to, fields[i].Type, fields[i].Format, comma, colon, wild);
            to.Append(Space(wild));
        }
        to.Append('}').Append(Space(wild));
    }

    private string Space(int wild) => Chance(wild, 5) ? new[] { " ", "\n", "\t", "\r\n  " }[random.Next(4)] : "";

    private void Value(StringBuilder to, DataType type, string? format, string comma, string colon, int wild)
    {
        if (random.Next(12) == 0)
        {
            to.Append("null");
            return;
        }
        if (Chance(wild, 6)) (type, format) = (Type(3), null);
        switch (type.Kind)
        {
            case TypeKind.Boolean:
                to.Append(random.Next(2) == 0 ? "true" : "false");
                break;
            case TypeKind.Int32:
                Number(to, random.Next(5) == 0 ? random.Next(int.MinValue, int.MaxValue) : random.Next(-1000, 1000), wild);
                break;
            case TypeKind.Int64:
                Number(to, random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64), wild);
                break;
            case TypeKind.Float64:
                var bits = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));
                to.Append(random.Next(3) == 0 && double.IsFinite(bits) ? bits.ToString("R", CultureInfo.InvariantCulture) : (random.Next(-100000,
                    100000) / 100.0).ToString("R", CultureInfo.InvariantCulture));
                break;
            case TypeKind.Decimal:
                var digits = random.Next(1, type.Precision - type.Scale + (wild > 0 ? 3 : 1));
                var text = string.Concat(Enumerable.Range(0, digits).Select(i => i == 0 && digits > 1 ? '1' : (char)('0' + random.Next(10))));
                if (type.Scale > 0) text += "." + string.Concat(Enumerable.Range(0, random.Next(1, type.Scale + 1)).Select(_ => random.Next(10)));
                to.Append(random.Next(2) == 0 ? text : $"\"{text}\"");
                break;
            case TypeKind.Date:
                to.Append('"').Append(new DateOnly(1970, 1, 1).AddDays(random.Next(-100000, 100000)).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)).Append('"');
                break;
            case TypeKind.Timestamp:
                Timestamp(to, format);
                break;
            case TypeKind.Binary:
                var bytes = new byte[random.Next(0, 40)];
                random.NextBytes(bytes);
                to.Append('"').Append(Convert.ToBase64String(bytes)).Append('"');
                break;
            case TypeKind.Utf8:
                Text(to, Words(wild), wild);
                break;
            case TypeKind.Struct:
                Object(to, type.Fields!, comma, colon, wild);
                break;
            default:
                to.Append('[').Append(Space(wild));
                var elements = random.Next(0, 5);
                for (var i = 0; i < elements; i++)
                {
                    if (i > 0) to.Append(comma);
                    Value(to, type.Element!, null, comma, colon, wild);
                }
                to.Append(Space(wild)).Append(']');
                break;
        }
    }

    private void Timestamp(StringBuilder to, string? format)
    {
        var time = new DateTime(1970, 1, 1).AddSeconds(random.Next()).AddTicks(random.Next(3) == 0 ? random.Next(1_000_000) * 10L : 0);
        if (format == "epoch-millis") to.Append(random.NextInt64(-1L << 40, 1L << 40));
        else to.Append('"').Append(time.ToString(format is null ? "yyyy-MM-dd'T'HH:mm:ss.FFFFFF'Z'" : "yyyy'/'MM'/'dd HH:mm", CultureInfo.InvariantCulture)).Append('"');
    }

    private void Number(StringBuilder to, long value, int wild)
    {
        to.Append(value);
        if (Chance(wild, 8)) to.Append(new[] { ".0", "e0", ".5", "0", "E2", "e-1", "00e-2", "99999999999" }[random.Next(8)]);
    }

    private string Words(int wild)
    {
        var length = random.Next(8) == 0 ? random.Next(200) : random.Next(20);
        var text = string.Concat(Enumerable.Range(0, length).Select(_ => (char)('a' + random.Next(26))));
        if (Chance(wild, 30) || random.Next(10) == 0) text = text.Insert(random.Next(text.Length + 1), new[] { "é", "日本", "😀", "\"", "\\", "\n", "\u0000", "/",
            "\u007f", "\u2028" }[random.Next(10)]);
        return text;
    }

    private void Text(StringBuilder to, string text, int wild)
    {
        to.Append('"');
        foreach (var c in text)
        {
            if (c is '"' or '\\') to.Append('\\').Append(c);
            else if (c < ' ' || Chance(wild, 3)) to.Append($"\\u{(int)c:x4}");
            else to.Append(c);
        }
        to.Append('"');
    }

    /// <summary>The record with some of its bytes changed, left out, or put in.</summary>
    public byte[] Mutated(byte[] record)
    {
        var bytes = record.ToList();
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            var at = random.Next(bytes.Count + 1);
            switch (random.Next(6))
            {
                case 0 when at < bytes.Count:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1 when at < bytes.Count:
                    bytes[at] = (byte)Telling[random.Next(Telling.Length)];
                    break;
                case 2 when at < bytes.Count:
                    bytes.RemoveAt(at);
                    break;
                case 3:
                    bytes.Insert(at, (byte)Telling[random.Next(Telling.Length)]);
                    break;
                case 4:
                    bytes.RemoveRange(at, random.Next(Math.Min(bytes.Count - at, 8) + 1));
                    break;
                default:
                    bytes.InsertRange(at, bytes.Skip(random.Next(bytes.Count + 1)).Take(random.Next(8)).ToArray());
                    break;
            }
        }
        return [.. bytes];
    }
}
