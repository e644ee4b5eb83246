using StreamEngine.Core;

namespace StreamEngine.Operators.Decoding;

/// <summary>
/// The head of a lane: raw records to columns. It counts the rows that come in; what the decoder refuses is counted by the faults, and so are redriven rows that nothing
/// takes.
/// </summary>
internal sealed class DecodeOperator(string id, IDecoder decoder) : IOperator
{
    private RowCounts _counts = null!;

    public string Id => id;

    public Schema Output => decoder.Output;

    public void Open(OperatorContext context) => _counts = context.Counts;

    public Progress Process(Batch batch, IEmitter output)
    {
        _counts.Of(batch.Records).In += batch.Rows;
        if (batch.Records?.Redrive?.Refusal is { } refusal)
        {
            for (var row = 0; row < batch.Rows; row++) output.Fault(batch, row, new Fault(FaultStage.Sink, refusal));
            batch.Dispose();
            return Progress.Done;
        }
        output.Emit(decoder.Decode(batch, output));
        return Progress.Done;
    }

    public void Dispose() => (decoder as IDisposable)?.Dispose();
}
