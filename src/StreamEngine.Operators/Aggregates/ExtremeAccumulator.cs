using System.Runtime.CompilerServices;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Aggregates;

/// <summary>A strict order of values.</summary>
internal interface IOrder<T>
{
    static abstract bool Less(T a, T b);
}

internal readonly struct ByteOrder : IOrder<byte>
{
    public static bool Less(byte a, byte b) => a < b;
}

internal readonly struct Int32Order : IOrder<int>
{
    public static bool Less(int a, int b) => a < b;
}

internal readonly struct Int64Order : IOrder<long>
{
    public static bool Less(long a, long b) => a < b;
}

/// <summary>PostgreSQL's order of doubles: NaN is equal to itself and above everything.</summary>
internal readonly struct DoubleOrder : IOrder<double>
{
    public static bool Less(double a, double b) => a < b || (double.IsNaN(b) && !double.IsNaN(a));
}

internal readonly struct DecimalOrder : IOrder<Int128>
{
    public static bool Less(Int128 a, Int128 b) => a < b;
}

/// <summary>min(x) and max(x) of fixed-width values. A group without a value has null.</summary>
internal sealed unsafe class ExtremeAccumulator<T, TOrder>(AggregateSpec spec, MemoryScope scope) : Accumulator
    where T : unmanaged
    where TOrder : IOrder<T>
{
    private readonly bool _least = spec.Function == AggregateFunction.Min;
    private readonly GrowingBuffer<T> _values = new(scope);
    private readonly GrowingBuffer<byte> _seen = new(scope);

    public override long Bytes => _values.Bytes + _seen.Bytes;

    public override void Reserve(int groups)
    {
        _values.Reserve(groups);
        _seen.Reserve(groups);
    }

    public override void Add(Batch batch, RowSet rows, int* groups)
    {
        var column = batch[spec.Argument];
        var values = column.As<T>();
        if (!column.MayHaveNulls)
        {
            for (var i = 0; i < rows.Count; i++) Offer(groups[i], values[rows.At(i)]);
            return;
        }
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (!column.IsNull(row)) Offer(groups[i], values[row]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Offer(int group, T value)
    {
        if (_seen.Pointer[group] != 0 && !(_least ? TOrder.Less(value, _values.Pointer[group]) : TOrder.Less(_values.Pointer[group], value))) return;
        _values.Pointer[group] = value;
        _seen.Pointer[group] = 1;
    }

    public override void Merge(Accumulator other, int* to, int* from, int count)
    {
        var values = ((ExtremeAccumulator<T, TOrder>)other)._values.Pointer;
        var seen = ((ExtremeAccumulator<T, TOrder>)other)._seen.Pointer;
        for (var i = 0; i < count; i++)
            if (seen[At(from, i)] != 0) Offer(At(to, i), values[At(from, i)]);
    }

    public override void Copy(Accumulator other, int* to, int* from, int count)
    {
        var values = ((ExtremeAccumulator<T, TOrder>)other)._values.Pointer;
        var seen = ((ExtremeAccumulator<T, TOrder>)other)._seen.Pointer;
        for (var i = 0; i < count; i++)
        {
            _values.Pointer[At(to, i)] = values[At(from, i)];
            _seen.Pointer[At(to, i)] = seen[At(from, i)];
        }
    }

    public override ColumnVector Emit(int first, int count, Arena arena, List<int> overflowed)
    {
        var values = arena.Allocate<T>(count);
        byte* validity = null;
        for (var i = 0; i < count; i++)
        {
            values[i] = _values.Pointer[first + i];
            if (_seen.Pointer[first + i] != 0) continue;
            if (validity is null) validity = arena.AllocateValidity(count);
            ColumnVector.SetNull(validity, i);
        }
        return new ColumnVector(spec.Type, count, (byte*)values, validity);
    }

    public override void Write(int group, StateBuffer to)
    {
        to.Put(_seen.Pointer[group]);
        to.Put(_values.Pointer[group]);
    }

    public override void Read(int group, ref StateReader from)
    {
        _seen.Pointer[group] = from.Get<byte>();
        _values.Pointer[group] = from.Get<T>();
    }

    public override void Dispose()
    {
        _values.Dispose();
        _seen.Dispose();
    }
}
