using StreamEngine.Core;

namespace StreamEngine.Operators.Decoding;

/// <summary>Counts the rows that a user's own stage gives as coming in, and checks that the columns are those that were declared.</summary>
internal sealed class CountOperator(string id, Schema schema) : IOperator
{
    private RowCounts _counts = null!;
    private Schema? _checked;

    public string Id => id;

    public Schema Output => schema;

    public void Open(OperatorContext context) => _counts = context.Counts;

    public Progress Process(Batch batch, IEmitter output)
    {
        _counts.In += batch.Count;
        Check(batch.Schema);
        output.Emit(batch);
        return Progress.Done;
    }

    // Once per schema object, not per batch.
    private void Check(Schema got)
    {
        if (ReferenceEquals(got, _checked)) return;
        var same = got.Count == schema.Count;
        for (var i = 0; same && i < schema.Count; i++) same = got[i].Name == schema[i].Name && got[i].Type.Equals(schema[i].Type);
        if (!same) throw new InvalidOperationException($"{id}: the Flow gave columns ({got}), declared are ({schema})");
        _checked = got;
    }

    public void Dispose()
    {
    }
}
