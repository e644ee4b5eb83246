using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Aggregates;

/// <summary>count(x): the rows where x is not null; count(*) where it stands outside of a pane, in which it is <see cref="RowCountAccumulator"/>.</summary>
internal sealed unsafe class CountAccumulator(int argument, MemoryScope scope) : Accumulator, ICounts
{
    private readonly GrowingBuffer<long> _counts = new(scope);

    public override long Bytes => _counts.Bytes;

    public long* Counts => _counts.Pointer;

    public override void Reserve(int groups) => _counts.Reserve(groups);

    public override void Add(Batch batch, RowSet rows, int* groups)
    {
        var counts = _counts.Pointer;
        var column = argument < 0 ? null : batch[argument];
        if (column is null || !column.MayHaveNulls)
        {
            for (var i = 0; i < rows.Count; i++) counts[groups[i]]++;
            return;
        }
        for (var i = 0; i < rows.Count; i++)
            if (!column.IsNull(rows.At(i))) counts[groups[i]]++;
    }

    public override void Merge(Accumulator other, int* to, int* from, int count)
    {
        var counts = _counts.Pointer;
        var others = ((ICounts)other).Counts;
        for (var i = 0; i < count; i++) counts[At(to, i)] += others[At(from, i)];
    }

    public override void Copy(Accumulator other, int* to, int* from, int count)
    {
        var counts = _counts.Pointer;
        var others = ((ICounts)other).Counts;
        for (var i = 0; i < count; i++) counts[At(to, i)] = others[At(from, i)];
    }

    public override ColumnVector Emit(int first, int count, Arena arena, List<int> overflowed)
    {
        var values = arena.Allocate<long>(count);
        for (var i = 0; i < count; i++) values[i] = _counts.Pointer[first + i];
        return new ColumnVector(DataType.Int64, count, (byte*)values);
    }

    public override void Write(int group, StateBuffer to) => to.Put(_counts.Pointer[group]);

    public override void Read(int group, ref StateReader from) => _counts.Pointer[group] = from.Get<long>();

    public override void Dispose() => _counts.Dispose();
}
