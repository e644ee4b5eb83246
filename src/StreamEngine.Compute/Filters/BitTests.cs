using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamEngine.Compute.Filters;

/// <summary>A comparison of many values with one, for vectors and for the rest.</summary>
internal interface IBitTest<T>
    where T : unmanaged
{
    static abstract Vector512<T> Test(Vector512<T> values, Vector512<T> constant);

    static abstract bool Test(T value, T constant);
}

/// <summary>The comparisons of integers.</summary>
internal readonly struct BitEqual<T> : IBitTest<T>
    where T : unmanaged, INumber<T>
{
    public static Vector512<T> Test(Vector512<T> values, Vector512<T> constant) => Vector512.Equals(values, constant);

    public static bool Test(T value, T constant) => value == constant;
}

internal readonly struct BitNotEqual<T> : IBitTest<T>
    where T : unmanaged, INumber<T>
{
    public static Vector512<T> Test(Vector512<T> values, Vector512<T> constant) => ~Vector512.Equals(values, constant);

    public static bool Test(T value, T constant) => value != constant;
}

internal readonly struct BitLess<T> : IBitTest<T>
    where T : unmanaged, INumber<T>
{
    public static Vector512<T> Test(Vector512<T> values, Vector512<T> constant) => Vector512.LessThan(values, constant);

    public static bool Test(T value, T constant) => value < constant;
}

internal readonly struct BitLessOrEqual<T> : IBitTest<T>
    where T : unmanaged, INumber<T>
{
    public static Vector512<T> Test(Vector512<T> values, Vector512<T> constant) => Vector512.LessThanOrEqual(values, constant);

    public static bool Test(T value, T constant) => value <= constant;
}

/// <summary>For a DOUBLE that is not NaN this is "not less or equal": NaN is greater than everything, as in PostgreSQL. For integers it is the same as greater.</summary>
internal readonly struct BitGreater<T> : IBitTest<T>
    where T : unmanaged, INumber<T>
{
    public static Vector512<T> Test(Vector512<T> values, Vector512<T> constant) => ~Vector512.LessThanOrEqual(values, constant);

    public static bool Test(T value, T constant) => !(value <= constant);
}

internal readonly struct BitGreaterOrEqual<T> : IBitTest<T>
    where T : unmanaged, INumber<T>
{
    public static Vector512<T> Test(Vector512<T> values, Vector512<T> constant) => ~Vector512.LessThan(values, constant);

    public static bool Test(T value, T constant) => !(value < constant);
}

/// <summary>Kernels over bitmaps of rows: bit i, least significant first, is row i.</summary>
internal static unsafe class BitKernels
{
    /// <summary>One bit per value: 8 or 16 values to a vector, whose comparison is the bits themselves. Reads no value behind the last.</summary>
    public static void Compare<T, TTest>(T* values, T constant, int rows, byte* bits)
        where T : unmanaged
        where TTest : struct, IBitTest<T>
    {
        var all = Vector512.Create(constant);
        var lanes = Vector512<T>.Count;
        var row = 0;
        if (lanes == 8)
            for (; row <= rows - 8; row += 8) bits[row >> 3] = (byte)TTest.Test(Vector512.Load(values + row), all).ExtractMostSignificantBits();
        else
            for (; row <= rows - 16; row += 16) *(ushort*)(bits + (row >> 3)) = (ushort)TTest.Test(Vector512.Load(values + row), all).ExtractMostSignificantBits();
        for (; row < rows; row++)
        {
            if ((row & 7) == 0) bits[row >> 3] = 0;
            if (TTest.Test(values[row], constant)) bits[row >> 3] |= (byte)(1 << (row & 7));
        }
    }

    /// <summary>One bit per value: whether its masked bits are these.</summary>
    public static void CompareMasked<T>(T* values, T mask, T wanted, int rows, byte* bits)
        where T : unmanaged, IBinaryInteger<T>
    {
        var (masks, wants) = (Vector512.Create(mask), Vector512.Create(wanted));
        var row = 0;
        if (Vector512<T>.Count == 8)
            for (; row <= rows - 8; row += 8) bits[row >> 3] = (byte)Vector512.Equals(Vector512.Load(values + row) & masks, wants).ExtractMostSignificantBits();
        else
            for (; row <= rows - 16; row += 16) *(ushort*)(bits + (row >> 3)) = (ushort)Vector512.Equals(Vector512.Load(values + row) & masks,
                wants).ExtractMostSignificantBits();
        for (; row < rows; row++)
        {
            if ((row & 7) == 0) bits[row >> 3] = 0;
            if ((values[row] & mask) == wanted) bits[row >> 3] |= (byte)(1 << (row & 7));
        }
    }

    /// <summary>The rows of the bits that are set. A byte's rows are looked up and stored at once; <paramref name="into"/> has room for 8 more than there are
    /// rows.</summary>
    public static int ToSelection(byte* bits, int rows, ushort* into)
    {
        var table = Table;
        var count = 0;
        var bytes = (rows + 7) >> 3;
        var index = 0;
        var step = Vector128.Create((ushort)8);
        for (; index <= bytes - 8; index += 8)
        {
            var word = Unsafe.ReadUnaligned<ulong>(bits + index);
            if (word == 0) continue;
            var at = Vector128.Create((ushort)(index * 8));
            for (var k = 0; k < 8; k++)
            {
                var b = (byte)word;
                Vector128.Store(Vector128.Load(table + b * 8) + at, into + count);
                count += BitOperations.PopCount(b);
                word >>= 8;
                at += step;
            }
        }
        for (; index < bytes; index++)
        {
            var b = bits[index];
            Vector128.Store(Vector128.Load(table + b * 8) + Vector128.Create((ushort)(index * 8)), into + count);
            count += BitOperations.PopCount(b);
        }
        return count;
    }

    /// <summary>The rows of a selection whose bits are set.</summary>
    public static int Select(byte* bits, ushort* selection, int selected, ushort* into)
    {
        var count = 0;
        for (var i = 0; i < selected; i++)
        {
            var row = selection[i];
            into[count] = row;
            count += bits[row >> 3] >> (row & 7) & 1;
        }
        return count;
    }

    private static readonly ushort[] TableMemory = MakeTable();

    private static ushort* Table => (ushort*)Unsafe.AsPointer(ref TableMemory[0]);

    /// <summary>For each byte the positions of its bits, then zeros.</summary>
    private static ushort[] MakeTable()
    {
        var table = GC.AllocateArray<ushort>(256 * 8, pinned: true);
        for (var b = 0; b < 256; b++)
        {
            var n = 0;
            for (var bit = 0; bit < 8; bit++)
                if ((b >> bit & 1) != 0) table[b * 8 + n++] = (ushort)bit;
        }
        return table;
    }
}
