using System.Runtime.CompilerServices;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>The order of a type's values: negative, zero or positive.</summary>
internal unsafe interface IOrder<T>
    where T : unmanaged
{
    static abstract int Compare(T* a, T* b);
}

internal readonly unsafe struct ByteOrder : IOrder<byte>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Compare(byte* a, byte* b) => *a - *b;
}

internal readonly unsafe struct Int32Order : IOrder<int>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Compare(int* a, int* b) => (*a > *b ? 1 : 0) - (*a < *b ? 1 : 0);
}

internal readonly unsafe struct Int64Order : IOrder<long>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Compare(long* a, long* b) => (*a > *b ? 1 : 0) - (*a < *b ? 1 : 0);
}

/// <summary>PostgreSQL's order of doubles: NaN equals NaN and is greater than everything else; -0 equals 0.</summary>
internal readonly unsafe struct Float64Order : IOrder<double>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Compare(double* a, double* b)
    {
        if (*a > *b) return 1;
        if (*a < *b) return -1;
        return *a == *b ? 0 : (double.IsNaN(*a) ? 1 : 0) - (double.IsNaN(*b) ? 1 : 0);
    }
}

/// <summary>Decimals of one scale.</summary>
internal readonly unsafe struct DecimalOrder : IOrder<Int128>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Compare(Int128* a, Int128* b) => (*a > *b ? 1 : 0) - (*a < *b ? 1 : 0);
}

/// <summary>By bytes: for UTF-8 the order by code point (collation C).</summary>
internal readonly unsafe struct TextOrder : IOrder<Utf8View>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Compare(Utf8View* a, Utf8View* b) => Utf8View.Compare(a, b);
}

/// <summary>By length, where a month counts as 30 days and a day as 24 hours (PostgreSQL's interval_cmp).</summary>
internal readonly unsafe struct IntervalOrder : IOrder<Interval>
{
    public static int Compare(Interval* a, Interval* b)
    {
        var x = Length(*a);
        var y = Length(*b);
        return (x > y ? 1 : 0) - (x < y ? 1 : 0);
    }

    private static Int128 Length(Interval i) => ((Int128)i.Months * 30 + i.Days) * Calendar.MicrosPerDay + i.Microseconds;
}
