using System.Runtime.CompilerServices;
using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Compute.Functions;

/// <summary>What a comparison asks of the order.</summary>
internal interface ITest
{
    static abstract bool Holds(int order);
}

internal readonly struct IsEqual : ITest
{
    public static bool Holds(int order) => order == 0;
}

internal readonly struct IsNotEqual : ITest
{
    public static bool Holds(int order) => order != 0;
}

internal readonly struct IsLess : ITest
{
    public static bool Holds(int order) => order < 0;
}

internal readonly struct IsLessOrEqual : ITest
{
    public static bool Holds(int order) => order <= 0;
}

internal readonly struct IsGreater : ITest
{
    public static bool Holds(int order) => order > 0;
}

internal readonly struct IsGreaterOrEqual : ITest
{
    public static bool Holds(int order) => order >= 0;
}

internal readonly unsafe struct CompareOp<T, TOrder, TTest> : IBinary<T, T, byte>
    where T : unmanaged
    where TOrder : struct, IOrder<T>
    where TTest : struct, ITest
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(T* a, T* b, byte* result, OpState state)
    {
        *result = TTest.Holds(TOrder.Compare(a, b)) ? (byte)1 : (byte)0;
        return Outcome.Value;
    }
}

/// <summary>Equality of texts: two loads decide nearly always.</summary>
internal readonly unsafe struct TextEqualOp : IBinary<Utf8View, Utf8View, byte>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Outcome Apply(Utf8View* a, Utf8View* b, byte* result, OpState state)
    {
        *result = Utf8View.Equal(a, b) ? (byte)1 : (byte)0;
        return Outcome.Value;
    }
}

/// <summary>The comparison operators. The binder has brought both sides to one type.</summary>
internal static class ComparisonFunctions
{
    public static IReadOnlyList<FunctionDefinition> All { get; } =
    [
        new("=", "Equal.", "1 = 1.0", "true", () => [TextEqual(), .. Of<IsEqual>()]),
        new("<>", "Not equal; != is the same.", "'a' <> 'b'", "true", () => Of<IsNotEqual>()),
        new("<", "Less. Texts compare by code point; NaN is greater than every other DOUBLE.", "'Z' < 'a'", "true", () => Of<IsLess>()),
        new("<=", "Less or equal.", "2 <= 2", "true", () => Of<IsLessOrEqual>()),
        new(">", "Greater.", "DATE '2001-02-01' > '2001-01-31'", "true", () => Of<IsGreater>()),
        new(">=", "Greater or equal.", "1.5 >= 2", "false", () => Of<IsGreaterOrEqual>()),
        new("IS DISTINCT FROM", "Not equal, where nulls are equal to each other.", "NULL IS DISTINCT FROM 1", "true", () => Distinct(negated: false)),
        new("IS NOT DISTINCT FROM", "Equal, where nulls are equal to each other.", "NULL IS NOT DISTINCT FROM NULL", "true", () => Distinct(negated: true)),
        new("IN", "Equal to one of the values; null when it is to none and one of them is null.", "2 IN (1, 2, 3)", "true", () => In()),
    ];

    private static Overload TextEqual() => Define.Binary<Utf8View, Utf8View, byte, TextEqualOp>(TypeKind.Utf8, TypeKind.Utf8, DataType.Boolean);

    private static Overload[] Of<TTest>() where TTest : struct, ITest =>
    [
        One<int, Int32Order, TTest>(TypeKind.Int32),
        One<long, Int64Order, TTest>(TypeKind.Int64),
        One<Int128, DecimalOrder, TTest>(TypeKind.Decimal),
        One<double, Float64Order, TTest>(TypeKind.Float64),
        One<Utf8View, TextOrder, TTest>(TypeKind.Utf8),
        One<int, Int32Order, TTest>(TypeKind.Date),
        One<long, Int64Order, TTest>(TypeKind.Timestamp),
        One<byte, ByteOrder, TTest>(TypeKind.Boolean),
        One<Utf8View, TextOrder, TTest>(TypeKind.Binary),
        One<Interval, IntervalOrder, TTest>(TypeKind.Interval),
    ];

    private static Overload One<T, TOrder, TTest>(TypeKind kind)
        where T : unmanaged
        where TOrder : struct, IOrder<T>
        where TTest : struct, ITest
        => Define.Binary<T, T, byte, CompareOp<T, TOrder, TTest>>(kind, kind, DataType.Boolean);

    private static Overload[] Distinct(bool negated)
        => OrderedKinds.Select(kind => new Overload([kind, kind], _ => DataType.Boolean, site
        => ByOrder.Create(site.Arguments[0].Type.Kind, new DistinctMaker(site, negated)))
        {
            Strict = false,
            MayGiveNull = false,
        }).ToArray();

    private static Overload[] In()
        => OrderedKinds.Select(kind => new Overload([kind, kind], _ => DataType.Boolean, site => ByOrder.Create(site.Arguments[0].Type.Kind, new InMaker(site)))
        {
            IsVariadic = true,
            MayGiveNull = true,
        }).ToArray();

    /// <summary>All kinds that have an order.</summary>
    public static IReadOnlyList<TypeKind> OrderedKinds =>
    [
        TypeKind.Int32, TypeKind.Int64, TypeKind.Decimal, TypeKind.Float64, TypeKind.Utf8, TypeKind.Date, TypeKind.Timestamp, TypeKind.Boolean, TypeKind.Binary,
            TypeKind.Interval,
    ];

    private readonly struct DistinctMaker(CallSite site, bool negated) : IOrderedMaker<EvalNode>
    {
        public EvalNode Make<T, TOrder>()
            where T : unmanaged
            where TOrder : struct, IOrder<T>
            => new DistinctNode<T, TOrder>(site.Nodes[0], site.Nodes[1], negated);
    }

    private readonly struct InMaker(CallSite site) : IOrderedMaker<EvalNode>
    {
        public EvalNode Make<T, TOrder>()
            where T : unmanaged
            where TOrder : struct, IOrder<T>
            => new InNode<T, TOrder>(site.Nodes[0], [.. site.Arguments.Skip(1).Select(a => ((BoundConstant)a).Value)]);
    }
}

/// <summary>Makes something for a type with an order.</summary>
internal interface IOrderedMaker<TResult>
{
    TResult Make<T, TOrder>()
        where T : unmanaged
        where TOrder : struct, IOrder<T>;
}

/// <summary>Chooses the layout and order of a kind.</summary>
internal static class ByOrder
{
    public static TResult Create<TResult>(TypeKind kind, IOrderedMaker<TResult> maker) => kind switch
    {
        TypeKind.Boolean => maker.Make<byte, ByteOrder>(),
        TypeKind.Int32 or TypeKind.Date => maker.Make<int, Int32Order>(),
        TypeKind.Int64 or TypeKind.Timestamp => maker.Make<long, Int64Order>(),
        TypeKind.Float64 => maker.Make<double, Float64Order>(),
        TypeKind.Decimal => maker.Make<Int128, DecimalOrder>(),
        TypeKind.Interval => maker.Make<Interval, IntervalOrder>(),
        TypeKind.Utf8 or TypeKind.Binary or TypeKind.Null => maker.Make<Utf8View, TextOrder>(),
        _ => throw new InvalidOperationException($"{kind} has no order"),
    };
}
