using System.Text;
using StreamEngine.Core;
using StreamEngine.Formats.Json;
using StreamEngine.Formats.Text;

namespace StreamEngine.Formats.Csv;

/// <summary>
/// Rows to CSV records without a line end: values in the text they have in JSON, null as an empty field, structs and arrays as JSON, quotes only where they are needed.
/// </summary>
internal sealed unsafe class CsvEncoder : IEncoder
{
    private readonly (int Index, JsonValueWriter Value)[] _columns;
    private readonly CsvOptions _options;

    /// <summary>These columns of a batch of the schema; null for all.</summary>
    /// <exception cref="ArgumentException">The options are wrong, or there is no quote and a column may hold a delimiter.</exception>
    public CsvEncoder(Schema schema, int[]? columns = null, CsvOptions? options = null)
    {
        _options = options ?? CsvOptions.Default;
        if (_options.Error is { } error) throw new ArgumentException(error, nameof(options));
        columns ??= [.. Enumerable.Range(0, schema.Count)];
        foreach (var column in columns)
            if (_options.Quote is null && schema[column].Type.Kind is TypeKind.Utf8 or TypeKind.Struct or TypeKind.List)
            {
                var name = $"column {schema[column].Name} of type {schema[column].Type}";
                throw new ArgumentException($"{name} may hold the delimiter or a line break: a CSV sink without a quote cannot write it", nameof(options));
            }
        _columns = [.. columns.Select(c => (c, new JsonValueWriter(schema[c].Type)))];
    }

    public void Encode(Batch batch, Arena arena, Bytes* values)
    {
        var writer = new RecordWriter(arena);
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            for (var c = 0; c < _columns.Length; c++)
            {
                writer.Reserve(2);
                if (c > 0) writer.Put(_options.Delimiter);
                var column = batch[_columns[c].Index];
                if (!column.IsNull(row)) Write(ref writer, _columns[c].Value, column, row);
            }
            // A record of one empty field could not be told from a blank line.
            if (writer.Length == 0 && _options.Quote is { } quote) writer.Write([quote, quote]);
            values[i] = writer.Take();
        }
    }

    private void Write(ref RecordWriter writer, JsonValueWriter value, ColumnVector column, int row)
    {
        var before = writer.Length;
        value.WriteBare(ref writer, column, row);
        if (_options.Quote is not { } quote) return;
        var text = writer.Written(before);
        var specials = text.IndexOfAny(quote, (byte)'\n', (byte)'\r') >= 0 || text.Contains(_options.Delimiter);
        if (!specials) return;
        var quotes = text.Count(quote);
        var length = text.Length;
        writer.Reserve(quotes + 2);
        // From the end, so that nothing is written over before it has moved.
        var from = writer.Next - 1;
        writer.Advance(quotes + 2);
        var to = writer.Next - 1;
        *to-- = quote;
        for (; length > 0; length--)
        {
            if (*from == quote) *to-- = quote;
            *to-- = *from--;
        }
        *to = quote;
    }
}
