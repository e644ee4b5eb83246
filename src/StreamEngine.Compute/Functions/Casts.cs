using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using K = StreamEngine.Core.TypeKind;

namespace StreamEngine.Compute.Functions;

/// <summary>A conversion that gives null where it fails.</summary>
internal readonly unsafe struct Tried<TA, TR, TOp> : IUnary<TA, TR>
    where TA : unmanaged
    where TR : unmanaged
    where TOp : struct, IUnary<TA, TR>
{
    public static Outcome Apply(TA* a, TR* result, OpState state) => TOp.Apply(a, result, state) == Outcome.Value ? Outcome.Value : Outcome.Null;
}

/// <summary>The conversions of CAST, one line each.</summary>
internal static class Casts
{
    private delegate EvalNode Factory(EvalNode operand, DataType type, OpState state, bool isTry);

    private static readonly Dictionary<(K From, K To), Factory> All = new()
    {
        [(K.Int32, K.Int64)] = Of<int, long, Int32ToInt64>(),
        [(K.Int32, K.Decimal)] = Of<int, Int128, Int32ToDecimal>(),
        [(K.Int32, K.Float64)] = Of<int, double, Int32ToFloat64>(),
        [(K.Int32, K.Boolean)] = Of<int, byte, Int32ToBoolean>(),
        [(K.Int32, K.Utf8)] = Of<int, Utf8View, Int32ToText>(),
        [(K.Int64, K.Int32)] = Of<long, int, Int64ToInt32>(),
        [(K.Int64, K.Decimal)] = Of<long, Int128, Int64ToDecimal>(),
        [(K.Int64, K.Float64)] = Of<long, double, Int64ToFloat64>(),
        [(K.Int64, K.Utf8)] = Of<long, Utf8View, Int64ToText>(),
        [(K.Decimal, K.Int32)] = Of<Int128, int, DecimalToInt32>(),
        [(K.Decimal, K.Int64)] = Of<Int128, long, DecimalToInt64>(),
        [(K.Decimal, K.Decimal)] = Of<Int128, Int128, RescaleDecimal>(),
        [(K.Decimal, K.Float64)] = Of<Int128, double, DecimalToFloat64>(),
        [(K.Decimal, K.Utf8)] = Of<Int128, Utf8View, DecimalToText>(),
        [(K.Float64, K.Int32)] = Of<double, int, Float64ToInt32>(),
        [(K.Float64, K.Int64)] = Of<double, long, Float64ToInt64>(),
        [(K.Float64, K.Decimal)] = Of<double, Int128, Float64ToDecimal>(),
        [(K.Float64, K.Utf8)] = Of<double, Utf8View, Float64ToText>(),
        [(K.Boolean, K.Int32)] = Of<byte, int, BooleanToInt32>(),
        [(K.Boolean, K.Utf8)] = Of<byte, Utf8View, BooleanToText>(),
        [(K.Date, K.Timestamp)] = Of<int, long, DateToTimestamp>(),
        [(K.Date, K.Utf8)] = Of<int, Utf8View, DateToText>(),
        [(K.Timestamp, K.Date)] = Of<long, int, TimestampToDate>(),
        [(K.Timestamp, K.Utf8)] = Of<long, Utf8View, TimestampToText>(),
        [(K.Interval, K.Utf8)] = Of<Interval, Utf8View, IntervalToText>(),
        [(K.Binary, K.Utf8)] = Of<Utf8View, Utf8View, BinaryToText>(),
        [(K.Utf8, K.Binary)] = Of<Utf8View, Utf8View, Same<Utf8View>>(),
        [(K.Utf8, K.Boolean)] = Of<Utf8View, byte, TextToBoolean>(),
        [(K.Utf8, K.Int32)] = Of<Utf8View, int, TextToInt32>(),
        [(K.Utf8, K.Int64)] = Of<Utf8View, long, TextToInt64>(),
        [(K.Utf8, K.Decimal)] = Of<Utf8View, Int128, TextToDecimal>(),
        [(K.Utf8, K.Float64)] = Of<Utf8View, double, TextToFloat64>(),
        [(K.Utf8, K.Date)] = Of<Utf8View, int, TextToDate>(),
        [(K.Utf8, K.Timestamp)] = Of<Utf8View, long, TextToTimestamp>(),
        [(K.Utf8, K.Interval)] = Of<Utf8View, Interval, TextToInterval>(),
    };

    public static bool Exists(DataType from, DataType to) => from.Kind == K.Null || from.Equals(to) || All.ContainsKey((from.Kind, to.Kind));

    /// <summary>A node that converts; with <paramref name="isTry"/> null where it fails.</summary>
    public static EvalNode Create(EvalNode operand, DataType type, bool isTry, string text)
    {
        if (operand.Type.Kind == K.Null) return new ConstantNode(Constant.Null(type));
        if (operand.Type.Equals(type)) return operand;
        var state = new OpState(text) { Type = type, Precision = type.Precision, Scale = type.Scale, ScaleA = operand.Type.Scale };
        return All[(operand.Type.Kind, type.Kind)](operand, type, state, isTry);
    }

    private static Factory Of<TA, TR, TOp>()
        where TA : unmanaged
        where TR : unmanaged
        where TOp : struct, IUnary<TA, TR>
        => (operand, type, state, isTry) => isTry ? new UnaryNode<TA, TR, Tried<TA, TR, TOp>>(operand, type, state) : new UnaryNode<TA, TR, TOp>(operand, type, state);
}
