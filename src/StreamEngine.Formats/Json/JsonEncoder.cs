using StreamEngine.Core;
using StreamEngine.Formats.Text;

namespace StreamEngine.Formats.Json;

/// <summary>Rows to JSON objects with all their columns, nulls included, in the forms of <see cref="JsonValueWriter"/>.</summary>
internal sealed unsafe class JsonEncoder : IEncoder
{
    private readonly (int Index, byte[] Key, JsonValueWriter Value)[] _columns;

    /// <summary>All columns of the schema, by their names.</summary>
    public JsonEncoder(Schema schema)
        : this(schema, [.. Enumerable.Range(0, schema.Count)])
    {
    }

    /// <summary>These columns of a batch of the schema.</summary>
    public JsonEncoder(Schema schema, int[] columns)
        : this(schema, columns, [.. columns.Select(c => schema[c].Name)])
    {
    }

    /// <summary>These columns of a batch of the schema, by other names.</summary>
    public JsonEncoder(Schema schema, int[] columns, string[] names)
    {
        var keys = JsonValueWriter.KeysOf(names);
        _columns = [.. columns.Select((c, i) => (c, keys[i], new JsonValueWriter(schema[c].Type)))];
    }

    public void Encode(Batch batch, Arena arena, Bytes* values)
    {
        var writer = new RecordWriter(arena);
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            if (_columns.Length == 0) writer.Write("{"u8);
            foreach (var (index, key, value) in _columns)
            {
                writer.Write(key);
                value.Write(ref writer, batch[index], row);
            }
            writer.Write("}"u8);
            values[i] = writer.Take();
        }
    }
}

/// <summary>
/// Keys of records: of one column the text that its value has in JSON without quotes and escapes, null for null; of several columns a JSON array of their values.
/// </summary>
internal sealed unsafe class JsonKeyEncoder : IEncoder
{
    private readonly (int Index, JsonValueWriter Value)[] _columns;

    /// <summary>The key columns of a batch of the schema.</summary>
    public JsonKeyEncoder(Schema schema, params int[] columns)
    {
        if (columns.Length == 0) throw new ArgumentException("a key has at least one column", nameof(columns));
        _columns = [.. columns.Select(c => (c, new JsonValueWriter(schema[c].Type)))];
    }

    public void Encode(Batch batch, Arena arena, Bytes* values)
    {
        var writer = new RecordWriter(arena);
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            if (_columns.Length == 1)
            {
                var column = batch[_columns[0].Index];
                if (column.IsNull(row))
                {
                    values[i] = Bytes.Null;
                    continue;
                }
                _columns[0].Value.WriteBare(ref writer, column, row);
            }
            else
            {
                for (var c = 0; c < _columns.Length; c++)
                {
                    writer.Write(c == 0 ? "["u8 : ","u8);
                    _columns[c].Value.Write(ref writer, batch[_columns[c].Index], row);
                }
                writer.Write("]"u8);
            }
            values[i] = writer.Take();
        }
    }
}
