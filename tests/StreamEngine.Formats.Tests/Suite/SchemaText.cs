using System.Text.RegularExpressions;
using StreamEngine.Core;

namespace StreamEngine.Formats.Tests.Suite;

/// <summary>A small reader of schema texts, so that the formats' tests do not need the SQL parser.</summary>
internal sealed partial class SchemaText
{
    private readonly string[] _tokens;
    private int _at;

    private SchemaText(string text) => _tokens = [.. Token().Matches(text).Select(m => m.Value)];

    public static Schema Parse(string text)
    {
        var reader = new SchemaText(text);
        return reader.Fields();
    }

    private string Peek => _at < _tokens.Length ? _tokens[_at] : "";

    private bool Take(string token)
    {
        if (!string.Equals(Peek, token, StringComparison.OrdinalIgnoreCase)) return false;
        _at++;
        return true;
    }

    private Schema Fields()
    {
        var fields = new List<Field>();
        do
        {
            var name = _tokens[_at++].Trim('"');
            var type = Type();
            var format = Take("FORMAT") ? _tokens[_at++].Trim('\'') : null;
            var required = Take("NOT") && Take("NULL");
            fields.Add(new Field(name, type, !required, format));
        }
        while (Take(","));
        return new Schema(fields);
    }

    private DataType Type()
    {
        switch (_tokens[_at++].ToUpperInvariant())
        {
            case "BOOLEAN": return DataType.Boolean;
            case "INT": return DataType.Int32;
            case "BIGINT": return DataType.Int64;
            case "DOUBLE": return DataType.Float64;
            case "DATE": return DataType.Date;
            case "TIMESTAMP": return DataType.Timestamp;
            case "STRING": return DataType.Utf8;
            case "BINARY": return DataType.Binary;
            case "DECIMAL":
                _at++;
                var precision = int.Parse(_tokens[_at++]);
                var scale = Take(",") ? int.Parse(_tokens[_at++]) : 0;
                _at++;
                return DataType.Decimal(precision, scale);
            case "ARRAY":
                _at++;
                var element = Type();
                _at++;
                return DataType.List(element);
            default:
                _at++;
                var fields = Fields();
                _at++;
                return DataType.Struct(fields);
        }
    }

    [GeneratedRegex("""'[^']*'|"[^"]*"|\w+|[^\s\w]""")]
    private static partial Regex Token();
}
