using System.Runtime.CompilerServices;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Aggregates;

/// <summary>How values are summed.</summary>
internal interface ISum<TValue, TSum>
{
    static abstract bool TryAdd(ref TSum sum, TValue value);

    static abstract bool TryMerge(ref TSum sum, TSum other);
}

internal readonly struct Int32Sum : ISum<int, long>
{
    public static bool TryAdd(ref long sum, int value)
    {
        sum += value;
        return true;
    }

    // A sum of 32-bit values leaves 64 bits after two billion rows of the largest at the earliest.
    public static bool TryMerge(ref long sum, long other)
    {
        var result = unchecked(sum + other);
        if (((sum ^ result) & (other ^ result)) < 0) return false;
        sum = result;
        return true;
    }
}

internal readonly struct Int64Sum : ISum<long, Int128>
{
    // The two words by hand: as a sum of structs it goes through memory twice.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryAdd(ref Int128 sum, long value)
    {
        ref var low = ref Unsafe.As<Int128, ulong>(ref sum);
        ref var high = ref Unsafe.Add(ref Unsafe.As<Int128, long>(ref sum), 1);
        var result = low + (ulong)value;
        high += (value >> 63) + (result < low ? 1 : 0);
        low = result;
        return true;
    }

    public static bool TryMerge(ref Int128 sum, Int128 other)
    {
        sum += other;
        return true;
    }
}

internal readonly struct DoubleSum : ISum<double, double>
{
    public static bool TryAdd(ref double sum, double value)
    {
        sum += value;
        return true;
    }

    public static bool TryMerge(ref double sum, double other)
    {
        sum += other;
        return true;
    }
}

internal readonly struct DecimalSum : ISum<Int128, Int128>
{
    public static bool TryAdd(ref Int128 sum, Int128 value)
    {
        var result = sum + value;
        if (!DecimalText.Fits(result, DataType.MaxPrecision)) return false;
        sum = result;
        return true;
    }

    public static bool TryMerge(ref Int128 sum, Int128 other) => TryAdd(ref sum, other);
}

/// <summary>sum(x) and avg(x): an exact sum (but for doubles) and the number of values. A group without a value has null.</summary>
internal sealed unsafe class SumAccumulator<TValue, TSum, TOperation>(AggregateSpec spec, MemoryScope scope) : Accumulator
    where TValue : unmanaged
    where TSum : unmanaged
    where TOperation : ISum<TValue, TSum>
{
    private readonly GrowingBuffer<State> _states = new(scope);

    private struct State
    {
        public TSum Sum;

        /// <summary>The number of values; with the sign bit set the sum has overflowed.</summary>
        public long Count;
    }

    private const long Overflowed = long.MinValue;

    public override long Bytes => _states.Bytes;

    public override void Reserve(int groups) => _states.Reserve(groups);

    public override void Add(Batch batch, RowSet rows, int* groups)
    {
        var states = _states.Pointer;
        var column = batch[spec.Argument];
        var values = column.As<TValue>();
        if (!column.MayHaveNulls)
        {
            if (rows.Rows is null)
                for (var i = 0; i < rows.Count; i++) Add(states + groups[i], values[i]);
            else
                for (var i = 0; i < rows.Count; i++) Add(states + groups[i], values[rows.Rows[i]]);
            return;
        }
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            if (!column.IsNull(row)) Add(states + groups[i], values[row]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(State* state, TValue value)
    {
        if (TOperation.TryAdd(ref state->Sum, value)) state->Count++;
        else state->Count = (state->Count + 1) | Overflowed;
    }

    public override void Merge(Accumulator other, int* to, int* from, int count)
    {
        var states = _states.Pointer;
        var others = ((SumAccumulator<TValue, TSum, TOperation>)other)._states.Pointer;
        for (var i = 0; i < count; i++) Merge(states + At(to, i), others + At(from, i));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Merge(State* state, State* added)
    {
        var overflowed = (state->Count | added->Count) & Overflowed;
        if (!TOperation.TryMerge(ref state->Sum, added->Sum)) overflowed = Overflowed;
        state->Count = ((state->Count & ~Overflowed) + (added->Count & ~Overflowed)) | overflowed;
    }

    public override void Copy(Accumulator other, int* to, int* from, int count)
    {
        var states = _states.Pointer;
        var others = ((SumAccumulator<TValue, TSum, TOperation>)other)._states.Pointer;
        for (var i = 0; i < count; i++) states[At(to, i)] = others[At(from, i)];
    }

    public override ColumnVector Emit(int first, int count, Arena arena, List<int> overflowed)
    {
        var width = spec.Type.Width;
        var values = arena.Allocate<byte>(count * width);
        byte* validity = null;
        for (var i = 0; i < count; i++)
        {
            ref var state = ref _states.Pointer[first + i];
            var isNull = state.Count == 0;
            if (state.Count < 0 || (!isNull && !TryPut(state, values + (long)i * width)))
            {
                isNull = true;
                if (!overflowed.Contains(i)) overflowed.Add(i);
            }
            if (!isNull) continue;
            if (validity is null) validity = arena.AllocateValidity(count);
            ColumnVector.SetNull(validity, i);
            new Span<byte>(values + (long)i * width, width).Clear();
        }
        return new ColumnVector(spec.Type, count, values, validity);
    }

    private bool TryPut(in State state, byte* to)
    {
        if (spec.Function == AggregateFunction.Sum)
        {
            if (spec.Type.Kind == TypeKind.Float64 && !double.IsFinite((double)(object)state.Sum)) return false;
            if (state.Sum is Int128 wide && !DecimalText.Fits(wide, DataType.MaxPrecision)) return false;
            *(TSum*)to = state.Sum;
            return true;
        }
        if (spec.Type.Kind == TypeKind.Decimal) return TryAverage((Int128)(object)state.Sum, state.Count, out *(Int128*)to);
        var sum = state.Sum switch { long l => (double)l, Int128 w => (double)w, double d => d, _ => throw new InvalidOperationException("no other sums") };
        *(double*)to = sum / state.Count;
        return double.IsFinite(sum);
    }

    private bool TryAverage(Int128 sum, long count, out Int128 average)
    {
        average = 0;
        if (!DecimalText.TryRescale(sum, spec.ArgumentType!.Scale, spec.Type.Scale, out var scaled)) return false;
        var (quotient, remainder) = Int128.DivRem(scaled, count);
        // Half away from zero, as numeric division in PostgreSQL rounds.
        if (Int128.Abs(remainder) * 2 >= count) quotient += scaled < 0 ? -1 : 1;
        average = quotient;
        return DecimalText.Fits(quotient, DataType.MaxPrecision);
    }

    public override void Write(int group, StateBuffer to)
    {
        to.Put(_states.Pointer[group].Sum);
        to.Put(_states.Pointer[group].Count);
    }

    public override void Read(int group, ref StateReader from)
    {
        _states.Pointer[group].Sum = from.Get<TSum>();
        _states.Pointer[group].Count = from.Get<long>();
    }

    public override void Dispose() => _states.Dispose();
}
