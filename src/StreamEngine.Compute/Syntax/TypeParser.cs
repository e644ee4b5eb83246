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
    /// <exception cref="SqlException">The text is wrong.</exception>
    public static Schema ParseSchema(string text)
    {
        var reader = new TokenReader(text);
        var schema = ParseFields(reader, "column");
        reader.ExpectEnd();
        return schema;
    }

    /// <summary>One or more columns or fields: name type [FORMAT '..'] [NOT NULL | NULL], with commas between them.</summary>
    public static Schema ParseFields(TokenReader reader, string what)
    {
        var fields = new List<Field>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        do
        {
            var name = reader.ExpectLabel($"a {what}'s name");
            if (!names.Add(name.Name)) throw TokenReader.Error(name.Span, $"{what} '{name.Name}' is declared twice");
            var type = Parse(reader);
            string? format = null;
            bool? nullable = null;
            while (true)
            {
                if (format is null && reader.TryKeyword("FORMAT")) format = reader.ExpectText("the format").Value;
                else if (nullable is null && reader.TryKeyword("NOT", "NULL")) nullable = false;
                else if (nullable is null && reader.TryKeyword("NULL")) nullable = true;
                else break;
            }
            fields.Add(new Field(name.Name, type, nullable ?? true, format));
        }
        while (reader.TrySymbol(","));
        return new Schema(fields);
    }

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
                    "use STRING, and a rule such as length(x) <= 10 where the length matters");
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
                throw TokenReader.Error(token.Span, $"unknown type '{token.Value}'", Spelling.DidYouMean(token.Value, Names) ?? $"types are {string.Join(", ", Names)}");
        }
    }

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
            ParseNumber(reader, 0, 6, "a precision");
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

    private static int ParseNumber(TokenReader reader, int least, int most, string what)
    {
        var token = reader.Peek();
        if (token.Kind != TokenKind.Integer || !int.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < least
            || number > most)
            throw reader.Unexpected($"{what} from {least} to {most}");
        reader.Next();
        return number;
    }
}
