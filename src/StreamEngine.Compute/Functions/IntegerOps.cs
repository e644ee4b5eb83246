using System.Runtime.CompilerServices;
using StreamEngine.Compute.Evaluation;

namespace StreamEngine.Compute.Functions;

internal readonly unsafe struct Same<T> : IUnary<T, T>
    where T : unmanaged
{
    public static Outcome Apply(T* a, T* result, OpState state)
    {
        *result = *a;
        return Outcome.Value;
    }
}

/// <summary>The operation with its arguments the other way round.</summary>
internal readonly unsafe struct Swapped<TA, TB, TR, TOp> : IBinary<TA, TB, TR>
    where TA : unmanaged
    where TB : unmanaged
    where TR : unmanaged
    where TOp : struct, IBinary<TB, TA, TR>
{
    public static Outcome Apply(TA* a, TB* b, TR* result, OpState state) => TOp.Apply(b, a, result, state);
}

internal readonly unsafe struct AddInt32 : IBinary<int, int, int>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(int* a, int* b, int* result, OpState state) => Integers.Narrow((long)*a + *b, result, state);
}

internal readonly unsafe struct SubtractInt32 : IBinary<int, int, int>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(int* a, int* b, int* result, OpState state) => Integers.Narrow((long)*a - *b, result, state);
}

internal readonly unsafe struct MultiplyInt32 : IBinary<int, int, int>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(int* a, int* b, int* result, OpState state) => Integers.Narrow((long)*a * *b, result, state);
}

internal readonly unsafe struct DivideInt32 : IBinary<int, int, int>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(int* a, int* b, int* result, OpState state)
        => *b == 0 ? state.Fail(Integers.DivisionByZero) : Integers.Narrow((long)*a / *b, result, state);
}

internal readonly unsafe struct ModuloInt32 : IBinary<int, int, int>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(int* a, int* b, int* result, OpState state)
        => *b == 0 ? state.Fail(Integers.DivisionByZero) : Integers.Narrow((long)*a % *b, result, state);
}

internal readonly unsafe struct NegateInt32 : IUnary<int, int>
{
    public static Outcome Apply(int* a, int* result, OpState state) => Integers.Narrow(-(long)*a, result, state);
}

internal readonly unsafe struct AbsInt32 : IUnary<int, int>
{
    public static Outcome Apply(int* a, int* result, OpState state) => Integers.Narrow(*a < 0 ? -(long)*a : *a, result, state);
}

internal readonly unsafe struct AddInt64 : IBinary<long, long, long>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(long* a, long* b, long* result, OpState state)
    {
        var sum = unchecked(*a + *b);
        *result = sum;
        // The sum overflowed when its sign is neither operand's (Warren, Hacker's Delight, 2-13).
        return ((*a ^ sum) & (*b ^ sum)) < 0 ? state.OutOfRange() : Outcome.Value;
    }
}

internal readonly unsafe struct SubtractInt64 : IBinary<long, long, long>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(long* a, long* b, long* result, OpState state)
    {
        var difference = unchecked(*a - *b);
        *result = difference;
        return ((*a ^ *b) & (*a ^ difference)) < 0 ? state.OutOfRange() : Outcome.Value;
    }
}

internal readonly unsafe struct MultiplyInt64 : IBinary<long, long, long>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(long* a, long* b, long* result, OpState state)
    {
        var high = Math.BigMul(*a, *b, out var low);
        *result = low;
        return high == low >> 63 ? Outcome.Value : state.OutOfRange();
    }
}

internal readonly unsafe struct DivideInt64 : IBinary<long, long, long>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(long* a, long* b, long* result, OpState state)
    {
        if (*b == 0) return state.Fail(Integers.DivisionByZero);
        // The processor traps on the smallest number by -1.
        if (*b == -1) return Integers.Negate(*a, result, state);
        *result = *a / *b;
        return Outcome.Value;
    }
}

internal readonly unsafe struct ModuloInt64 : IBinary<long, long, long>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(long* a, long* b, long* result, OpState state)
    {
        if (*b == 0) return state.Fail(Integers.DivisionByZero);
        *result = *b == -1 ? 0 : *a % *b;
        return Outcome.Value;
    }
}

internal readonly unsafe struct NegateInt64 : IUnary<long, long>
{
    public static Outcome Apply(long* a, long* result, OpState state) => Integers.Negate(*a, result, state);
}

internal readonly unsafe struct AbsInt64 : IUnary<long, long>
{
    public static Outcome Apply(long* a, long* result, OpState state)
    {
        if (*a < 0) return Integers.Negate(*a, result, state);
        *result = *a;
        return Outcome.Value;
    }
}

internal static unsafe class Integers
{
    public const string DivisionByZero = "division by zero";

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Narrow(long value, int* result, OpState state)
    {
        *result = (int)value;
        return (int)value == value ? Outcome.Value : state.OutOfRange();
    }

    public static Outcome Negate(long value, long* result, OpState state)
    {
        *result = unchecked(-value);
        return value == long.MinValue ? state.OutOfRange() : Outcome.Value;
    }
}
