using System.Runtime.CompilerServices;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>A function of a double. <see cref="Check"/> gives the reason why there is no value, or null.</summary>
internal interface IDoubleFn
{
    static abstract double Of(double x);

    static virtual string? Check(double x) => null;
}

internal readonly unsafe struct DoubleOp<TFn> : IUnary<double, double>
    where TFn : struct, IDoubleFn
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(double* a, double* result, OpState state)
    {
        if (TFn.Check(*a) is { } reason) return state.Fail(reason);
        var value = TFn.Of(*a);
        if (double.IsNaN(value) && !double.IsNaN(*a)) return state.Fail("input out of range");
        return Doubles.Checked(value, double.IsFinite(*a), result, state);
    }
}

internal readonly struct AbsFn : IDoubleFn
{
    public static double Of(double x) => Math.Abs(x);
}

internal readonly struct SignFn : IDoubleFn
{
    public static double Of(double x) => x > 0 ? 1 : x < 0 ? -1 : double.IsNaN(x) ? x : 0;
}

internal readonly struct RoundFn : IDoubleFn
{
    public static double Of(double x) => Math.Round(x, MidpointRounding.ToEven);
}

internal readonly struct RoundAwayFn : IDoubleFn
{
    public static double Of(double x) => Math.Round(x, MidpointRounding.AwayFromZero);
}

internal readonly struct TruncateFn : IDoubleFn
{
    public static double Of(double x) => Math.Truncate(x);
}

internal readonly struct FloorFn : IDoubleFn
{
    public static double Of(double x) => Math.Floor(x);
}

internal readonly struct CeilingFn : IDoubleFn
{
    public static double Of(double x) => Math.Ceiling(x);
}

internal readonly struct SqrtFn : IDoubleFn
{
    public static double Of(double x) => Math.Sqrt(x);

    public static string? Check(double x) => x < 0 ? "square root of a negative number" : null;
}

internal readonly struct CbrtFn : IDoubleFn
{
    /// <summary>Exact where the root is a whole number, which the library's may miss by its last bit.</summary>
    public static double Of(double x)
    {
        var root = Math.Cbrt(x);
        var whole = Math.Round(root);
        return whole * whole * whole == x ? whole : root;
    }
}

internal readonly struct ExpFn : IDoubleFn
{
    public static double Of(double x) => Math.Exp(x);

    public static string? Check(double x) => x < -745.2 && !double.IsInfinity(x) ? Doubles.Underflow : null;
}

internal readonly struct LnFn : IDoubleFn
{
    public static double Of(double x) => Math.Log(x);

    public static string? Check(double x) => Logarithms.Check(x);
}

internal readonly struct Log10Fn : IDoubleFn
{
    public static double Of(double x) => Math.Log10(x);

    public static string? Check(double x) => Logarithms.Check(x);
}

internal static class Logarithms
{
    public static string? Check(double x) => x == 0 ? "logarithm of zero" : x < 0 ? "logarithm of a negative number" : null;
}

internal readonly struct DegreesFn : IDoubleFn
{
    public static double Of(double x) => x / (Math.PI / 180);
}

internal readonly struct RadiansFn : IDoubleFn
{
    public static double Of(double x) => x * (Math.PI / 180);
}

internal readonly struct SinFn : IDoubleFn
{
    public static double Of(double x) => Math.Sin(x);
}

internal readonly struct CosFn : IDoubleFn
{
    public static double Of(double x) => Math.Cos(x);
}

internal readonly struct TanFn : IDoubleFn
{
    public static double Of(double x) => Math.Tan(x);
}

/// <summary>At zero it is infinite, as in PostgreSQL.</summary>
internal readonly struct CotFn : IDoubleFn
{
    public static double Of(double x) => 1 / Math.Tan(x);

    public static string? Check(double x) => x == 0 ? Doubles.Overflow : null;
}

internal readonly struct AsinFn : IDoubleFn
{
    public static double Of(double x) => Math.Asin(x);
}

internal readonly struct AcosFn : IDoubleFn
{
    public static double Of(double x) => Math.Acos(x);
}

internal readonly struct AtanFn : IDoubleFn
{
    public static double Of(double x) => Math.Atan(x);
}

internal readonly unsafe struct Atan2Op : IBinary<double, double, double>
{
    public static Outcome Apply(double* a, double* b, double* result, OpState state)
    {
        *result = Math.Atan2(*a, *b);
        return Outcome.Value;
    }
}

/// <summary>PostgreSQL's dpow: no complex results, no infinity out of zero.</summary>
internal readonly unsafe struct PowerOp : IBinary<double, double, double>
{
    public static Outcome Apply(double* a, double* b, double* result, OpState state)
    {
        if (*a == 0 && *b < 0) return state.Fail("zero to a negative power");
        if (*a < 0 && double.IsFinite(*a) && double.IsFinite(*b) && Math.Floor(*b) != *b) return state.Fail("a negative number to a power that is not whole");
        var value = Math.Pow(*a, *b);
        if (value == 0 && *a != 0 && double.IsFinite(*a) && double.IsFinite(*b)) return state.Fail(Doubles.Underflow);
        return Doubles.Checked(value, double.IsFinite(*a) && double.IsFinite(*b), result, state);
    }
}

