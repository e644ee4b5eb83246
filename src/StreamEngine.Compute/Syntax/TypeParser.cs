using System.Globalization;
using StreamEngine.Core;

namespace StreamEngine.Compute.Syntax;

/// <summary>Parses types and lists of columns: the schema of a source, the fields of a STRUCT, the type of a CAST.</summary>
internal static class TypeParser
{
    private static readonly string[] Names =
    [
        "BOOLEAN", "BOOL", "INT", "INTEGER", "BIGINT", "DOUBLE", "FLOAT", "DECIMAL", "NUMERIC", "DATE", "TIMESTAMP", "STRING", "TEXT", "VARCHAR", "BINARY", "BYTES",
            "VARBINARY", "INTERVAL", "ARRAY", "STRUCT", "ROW",
    ];

    /// <summary>The type that starts at the reader's next token.</summary>
    public static DataType Parse(TokenReader reader)
    {
        reader.Enter();
        var token = reader.Peek();
        if (token.Kind != TokenKind.Word) throw reader.Unexpected("a type");
        reader.Next();
        var type = ParseNamed(reader, token);
        while (reader.IsSymbol("[") && reader.IsSymbol("]", 1))
        {
            reader.Next();
            reader.Next();
            reader.Enter();
            type = DataType.List(type);
        }
        reader.Leave();
        return type;
    }

    /// <summary>A whole text of columns: "date TIMESTAMP FORMAT 'yyyy/MM/dd HH:mm' NOT NULL, delay INT".</summary>
    /// <exception cref="SqlException">The text is wrong: each column's error.</exception>
    public static Schema ParseSchema(string text)
    {
        var schema = SchemaText.Parse(text);
        return schema.Errors.Count > 0 ? throw new SqlException(schema.Errors) : schema.Schema;
    }

    /// <summary>One or more fields, with commas between them.</summary>
    public static Schema ParseFields(TokenReader reader, string what)
    {
        var fields = new List<Field>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var errors = new ErrorCollector();
        do fields.Add(ParseField(reader, what, names, errors));
        while (reader.TrySymbol(","));
        errors.ThrowIfFailed();
        return new Schema(fields);
    }

    /// <summary>A column or field: name type [FORMAT '..'] [NOT NULL | NULL].</summary>
    /// <param name="reader">Stands at its name.</param>
    /// <param name="what">column or field.</param>
    /// <param name="names">The names before, to which it adds its own.</param>
    /// <param name="errors">Takes what is wrong with a column whose name and type are certain.</param>
    /// <exception cref="SqlException">Name or type are not.</exception>
    public static Field ParseField(TokenReader reader, string what, HashSet<string> names, ErrorCollector errors)
    {
        var name = reader.ExpectLabel($"a {what}'s name");
        if (!names.Add(name.Name)) throw TokenReader.Error(name.Span, $"{what} '{name.Name}' is declared twice");
        var type = Parse(reader);
        string? format = null;
        bool? nullable = null;
        while (true)
        {
            if (format is null && reader.TryKeyword("FORMAT"))
            {
                var text = reader.ExpectText("the format");
                format = text.Value;
                if (type.Kind is not (TypeKind.Timestamp or TypeKind.Date))
                    throw TokenReader.Error(Inside(text), $"{what} '{name.Name}' is {type}: only TIMESTAMP and DATE have a FORMAT");
                if (TimestampPattern.TryCompile(format, out var error) is null) errors.Add(Inside(text), error!);
            }
            else if (nullable is null && reader.TryKeyword("NOT", "NULL")) nullable = false;
            else if (nullable is null && reader.TryKeyword("NULL")) nullable = true;
            else break;
        }
        return new Field(name.Name, type, nullable ?? true, format);
    }

    /// <summary>A text without its quotes.</summary>
    private static SourceSpan Inside(Token text) => text.Length > 2 ? new SourceSpan(text.Offset + 1, text.Length - 2) : text.Span;

    private static DataType ParseNamed(TokenReader reader, Token token)
    {
        switch (token.Value.ToUpperInvariant())
        {
            case "BOOLEAN" or "BOOL": return DataType.Boolean;
            case "INT" or "INTEGER" or "INT4": return DataType.Int32;
            case "BIGINT" or "INT8": return DataType.Int64;
            case "DOUBLE":
                reader.TryKeyword("PRECISION");
                return DataType.Float64;
            case "FLOAT" or "FLOAT8": return DataType.Float64;
            case "DECIMAL" or "NUMERIC" or "DEC": return ParseDecimal(reader);
            case "DATE": return DataType.Date;
            case "TIMESTAMP" or "TIMESTAMPTZ" or "TIMESTAMP_LTZ": return ParseTimestamp(reader);
            case "STRING" or "TEXT": return DataType.Utf8;
            case "VARCHAR":
                if (reader.IsSymbol("(")) throw TokenReader.Error(reader.Peek().Span, "VARCHAR has no length here",
                    $"write it as STRING, and where the length matters add a rule such as length(x) <= {LengthAt(reader)}");
                return DataType.Utf8;
            case "BINARY" or "BYTES" or "BYTEA" or "VARBINARY": return DataType.Binary;
            case "INTERVAL": return DataType.Interval;
            case "ARRAY":
                reader.ExpectSymbol("<");
                var element = Parse(reader);
                reader.ExpectSymbol(">");
                return DataType.List(element);
            case "STRUCT" or "ROW":
                reader.ExpectSymbol("<");
                var fields = ParseFields(reader, "field");
                reader.ExpectSymbol(">");
                return DataType.Struct(fields);
            default:
                throw TokenReader.Error(token.Span, $"unknown type '{token.Value}'", ForeignForms.HintOfType(token.Value) ?? Spelling.DidYouMean(token.Value, Names)
                    ?? $"types are {string.Join(", ", Names)}");
        }
    }

    private static string LengthAt(TokenReader reader) => reader.Peek(1).Kind == TokenKind.Integer ? reader.Peek(1).Value : "10";

    /// <summary>DECIMAL(p,s); s defaults to 0 and p to 10, as in Flink.</summary>
    private static DataType ParseDecimal(TokenReader reader)
    {
        if (!reader.TrySymbol("(")) return DataType.Decimal(10, 0);
        var precision = ParseNumber(reader, 1, DataType.MaxPrecision, "a precision");
        var scale = reader.TrySymbol(",") ? ParseNumber(reader, 0, precision, "a scale") : 0;
        reader.ExpectSymbol(")");
        return DataType.Decimal(precision, scale);
    }

    private static DataType ParseTimestamp(TokenReader reader)
    {
        if (reader.TrySymbol("("))
        {
            ParseNumber(reader, 0, 6, "a precision", "write it as TIMESTAMP: it has microseconds");
            reader.ExpectSymbol(")");
        }
        if (reader.TryKeyword("WITH") || reader.TryKeyword("WITHOUT"))
        {
            if (reader.IsKeyword("LOCAL")) reader.Next();
            reader.ExpectKeyword("TIME");
            reader.ExpectKeyword("ZONE");
        }
        return DataType.Timestamp;
    }

    private static int ParseNumber(TokenReader reader, int least, int most, string what, string? hint = null)
    {
        var token = reader.Peek();
        if (token.Kind != TokenKind.Integer || !int.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < least
            || number > most)
            throw reader.Unexpected($"{what} from {least} to {most}", hint);
        reader.Next();
        return number;
    }
}
