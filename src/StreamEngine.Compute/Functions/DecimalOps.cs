using System.Runtime.CompilerServices;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>Exact arithmetic on 128-bit scaled integers. Every intermediate is checked: what does not fit the result's digits is a fault.</summary>
internal static unsafe class Decimals
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Checked(Int128 value, Int128* result, OpState state)
    {
        *result = value;
        return DecimalText.Fits(value, state.Precision) ? Outcome.Value : state.OutOfRange();
    }

    /// <summary>The product; false when it is beyond 38 digits.</summary>
    public static bool TryMultiply(Int128 a, Int128 b, out Int128 product)
    {
        // Both within 63 bits: the product is within 126.
        if ((long)a == a && (long)b == b)
        {
            product = a * b;
            return true;
        }
        product = 0;
        if (a == 0 || b == 0) return true;
        var limit = (DecimalText.Pow10(38) - 1) / Int128.Abs(b);
        if (Int128.Abs(a) > limit) return false;
        product = a * b;
        return true;
    }

    /// <summary>a * 10^shift / b, rounded half away from zero; false beyond 38 digits. Long division, a decimal digit at a time where 128 bits do not hold the shifted
    /// dividend.</summary>
    public static bool TryDivide(Int128 a, Int128 b, int shift, out Int128 quotient)
    {
        var negative = a < 0 != b < 0;
        var dividend = (UInt128)Int128.Abs(a);
        var divisor = (UInt128)Int128.Abs(b);
        UInt128 whole, rest;
        if (shift <= 38 && TryMultiply((Int128)dividend, DecimalText.Pow10(shift), out var shifted)) (whole, rest) = UInt128.DivRem((UInt128)shifted, divisor);
        else
        {
            (whole, rest) = UInt128.DivRem(dividend, divisor);
            var limit = (UInt128)DecimalText.Pow10(37);
            for (var i = 0; i < shift; i++)
            {
                quotient = 0;
                if (whole >= limit) return false;
                whole = whole * 10 + NextDigit(ref rest, divisor);
            }
        }
        if (rest >= divisor - rest) whole++;
        quotient = 0;
        if (whole >= (UInt128)DecimalText.Pow10(38)) return false;
        quotient = negative ? -(Int128)whole : (Int128)whole;
        return true;
    }

    /// <summary>The digit 10 * rest / divisor. 10 * rest may exceed 128 bits; doubling and adding it bit by bit (10 is 1010), reduced each time, stays below three
    /// divisors.</summary>
    private static uint NextDigit(ref UInt128 rest, UInt128 divisor)
    {
        UInt128 sum = 0;
        uint digit = 0;
        for (var bit = 3; bit >= 0; bit--)
        {
            sum = sum * 2 + ((10 >> bit & 1) != 0 ? rest : UInt128.Zero);
            digit *= 2;
            while (sum >= divisor)
            {
                sum -= divisor;
                digit++;
            }
        }
        rest = sum;
        return digit;
    }
}

internal readonly unsafe struct AddDecimal : IBinary<Int128, Int128, Int128>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(Int128* a, Int128* b, Int128* result, OpState state)
    {
        if (!DecimalText.TryRescale(*a, state.ScaleA, state.Scale, out var x)
            || !DecimalText.TryRescale(*b, state.ScaleB, state.Scale, out var y)) return state.OutOfRange();
        // Each is within 128 bits; the sum of two numbers of different sign always is, of equal sign it is checked.
        var sum = unchecked(x + y);
        if (x < 0 == y < 0 && sum < 0 != x < 0) return state.OutOfRange();
        return Decimals.Checked(sum, result, state);
    }
}

internal readonly unsafe struct SubtractDecimal : IBinary<Int128, Int128, Int128>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(Int128* a, Int128* b, Int128* result, OpState state)
    {
        var negated = -*b;
        return AddDecimal.Apply(a, &negated, result, state);
    }
}

internal readonly unsafe struct MultiplyDecimal : IBinary<Int128, Int128, Int128>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(Int128* a, Int128* b, Int128* result, OpState state)
        => Decimals.TryMultiply(*a, *b, out var product) ? Decimals.Checked(product, result, state) : state.OutOfRange();
}

internal readonly unsafe struct DivideDecimal : IBinary<Int128, Int128, Int128>
{
    public static Outcome Apply(Int128* a, Int128* b, Int128* result, OpState state)
    {
        if (*b == 0) return state.Fail(Integers.DivisionByZero);
        // The quotient of the scaled integers has the scale a - b.
        var shift = state.Scale - state.ScaleA + state.ScaleB;
        if (!Decimals.TryDivide(*a, *b, shift, out var quotient)) return state.OutOfRange();
        return Decimals.Checked(quotient, result, state);
    }
}

internal readonly unsafe struct ModuloDecimal : IBinary<Int128, Int128, Int128>
{
    public static Outcome Apply(Int128* a, Int128* b, Int128* result, OpState state)
    {
        if (*b == 0) return state.Fail(Integers.DivisionByZero);
        if (!DecimalText.TryRescale(*a, state.ScaleA, state.Scale, out var x)
            || !DecimalText.TryRescale(*b, state.ScaleB, state.Scale, out var y)) return state.OutOfRange();
        return Decimals.Checked(x % y, result, state);
    }
}

internal readonly unsafe struct NegateDecimal : IUnary<Int128, Int128>
{
    public static Outcome Apply(Int128* a, Int128* result, OpState state)
    {
        *result = -*a;
        return Outcome.Value;
    }
}

internal readonly unsafe struct AbsDecimal : IUnary<Int128, Int128>
{
    public static Outcome Apply(Int128* a, Int128* result, OpState state)
    {
        *result = Int128.Abs(*a);
        return Outcome.Value;
    }
}

internal readonly unsafe struct SignDecimal : IUnary<Int128, Int128>
{
    public static Outcome Apply(Int128* a, Int128* result, OpState state)
    {
        *result = Int128.Sign(*a);
        return Outcome.Value;
    }
}

/// <summary>Rounds to another scale, half away from zero.</summary>
internal readonly unsafe struct RescaleDecimal : IUnary<Int128, Int128>
{
    public static Outcome Apply(Int128* a, Int128* result, OpState state)
        => DecimalText.TryRescale(*a, state.ScaleA, state.Scale, out var value) ? Decimals.Checked(value, result, state) : state.OutOfRange();
}
