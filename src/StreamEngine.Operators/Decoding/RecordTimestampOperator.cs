using StreamEngine.Core;

namespace StreamEngine.Operators.Decoding;

/// <summary>Adds the record's own timestamp as the last column, _timestamp, where something reads it.</summary>
internal sealed unsafe class RecordTimestampOperator(string id, Schema input) : IOperator
{
    private MemoryScope _scope = null!;

    public string Id => id;

    public Schema Output { get; } = new([.. input, new Field("_timestamp", DataType.Timestamp)]);

    public void Open(OperatorContext context) => _scope = context.Scope;

    public Progress Process(Batch batch, IEmitter output)
    {
        var records = batch.Records ?? throw new InvalidOperationException("record timestamps are taken where rows still have their records");
        var arena = _scope.RentArena();
        var times = arena.Allocate<long>(batch.Rows);
        for (var row = 0; row < batch.Rows; row++) times[row] = records.Timestamps is null ? 0 : records.Timestamps[row] * 1000;
        output.Emit(batch.With(Output, [.. batch.Columns, new ColumnVector(DataType.Timestamp, batch.Rows, (byte*)times)], arena, batch.Selection, batch.Count));
        return Progress.Done;
    }

    public void Dispose()
    {
    }
}
