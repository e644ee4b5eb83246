namespace StreamEngine.Compute.Syntax;

/// <summary>What other engines write into a table's columns: how it is written here.</summary>
internal static class ForeignForms
{
    private static readonly Dictionary<string, string> Types = new(StringComparer.OrdinalIgnoreCase)
    {
        ["CHAR"] = "STRING", ["CHARACTER"] = "STRING", ["NVARCHAR"] = "STRING", ["BPCHAR"] = "STRING", ["CLOB"] = "STRING", ["UUID"] = "STRING", ["TIME"] = "STRING",
        ["JSON"] = "STRING", ["JSONB"] = "STRING", ["TINYINT"] = "INT", ["SMALLINT"] = "INT", ["INT2"] = "INT", ["SHORT"] = "INT", ["SERIAL"] = "INT",
        ["LONG"] = "BIGINT", ["BIGSERIAL"] = "BIGINT", ["REAL"] = "DOUBLE", ["FLOAT4"] = "DOUBLE", ["NUMBER"] = "DECIMAL(p,s)", ["MONEY"] = "DECIMAL(p,s)",
        ["DATETIME"] = "TIMESTAMP", ["BLOB"] = "BINARY",
    };

    private const string Computed = "write a computed column as one of a view: CREATE VIEW .. AS SELECT *, expression AS name FROM ..";

    /// <summary>A type of another engine as it is written here; null where it is none.</summary>
    public static string? HintOfType(string type) => Types.TryGetValue(type, out var own) ? $"write it as {own}"
        : type.Equals("AS", StringComparison.OrdinalIgnoreCase) ? Computed : null;

    /// <summary>A clause that is no column, and where the pipeline's file says it; null where a column begins.</summary>
    public static string? ClauseOf(TokenReader reader)
    {
        if (reader.IsKeyword("WATERMARK") && reader.IsKeyword("FOR", 1))
            return $"write it as event-time {{ column = {NameAt(reader, 2)}, out-of-orderness = .. }} of the source, beside its schema";
        if (reader.IsKeyword("PRIMARY") && reader.IsKeyword("KEY", 1)) return KeyHint(reader.IsSymbol("(", 2) ? NameAt(reader, 3) : "..");
        if (reader.IsKeyword("CONSTRAINT") || (reader.IsKeyword("UNIQUE") && reader.IsSymbol("(", 1)) || (reader.IsKeyword("CHECK") && reader.IsSymbol("(", 1)))
            return "write a condition on each row as a rule: rules { name = \"condition\" }";
        return null;
    }

    /// <summary>What stands behind a column's type and is no part of it.</summary>
    public static string? HintBehindType(TokenReader reader)
    {
        if (reader.IsKeyword("PRIMARY")) return KeyHint("..");
        if (reader.IsKeyword("METADATA")) return "write it as _timestamp in the SQL: the record's timestamp is a column of every source";
        if (reader.IsKeyword("DEFAULT")) return "write it as COALESCE(column, default) in a view";
        if (reader.IsKeyword("CHECK") || reader.IsKeyword("UNIQUE")) return "write a condition on each row as a rule: rules { name = \"condition\" }";
        if (reader.IsKeyword("AS")) return Computed;
        if (reader.IsSymbol("(")) return "the type takes nothing in parentheses";
        return Spelling.DidYouMean(reader.Peek().Value, ["NOT", "NULL", "FORMAT"]);
    }

    private static string NameAt(TokenReader reader, int ahead) =>
        reader.Peek(ahead).Kind is TokenKind.Word or TokenKind.QuotedIdentifier ? reader.Peek(ahead).Value : "..";

    private static string KeyHint(string column) =>
        $"a source has no key; write that of the written records as key = {column} of a sink, with mode = upsert where rows replace earlier ones";
}