internal readonly unsafe struct LogOp : IBinary<double, double, double>
{
    public static Outcome Apply(double* a, double* b, double* result, OpState state)
    {
        if ((Logarithms.Check(*a) ?? Logarithms.Check(*b)) is { } reason) return state.Fail(reason);
        if (*a == 1) return state.Fail(Integers.DivisionByZero);
        var value = Math.Log(*b) / Math.Log(*a);
        // A whole power of the base has a whole logarithm, which the quotient may miss by its last bit.
        var whole = Math.Round(value);
        *result = Math.Abs(value - whole) < 1e-9 && Math.Pow(*a, whole) == *b ? whole : value;
        return Outcome.Value;
    }
}

/// <summary>To so many digits after the point, half away from zero; before it for a negative number.</summary>
internal readonly unsafe struct RoundDigits : IBinary<double, int, double>
{
    public static Outcome Apply(double* a, int* b, double* result, OpState state)
    {
        *result = Digits.Apply<RoundAwayFn>(*a, *b);
        return Outcome.Value;
    }
}

internal readonly unsafe struct TruncateDigits : IBinary<double, int, double>
{
    public static Outcome Apply(double* a, int* b, double* result, OpState state)
    {
        *result = Digits.Apply<TruncateFn>(*a, *b);
        return Outcome.Value;
    }
}

internal static class Digits
{
    public static double Apply<TFn>(double value, int digits)
        where TFn : struct, IDoubleFn
    {
        if (!double.IsFinite(value) || digits > 300) return value;
        if (digits < -308) return 0;
        if (digits < 0)
        {
            var unit = Math.Pow(10, -digits);
            return TFn.Of(value / unit) * unit;
        }
        var factor = Math.Pow(10, digits);
        var scaled = value * factor;
        // Beyond 2^52 a double has no digits after the point to round.
        return Math.Abs(scaled) < 1L << 52 ? TFn.Of(scaled) / factor : value;
    }
}

internal readonly unsafe struct SignInt32 : IUnary<int, int>
{
    public static Outcome Apply(int* a, int* result, OpState state)
    {
        *result = Math.Sign(*a);
        return Outcome.Value;
    }
}

internal readonly unsafe struct SignInt64 : IUnary<long, long>
{
    public static Outcome Apply(long* a, long* result, OpState state)
    {
        *result = Math.Sign(*a);
        return Outcome.Value;
    }
}

/// <summary>Applies a rounding of decimals with the digits of the row.</summary>
internal readonly unsafe struct ToDigits<TOp> : IBinary<Int128, int, Int128>
    where TOp : struct, IUnary<Int128, Int128>
{
    public static Outcome Apply(Int128* a, int* b, Int128* result, OpState state)
    {
        state.Digits = Math.Clamp(*b, -DataType.MaxPrecision, state.ScaleA);
        return TOp.Apply(a, result, state);
    }
}

/// <summary>Rounds half away from zero to <see cref="OpState.Digits"/> digits, then to the scale of the result.</summary>
internal readonly unsafe struct RoundDecimal : IUnary<Int128, Int128>
{
    public static Outcome Apply(Int128* a, Int128* result, OpState state)
    {
        DecimalText.TryRescale(*a, state.ScaleA, state.Digits, out var rounded);
        return DecimalDigits.Finish(rounded, result, state);
    }
}

internal readonly unsafe struct TruncateDecimal : IUnary<Int128, Int128>
{
    public static Outcome Apply(Int128* a, Int128* result, OpState state) => DecimalDigits.Finish(DecimalDigits.Truncate(*a, state, out _), result, state);
}

internal readonly unsafe struct FloorDecimal : IUnary<Int128, Int128>
{
    public static Outcome Apply(Int128* a, Int128* result, OpState state)
    {
        var whole = DecimalDigits.Truncate(*a, state, out var rest);
        return DecimalDigits.Finish(rest < 0 ? whole - 1 : whole, result, state);
    }
}

internal readonly unsafe struct CeilingDecimal : IUnary<Int128, Int128>
{
    public static Outcome Apply(Int128* a, Int128* result, OpState state)
    {
        var whole = DecimalDigits.Truncate(*a, state, out var rest);
        return DecimalDigits.Finish(rest > 0 ? whole + 1 : whole, result, state);
    }
}

internal static unsafe class DecimalDigits
{
    public static Int128 Truncate(Int128 value, OpState state, out Int128 rest)
    {
        var drop = state.ScaleA - state.Digits;
        rest = value;
        if (drop > DataType.MaxPrecision) return 0;
        (var whole, rest) = Int128.DivRem(value, DecimalText.Pow10(drop));
        return whole;
    }

    public static Outcome Finish(Int128 value, Int128* result, OpState state)
        => DecimalText.TryRescale(value, state.Digits, state.Scale, out var scaled) ? Decimals.Checked(scaled, result, state) : state.OutOfRange();
}
