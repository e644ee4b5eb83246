using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Aggregates;

/// <summary>
/// min(x) and max(x) of strings, in the order of their bytes (collation C). Replaced values leave a hole in the heap, which is rebuilt when more of it is holes than
/// values.
/// </summary>
internal sealed unsafe class TextExtremeAccumulator(AggregateSpec spec, MemoryScope scope) : Accumulator
{
    private const int LeastHoles = 1 << 16;

    private readonly bool _least = spec.Function == AggregateFunction.Min;
    private readonly GrowingBuffer<Utf8View> _values = new(scope);
    private readonly GrowingBuffer<byte> _seen = new(scope);
    private Arena _heap = scope.RentArena(firstBlock: 1 << 10);
    private long _used;
    private long _holes;
    private int _groups;

    public override long Bytes => _values.Bytes + _seen.Bytes + _heap.Bytes;

    public override void Reserve(int groups)
    {
        _values.Reserve(groups);
        _seen.Reserve(groups);
        _groups = Math.Max(_groups, groups);
    }

    public override void Add(Batch batch, RowSet rows, int* groups)
    {
        var column = batch[spec.Argument];
        var values = column.As<Utf8View>();
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (!column.IsNull(row)) Offer(groups[i], values + row);
        }
    }

    private void Offer(int group, Utf8View* value)
    {
        var present = _values.Pointer + group;
        if (_seen.Pointer[group] != 0)
        {
            var order = Utf8View.Compare(value, present);
            if (_least ? order >= 0 : order <= 0) return;
            if (present->Length > Utf8View.InlineLength) _holes += present->Length;
        }
        Set(group, Utf8View.SpanOf(value));
        if (_holes > LeastHoles && _holes > _used / 2) Rebuild();
    }

    private void Set(int group, ReadOnlySpan<byte> value)
    {
        _values.Pointer[group] = Utf8View.Copy(value, _heap);
        _seen.Pointer[group] = 1;
        if (value.Length > Utf8View.InlineLength) _used += value.Length;
    }

    private void Rebuild()
    {
        var old = _heap;
        _heap = scope.RentArena();
        _used = _holes = 0;
        for (var group = 0; group < _groups; group++)
            if (_seen.Pointer[group] != 0 && _values.Pointer[group].Length > Utf8View.InlineLength) Set(group, Utf8View.SpanOf(_values.Pointer + group));
        old.Release();
    }

    public override void Merge(Accumulator other, int* to, int* from, int count)
    {
        var values = ((TextExtremeAccumulator)other)._values.Pointer;
        var seen = ((TextExtremeAccumulator)other)._seen.Pointer;
        for (var i = 0; i < count; i++)
            if (seen[At(from, i)] != 0) Offer(At(to, i), values + At(from, i));
    }

    public override void Copy(Accumulator other, int* to, int* from, int count)
    {
        var values = ((TextExtremeAccumulator)other)._values.Pointer;
        var seen = ((TextExtremeAccumulator)other)._seen.Pointer;
        for (var i = 0; i < count; i++)
        {
            var group = At(to, i);
            if (_seen.Pointer[group] != 0 && _values.Pointer[group].Length > Utf8View.InlineLength) _holes += _values.Pointer[group].Length;
            _seen.Pointer[group] = 0;
            if (seen[At(from, i)] != 0) Set(group, Utf8View.SpanOf(values + At(from, i)));
        }
        if (_holes > LeastHoles && _holes > _used / 2) Rebuild();
    }

    public override ColumnVector Emit(int first, int count, Arena arena, List<int> overflowed)
    {
        var values = arena.Allocate<Utf8View>(count);
        byte* validity = null;
        for (var i = 0; i < count; i++)
        {
            // Copied: the pane may be gone before the batch is.
            values[i] = Utf8View.Copy(Utf8View.SpanOf(_values.Pointer + first + i), arena);
            if (_seen.Pointer[first + i] != 0) continue;
            if (validity is null) validity = arena.AllocateValidity(count);
            ColumnVector.SetNull(validity, i);
        }
        return new ColumnVector(spec.Type, count, (byte*)values, validity);
    }

    public override void Write(int group, StateBuffer to)
    {
        to.Put(_seen.Pointer[group]);
        to.Put(_values.Pointer[group].Length);
        to.Put(Utf8View.SpanOf(_values.Pointer + group));
    }

    public override void Read(int group, ref StateReader from)
    {
        var seen = from.Get<byte>() != 0;
        var value = from.Get(from.Get<int>());
        if (seen) Set(group, value);
    }

    public override void Dispose()
    {
        _values.Dispose();
        _seen.Dispose();
        _heap.Release();
    }
}
