using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>Functions of numbers. Those of PostgreSQL that have a form for numeric beside double precision are DOUBLE here where they are not exact.</summary>
internal static class MathFunctions
{
    public static IReadOnlyList<FunctionDefinition> All { get; } =
    [
        new("abs", "The number without its sign.", "abs(-3)", "3",
            () => [Define.Unary<int, int, AbsInt32>(TypeKind.Int32, DataType.Int32),
            Define.Unary<long, long, AbsInt64>(TypeKind.Int64, DataType.Int64),
            Define.Unary<Int128, Int128, AbsDecimal>(TypeKind.Decimal, s => s.Types[0]),
            Double<AbsFn>()]),
        new("sign", "-1, 0 or 1.", "sign(-2.5)", "-1",
            () => [Define.Unary<int, int, SignInt32>(TypeKind.Int32, DataType.Int32),
            Define.Unary<long, long, SignInt64>(TypeKind.Int64, DataType.Int64),
            Define.Unary<Int128, Int128, SignDecimal>(TypeKind.Decimal, DataType.Decimal(1, 0)),
            Double<SignFn>()]),
        new("round", "Rounded to whole numbers, or to so many digits after the point: DECIMAL half away from zero, DOUBLE to whole numbers half to even.",
            "round(2.345, 2)", "2.35",
            () => [.. Whole<RoundDecimal, RoundFn>(1), DecimalDigits<RoundDecimal>(1), Define.Binary<double, int, double,
                RoundDigits>(TypeKind.Float64, TypeKind.Int32, DataType.Float64)]),
        new("trunc", "Cut towards zero to whole numbers, or to so many digits after the point.", "trunc(-2.59, 1)", "-2.5",
            () => [.. Whole<TruncateDecimal, TruncateFn>(0), DecimalDigits<TruncateDecimal>(0), Define.Binary<double, int, double,
                TruncateDigits>(TypeKind.Float64, TypeKind.Int32, DataType.Float64)]),
        new("floor", "The next whole number below.", "floor(-2.5)", "-3", () => Whole<FloorDecimal, FloorFn>(1)),
        new("ceil", "The next whole number above.", "ceil(-2.5)", "-2", () => Whole<CeilingDecimal, CeilingFn>(1)) { Aliases = ["ceiling"] },
        new("mod", "The remainder, with the sign of the dividend.", "mod(-7, 3)", "-1", () => ArithmeticFunctions.Modulo()),
        new("power", "The first number to the power of the second.", "power(2, 10)", "1024", () => [Define.Binary<double, double, double,
            PowerOp>(TypeKind.Float64, TypeKind.Float64, DataType.Float64)]) { Aliases = ["pow"] },
        new("sqrt", "The square root; fails below zero.", "sqrt(2.25)", "1.5", () => [Double<SqrtFn>()]),
        new("cbrt", "The cube root.", "cbrt(27)", "3", () => [Double<CbrtFn>()]),
        new("exp", "e to the power of the number.", "exp(0)", "1", () => [Double<ExpFn>()]),
        new("ln", "The natural logarithm; fails at zero and below.", "ln(1)", "0", () => [Double<LnFn>()]),
        new("log", "The logarithm to base 10, or to the base that comes first.", "log(2, 8)", "3",
            () => [Double<Log10Fn>(), Define.Binary<double, double, double, LogOp>(TypeKind.Float64, TypeKind.Float64, DataType.Float64)]) { Aliases = ["log10"] },
        new("pi", "The ratio of a circle's circumference to its diameter.", "pi()", "3.141592653589793",
            () => [new Overload([], _ => DataType.Float64, _ => new ConstantNode(Constant.Of(DataType.Float64, Math.PI)))]),
        new("degrees", "Radians as degrees.", "degrees(pi())", "180", () => [Double<DegreesFn>()]),
        new("radians", "Degrees as radians.", "radians(180)", "3.141592653589793", () => [Double<RadiansFn>()]),
        new("sin", "The sine, of radians.", "sin(0)", "0", () => [Double<SinFn>()]),
        new("cos", "The cosine, of radians.", "cos(0)", "1", () => [Double<CosFn>()]),
        new("tan", "The tangent, of radians.", "tan(0)", "0", () => [Double<TanFn>()]),
        new("cot", "The cotangent, of radians.", "round(cot(1), 6)", "0.642093", () => [Double<CotFn>()]),
        new("asin", "The angle of a sine, in radians.", "asin(0)", "0", () => [Double<AsinFn>()]),
        new("acos", "The angle of a cosine, in radians.", "acos(1)", "0", () => [Double<AcosFn>()]),
        new("atan", "The angle of a tangent, in radians.", "atan(0)", "0", () => [Double<AtanFn>()]),
        new("atan2", "The angle of y / x, in radians.", "atan2(0, 1)", "0", () => [Define.Binary<double, double, double,
            Atan2Op>(TypeKind.Float64, TypeKind.Float64, DataType.Float64)]),
    ];

    private static Overload Double<TFn>() where TFn : struct, IDoubleFn => Define.Unary<double, double, DoubleOp<TFn>>(TypeKind.Float64, DataType.Float64);

    /// <summary>To whole numbers: integers are already; a DECIMAL keeps its whole digits, and one more where it may round up.</summary>
    private static Overload[] Whole<TDecimal, TFn>(int carry)
        where TDecimal : struct, IUnary<Int128, Int128>
        where TFn : struct, IDoubleFn =>
    [
        Define.Unary<int, int, Same<int>>(TypeKind.Int32, DataType.Int32),
        Define.Unary<long, long, Same<long>>(TypeKind.Int64, DataType.Int64),
        Define.Unary<Int128, Int128, TDecimal>(TypeKind.Decimal, s => TypeRules.Decimal(s.Types[0].Precision - s.Types[0].Scale + carry, 0)),
        Double<TFn>(),
    ];

    /// <summary>To so many digits: a known number of digits is the scale of the result.</summary>
    private static Overload DecimalDigits<TOp>(int carry) where TOp : struct, IUnary<Int128, Int128>
        => Define.Binary<Int128, int, Int128, ToDigits<TOp>>(TypeKind.Decimal, TypeKind.Int32, site =>
        {
            var scale = site.Arguments[1] is BoundConstant { Value.IsNull: false } digits ? Math.Clamp(digits.Value.As<int>(), 0, site.Types[0].Scale)
                : site.Types[0].Scale;
            return TypeRules.Decimal(site.Types[0].Precision - site.Types[0].Scale + carry, scale);
        });
}
