using System.Globalization;
using System.Runtime.CompilerServices;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

internal readonly unsafe struct Int32ToInt64 : IUnary<int, long>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(int* a, long* result, OpState state)
    {
        *result = *a;
        return Outcome.Value;
    }
}

internal readonly unsafe struct Int32ToFloat64 : IUnary<int, double>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(int* a, double* result, OpState state)
    {
        *result = *a;
        return Outcome.Value;
    }
}

internal readonly unsafe struct Int64ToFloat64 : IUnary<long, double>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(long* a, double* result, OpState state)
    {
        *result = *a;
        return Outcome.Value;
    }
}

internal readonly unsafe struct Int32ToBoolean : IUnary<int, byte>
{
    public static Outcome Apply(int* a, byte* result, OpState state)
    {
        *result = *a != 0 ? (byte)1 : (byte)0;
        return Outcome.Value;
    }
}

internal readonly unsafe struct BooleanToInt32 : IUnary<byte, int>
{
    public static Outcome Apply(byte* a, int* result, OpState state)
    {
        *result = *a;
        return Outcome.Value;
    }
}

internal readonly unsafe struct Int64ToInt32 : IUnary<long, int>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(long* a, int* result, OpState state) => Integers.Narrow(*a, result, state);
}

internal readonly unsafe struct Int32ToDecimal : IUnary<int, Int128>
{
    public static Outcome Apply(int* a, Int128* result, OpState state) => NumberCasts.Scale(*a, 0, result, state);
}

internal readonly unsafe struct Int64ToDecimal : IUnary<long, Int128>
{
    public static Outcome Apply(long* a, Int128* result, OpState state) => NumberCasts.Scale(*a, 0, result, state);
}

/// <summary>Rounds half away from zero.</summary>
internal readonly unsafe struct DecimalToInt32 : IUnary<Int128, int>
{
    public static Outcome Apply(Int128* a, int* result, OpState state)
    {
        DecimalText.TryRescale(*a, state.ScaleA, 0, out var value);
        *result = (int)value;
        return *result == value ? Outcome.Value : state.OutOfRange();
    }
}

/// <summary>Rounds half away from zero.</summary>
internal readonly unsafe struct DecimalToInt64 : IUnary<Int128, long>
{
    public static Outcome Apply(Int128* a, long* result, OpState state)
    {
        DecimalText.TryRescale(*a, state.ScaleA, 0, out var value);
        *result = (long)value;
        return *result == value ? Outcome.Value : state.OutOfRange();
    }
}

internal readonly unsafe struct DecimalToFloat64 : IUnary<Int128, double>
{
    public static Outcome Apply(Int128* a, double* result, OpState state)
    {
        *result = NumberCasts.ToDouble(*a, state.ScaleA);
        return Outcome.Value;
    }
}

/// <summary>Rounds half to even, as the processor and PostgreSQL do.</summary>
internal readonly unsafe struct Float64ToInt32 : IUnary<double, int>
{
    public static Outcome Apply(double* a, int* result, OpState state)
    {
        var value = Math.Round(*a, MidpointRounding.ToEven);
        if (!(value is >= int.MinValue and <= int.MaxValue)) return state.OutOfRange();
        *result = (int)value;
        return Outcome.Value;
    }
}

/// <summary>Rounds half to even.</summary>
internal readonly unsafe struct Float64ToInt64 : IUnary<double, long>
{
    public static Outcome Apply(double* a, long* result, OpState state)
    {
        var value = Math.Round(*a, MidpointRounding.ToEven);
        if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0)) return state.OutOfRange();
        *result = (long)value;
        return Outcome.Value;
    }
}

/// <summary>By its 15 significant digits, as PostgreSQL's float8_numeric: 0.1 is 0.1 and not the binary fraction behind it.</summary>
internal readonly unsafe struct Float64ToDecimal : IUnary<double, Int128>
{
    public static Outcome Apply(double* a, Int128* result, OpState state)
    {
        if (!double.IsFinite(*a)) return state.Fail($"{(double.IsNaN(*a) ? "NaN" : "Infinity")} is no {state.Type}");
        Span<byte> text = stackalloc byte[40];
        a->TryFormat(text, out var length, "E14", CultureInfo.InvariantCulture);
        return DecimalText.TryParse(text[..length], state.Precision, state.Scale, exact: false, out *result) ? Outcome.Value : state.OutOfRange();
    }
}

internal static unsafe class NumberCasts
{
    public static Outcome Scale(long value, int from, Int128* result, OpState state)
        => DecimalText.TryRescale(value, from, state.Scale, out var scaled) ? Decimals.Checked(scaled, result, state) : state.OutOfRange();

    /// <summary>The nearest double. Below 2^53 and 10^22 both numbers are exact and one division rounds once; else the text is parsed, which rounds once too.</summary>
    public static double ToDouble(Int128 value, int scale)
    {
        if (scale == 0 && (long)value == value) return (long)value;
        if (scale <= 22 && value <= 1L << 53 && value >= -(1L << 53)) return (double)(long)value / PowersOfTen[scale];
        Span<byte> text = stackalloc byte[48];
        var length = DecimalText.Format(value, scale, text);
        return double.Parse(text[..length], CultureInfo.InvariantCulture);
    }

    private static ReadOnlySpan<double> PowersOfTen
        => [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22];
}
