using StreamEngine.Core;

namespace StreamEngine.Compute.Syntax;

/// <summary>A text of columns, as far as it could be read: "date TIMESTAMP FORMAT 'yyyy/MM/dd HH:mm' NOT NULL, delay INT".</summary>
internal sealed class SchemaText
{
    private readonly List<Field> _fields = [];
    private readonly ErrorCollector _errors = new();
    private readonly HashSet<string> _right = new(StringComparer.Ordinal);
    private readonly HashSet<string> _wrong = new(StringComparer.OrdinalIgnoreCase);
    private bool _isCutOff;

    private SchemaText()
    {
    }

    /// <summary>The columns that could be read.</summary>
    public Schema Schema => new(_fields);

    /// <summary>Every column's first error, in the order of the text.</summary>
    public IReadOnlyList<SqlError> Errors => _errors.Errors;

    /// <summary>It says in Flink's way what the event time is.</summary>
    public bool HasWatermark { get; private set; }

    /// <summary>Whether a column of this name may have been declared where the text could not be read.</summary>
    public bool IsDeclaredWrongly(string name) => _isCutOff || _fields.Count == 0 || _wrong.Contains(name);

    /// <summary>Reads the text, and behind an error on with the next column.</summary>
    public static SchemaText Parse(string text)
    {
        var schema = new SchemaText();
        schema._errors.Try(() => schema.Read(text));
        return schema;
    }

    private void Read(string text)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var reader = new TokenReader(text, goesOn: true);
        do
        {
            var start = reader.Position;
            try
            {
                ReadColumn(reader, names);
            }
            catch (SqlException e)
            {
                _errors.Add(e);
                SkipColumn(reader, start);
            }
        }
        while (!_errors.IsFull && reader.TrySymbol(","));
        _isCutOff |= _errors.IsFull;
    }

    private void ReadColumn(TokenReader reader, HashSet<string> names)
    {
        HasWatermark |= reader.IsKeyword("WATERMARK") && reader.IsKeyword("FOR", 1);
        if (ForeignForms.ClauseOf(reader) is { } hint) throw TokenReader.Error(reader.Peek().Span, $"{reader.Peek().Value.ToUpperInvariant()} is not part of a schema", hint);
        _fields.Add(TypeParser.ParseField(reader, "column", names, _errors));
        _right.Add(_fields[^1].Name);
        if (!reader.AtEnd && !reader.IsSymbol(",")) throw reader.Unexpected("',' or the end of the text", ForeignForms.HintBehindType(reader));
    }

    /// <summary>To the next comma that stands in no brackets. Every word on the way may have been a column's name.</summary>
    private void SkipColumn(TokenReader reader, int start)
    {
        var errorAt = reader.Position;
        reader.ResetTo(start);
        var depth = 0;
        while (!reader.AtEnd)
        {
            var token = reader.Peek();
            if (token.IsSymbol(",") && depth <= 0 && reader.Position >= errorAt) return;
            if (token.IsSymbol("(") || token.IsSymbol("<") || token.IsSymbol("[")) depth++;
            if (token.IsSymbol(")") || token.IsSymbol(">") || token.IsSymbol("]")) depth--;
            if (token.Kind is TokenKind.Word or TokenKind.QuotedIdentifier && !_right.Contains(token.Value)) _wrong.Add(token.Value);
            _isCutOff |= token.Kind == TokenKind.Error;
            reader.Next();
        }
        // A bracket that is not closed may have taken further columns.
        _isCutOff |= depth > 0;
    }
}
