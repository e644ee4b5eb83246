using System.Runtime.CompilerServices;
using StreamEngine.Compute.Evaluation;

namespace StreamEngine.Compute.Functions;

/// <summary>PostgreSQL's rules for results of doubles (src/include/utils/float.h): infinity out of finite operands is an overflow, zero out of others than zero an
/// underflow, both errors.</summary>
internal static unsafe class Doubles
{
    public const string Overflow = "DOUBLE out of range: overflow";
    public const string Underflow = "DOUBLE out of range: underflow";

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Checked(double value, bool finite, double* result, OpState state)
    {
        *result = value;
        return double.IsInfinity(value) && finite ? state.Fail(Overflow) : Outcome.Value;
    }
}

internal readonly unsafe struct AddFloat64 : IBinary<double, double, double>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(double* a, double* b, double* result, OpState state)
        => Doubles.Checked(*a + *b, double.IsFinite(*a) && double.IsFinite(*b), result, state);
}

internal readonly unsafe struct SubtractFloat64 : IBinary<double, double, double>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(double* a, double* b, double* result, OpState state)
        => Doubles.Checked(*a - *b, double.IsFinite(*a) && double.IsFinite(*b), result, state);
}

internal readonly unsafe struct MultiplyFloat64 : IBinary<double, double, double>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(double* a, double* b, double* result, OpState state)
    {
        var product = *a * *b;
        if (product == 0 && *a != 0 && *b != 0) return state.Fail(Doubles.Underflow);
        return Doubles.Checked(product, double.IsFinite(*a) && double.IsFinite(*b), result, state);
    }
}

internal readonly unsafe struct DivideFloat64 : IBinary<double, double, double>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(double* a, double* b, double* result, OpState state)
    {
        if (*b == 0) return double.IsNaN(*a) ? NotANumber(result) : state.Fail(Integers.DivisionByZero);
        var quotient = *a / *b;
        if (quotient == 0 && *a != 0 && !double.IsInfinity(*b)) return state.Fail(Doubles.Underflow);
        return Doubles.Checked(quotient, double.IsFinite(*a), result, state);
    }

    private static Outcome NotANumber(double* result)
    {
        *result = double.NaN;
        return Outcome.Value;
    }
}

internal readonly unsafe struct NegateFloat64 : IUnary<double, double>
{
    public static Outcome Apply(double* a, double* result, OpState state)
    {
        *result = -*a;
        return Outcome.Value;
    }
}
