using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Aggregates;

/// <summary>Counts by group.</summary>
internal unsafe interface ICounts
{
    long* Counts { get; }
}

/// <summary>count(*) of a pane: the pane's own rows by group, which it counts anyway. The pane makes room in them, restores them and disposes them.</summary>
internal sealed unsafe class RowCountAccumulator(GrowingBuffer<long> rows) : Accumulator, ICounts
{
    public override long Bytes => 0;

    public long* Counts => rows.Pointer;

    public override void Reserve(int groups)
    {
    }

    public override void Add(Batch batch, RowSet rows, int* groups)
    {
    }

    public override void Merge(Accumulator other, int* to, int* from, int count) => throw new NotSupportedException("a pane's rows are counted by the pane");

    public override void Copy(Accumulator other, int* to, int* from, int count) => throw new NotSupportedException("a pane's rows are counted by the pane");

    public override ColumnVector Emit(int first, int count, Arena arena, List<int> overflowed)
    {
        var values = arena.Allocate<long>(count);
        new ReadOnlySpan<long>(rows.Pointer + first, count).CopyTo(new Span<long>(values, count));
        return new ColumnVector(DataType.Int64, count, (byte*)values);
    }

    public override void Write(int group, StateBuffer to) => to.Put(rows.Pointer[group]);

    public override void Read(int group, ref StateReader from) => from.Get<long>();

    public override void Dispose()
    {
    }
}
