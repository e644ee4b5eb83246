using Apache.Arrow;

namespace StreamEngine.Core;

/// <summary>Batches as Apache Arrow record batches, and back.</summary>
public static unsafe class ArrowBatches
{
    /// <summary>
    /// The selected rows as an Arrow record batch: BOOLEAN as bits, INT and BIGINT, DOUBLE, DECIMAL as decimal128, DATE as date32, TIMESTAMP in microseconds UTC,
    /// STRING and BINARY as views, ARRAY as list, STRUCT as struct.
    /// Columns of fixed width, validity and list offsets are not copied when all rows are selected: such a record batch is valid only until this batch is released
    /// or passed on.
    /// </summary>
    /// <param name="batch">The rows. They stay the caller's.</param>
    /// <param name="copy">True for a record batch that owns all its memory.</param>
    /// <exception cref="NotSupportedException">A column is an INTERVAL, which no Arrow type holds.</exception>
    public static RecordBatch ToRecordBatch(this Batch batch, bool copy = false)
    {
        var rows = ArrowExport.RowsOf(batch);
        var export = new ArrowExport(batch, copy || rows is not null);
        var arrays = new List<IArrowArray>(batch.Schema.Count);
        for (var i = 0; i < batch.Schema.Count; i++) arrays.Add(ArrowArrayFactory.BuildArray(export.Column(batch[i], rows, batch.Count)));
        return new RecordBatch(ArrowTypes.ToArrow(batch.Schema), arrays, batch.Count);
    }

    /// <summary>Copies rows of a record batch, whose every length, offset, view, null count and text is checked first: it may come from anywhere.</summary>
    /// <param name="source">The rows; it may be disposed afterwards.</param>
    /// <param name="scope">Where the memory comes from.</param>
    /// <param name="from">The first row.</param>
    /// <param name="count">Rows, at most <see cref="Batch.MaxRows"/>.</param>
    /// <exception cref="InvalidDataException">The record batch contradicts itself or has a type that no SQL type holds; the message names the column.</exception>
    internal static Batch FromRecordBatch(RecordBatch source, MemoryScope scope, int from, int count)
    {
        if (from < 0 || count < 0 || count > Batch.MaxRows || (long)from + count > source.Length)
            throw new ArgumentOutOfRangeException(nameof(count), $"rows {from} to {from + count} of {source.Length}, at most {Batch.MaxRows}");
        var schema = ArrowTypes.FromArrow(source.Schema);
        var arena = scope.RentArena();
        try
        {
            var columns = new ColumnVector[schema.Count];
            for (var i = 0; i < columns.Length; i++)
            {
                var data = source.Column(i).Data;
                if (data.Length < source.Length)
                    throw new InvalidDataException($"column {schema[i].Name}: {data.Length} values in a record batch of {source.Length} rows");
                columns[i] = new ArrowImport(arena, schema[i].Name).Column(data, schema[i].Type, from, count);
            }
            return Batch.Create(schema, columns, count, arena);
        }
        catch
        {
            arena.Release();
            throw;
        }
    }
}
