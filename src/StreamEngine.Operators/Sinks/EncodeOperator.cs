using StreamEngine.Core;

namespace StreamEngine.Operators.Sinks;

/// <summary>How rows become records of a topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Insert">The INSERT that writes it.</param>
/// <param name="Value">Encodes values.</param>
/// <param name="Key">Encodes keys; null: records have none.</param>
/// <param name="MaxBytes">The most bytes of key, value and headers: above it the broker would refuse the record.</param>
internal sealed record SinkSpec(string Topic, string Insert, IEncoder Value, IEncoder? Key, int MaxBytes);

/// <summary>
/// The end of an INSERT's chain: rows to encoded records. A row that stems from one input row keeps its record's timestamp and headers; aggregated rows are stamped when
/// they are written. Rows that stem from one input row are done here; behind an aggregation the window has counted them.
/// </summary>
internal sealed unsafe class EncodeOperator(string id, Schema schema, SinkSpec sink) : IOperator
{
    private MemoryScope _scope = null!;
    private RowCounts _counts = null!;

    public string Id => id;

    public Schema Output => schema;

    public void Open(OperatorContext context)
    {
        _scope = context.Scope;
        _counts = context.Counts;
    }

    public Progress Process(Batch batch, IEmitter output)
    {
        var arena = _scope.RentArena();
        var count = batch.Count;
        var values = arena.Allocate<Bytes>(count);
        sink.Value.Encode(batch, arena, values);
        Bytes* keys = null;
        if (sink.Key is not null)
        {
            keys = arena.Allocate<Bytes>(count);
            sink.Key.Encode(batch, arena, keys);
        }
        var records = batch.Records;
        var timestamps = records is { Timestamps: not null } ? arena.Allocate<long>(count) : null;
        var headers = records is { Headers: not null } ? arena.Allocate<Bytes>(count) : null;
        var kept = 0;
        for (var i = 0; i < count; i++)
        {
            var row = batch.RowAt(i);
            var header = headers is null ? default : records!.HeadersAt(row);
            var size = (long)values[i].Length + (keys is null ? 0 : Math.Max(keys[i].Length, 0)) + header.Length;
            if (size > sink.MaxBytes)
            {
                output.Fault(batch, row, new Fault(FaultStage.Sink,
                    $"the record for {sink.Topic} has {size} bytes, more than the {sink.MaxBytes} that a message may have", Insert: sink.Insert));
                continue;
            }
            values[kept] = values[i];
            if (keys is not null) keys[kept] = keys[i];
            if (timestamps is not null) timestamps[kept] = records!.Timestamps[row];
            if (headers is not null) headers[kept] = CopyOf(header, arena);
            kept++;
        }
        if (!batch.IsAggregated) _counts.Done += kept;
        batch.Dispose();
        var encoded = new LogRecords(kept, sink.Topic) { Name = sink.Insert, Keys = keys, Values = values, Timestamps = timestamps, Headers = headers };
        output.Emit(Batch.OfRecords(encoded, arena, BatchRole.Output));
        return Progress.Done;
    }

    private static Bytes CopyOf(Bytes bytes, Arena arena) => bytes.Length <= 0 ? bytes : new Bytes(arena.Copy(bytes.Span), bytes.Length);

    public void Dispose()
    {
    }
}
