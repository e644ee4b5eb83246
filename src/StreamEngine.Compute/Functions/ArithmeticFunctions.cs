using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>+ - * / % and signs, on numbers, dates, timestamps and intervals. What leaves the range of its type is a fault, never wrapped.</summary>
internal static class ArithmeticFunctions
{
    private static readonly Func<ResultSite, DataType> SumType = s => TypeRules.Sum(s.Types[0], s.Types[1]);
    private static readonly Func<ResultSite, DataType> QuotientType = s => TypeRules.Quotient(s.Types[0], s.Types[1]);
    private static readonly Func<ResultSite, DataType> RemainderType = s => TypeRules.Remainder(s.Types[0], s.Types[1]);

    public static IReadOnlyList<FunctionDefinition> All { get; } =
    [
        new("+", "Sum; also of a date and days, of a time and an interval.", "1.25 + 2", "3.25",
            () => [Define.Same<int, AddInt32>(TypeKind.Int32, DataType.Int32),
            Define.Same<long, AddInt64>(TypeKind.Int64, DataType.Int64),
            Define.Binary<Int128, Int128, Int128, AddDecimal>(TypeKind.Decimal, TypeKind.Decimal, SumType),
            Define.Same<double, AddFloat64>(TypeKind.Float64, DataType.Float64),
            Define.Binary<long, Interval, long, AddInterval>(TypeKind.Timestamp, TypeKind.Interval, DataType.Timestamp),
            Define.Binary<Interval, long, long, Swapped<Interval, long, long, AddInterval>>(TypeKind.Interval, TypeKind.Timestamp, DataType.Timestamp),
            Define.Binary<int, int, int, AddDays>(TypeKind.Date, TypeKind.Int32, DataType.Date),
            Define.Binary<int, int, int, Swapped<int, int, int, AddDays>>(TypeKind.Int32, TypeKind.Date, DataType.Date),
            Define.Same<Interval, AddIntervals>(TypeKind.Interval, DataType.Interval)]),
        new("-", "Difference; of two timestamps an INTERVAL, of two dates the days.", "DATE '2001-03-01' - DATE '2001-02-01'", "28",
            () => [Define.Same<int, SubtractInt32>(TypeKind.Int32, DataType.Int32),
            Define.Same<long, SubtractInt64>(TypeKind.Int64, DataType.Int64),
            Define.Binary<Int128, Int128, Int128, SubtractDecimal>(TypeKind.Decimal, TypeKind.Decimal, SumType),
            Define.Same<double, SubtractFloat64>(TypeKind.Float64, DataType.Float64),
            Define.Binary<int, int, int, SubtractDates>(TypeKind.Date, TypeKind.Date, DataType.Int32),
            Define.Binary<long, long, Interval, SubtractTimestamps>(TypeKind.Timestamp, TypeKind.Timestamp, DataType.Interval),
            Define.Binary<long, Interval, long, SubtractInterval>(TypeKind.Timestamp, TypeKind.Interval, DataType.Timestamp),
            Define.Binary<int, int, int, SubtractDays>(TypeKind.Date, TypeKind.Int32, DataType.Date),
            Define.Same<Interval, SubtractIntervals>(TypeKind.Interval, DataType.Interval)]),
        new("*", "Product; of an interval and a number an interval.", "1.5 * 1.5", "2.25",
            () => [Define.Same<int, MultiplyInt32>(TypeKind.Int32, DataType.Int32),
            Define.Same<long, MultiplyInt64>(TypeKind.Int64, DataType.Int64),
            Define.Binary<Int128, Int128, Int128, MultiplyDecimal>(TypeKind.Decimal, TypeKind.Decimal, ProductType),
            Define.Same<double, MultiplyFloat64>(TypeKind.Float64, DataType.Float64),
            Define.Binary<Interval, double, Interval, MultiplyInterval>(TypeKind.Interval, TypeKind.Float64, DataType.Interval),
            Define.Binary<double, Interval, Interval, Swapped<double, Interval, Interval, MultiplyInterval>>(TypeKind.Float64, TypeKind.Interval, DataType.Interval)]),
        new("/", "Quotient: of integers cut towards zero, of decimals rounded.", "7 / 2", "3",
            () => [Define.Same<int, DivideInt32>(TypeKind.Int32, DataType.Int32),
            Define.Same<long, DivideInt64>(TypeKind.Int64, DataType.Int64),
            Define.Binary<Int128, Int128, Int128, DivideDecimal>(TypeKind.Decimal, TypeKind.Decimal, QuotientType),
            Define.Same<double, DivideFloat64>(TypeKind.Float64, DataType.Float64),
            Define.Binary<Interval, double, Interval, DivideInterval>(TypeKind.Interval, TypeKind.Float64, DataType.Interval)]),
        new("%", "Remainder, with the sign of the dividend.", "-7 % 3", "-1", () => Modulo()),
        new("negate", "The number with the other sign.", "-(1 + 1)", "-2",
            () => [Define.Unary<int, int, NegateInt32>(TypeKind.Int32, DataType.Int32),
            Define.Unary<long, long, NegateInt64>(TypeKind.Int64, DataType.Int64),
            Define.Unary<Int128, Int128, NegateDecimal>(TypeKind.Decimal, s => s.Types[0]),
            Define.Unary<double, double, NegateFloat64>(TypeKind.Float64, DataType.Float64),
            Define.Unary<Interval, Interval, NegateInterval>(TypeKind.Interval, DataType.Interval)]),
        new("plus", "The number as it is.", "+(1 + 1)", "2",
            () => [Define.Unary<int, int, Same<int>>(TypeKind.Int32, DataType.Int32),
            Define.Unary<long, long, Same<long>>(TypeKind.Int64, DataType.Int64),
            Define.Unary<Int128, Int128, Same<Int128>>(TypeKind.Decimal, s => s.Types[0]),
            Define.Unary<double, double, Same<double>>(TypeKind.Float64, DataType.Float64),
            Define.Unary<Interval, Interval, Same<Interval>>(TypeKind.Interval, DataType.Interval)]),
    ];

    /// <summary>The forms of %, which mod() shares.</summary>
    internal static Overload[] Modulo() =>
    [
        Define.Same<int, ModuloInt32>(TypeKind.Int32, DataType.Int32),
        Define.Same<long, ModuloInt64>(TypeKind.Int64, DataType.Int64),
        Define.Binary<Int128, Int128, Int128, ModuloDecimal>(TypeKind.Decimal, TypeKind.Decimal, RemainderType),
    ];

    private static DataType ProductType(ResultSite site)
        => TypeRules.Product(site.Types[0], site.Types[1]) ?? throw new SqlException(site.Span,
            $"{site.Types[0]} * {site.Types[1]} has {site.Types[0].Scale + site.Types[1].Scale} digits after the point, at most {DataType.MaxPrecision} fit",
                "reduce the scale of one with CAST(.. AS DECIMAL(p,s))");
}
