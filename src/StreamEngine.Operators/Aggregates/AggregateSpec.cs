using StreamEngine.Core;

namespace StreamEngine.Operators.Aggregates;

internal enum AggregateFunction : byte
{
    Count,
    Sum,
    Min,
    Max,
    Avg,
}

/// <summary>One aggregate of a query.</summary>
/// <param name="Name">The output column.</param>
/// <param name="Function">What it computes.</param>
/// <param name="Argument">The input column; -1 for count(*).</param>
/// <param name="ArgumentType">Its type; null for count(*).</param>
/// <param name="Distinct">Over the distinct values; of COUNT only.</param>
internal sealed record AggregateSpec(string Name, AggregateFunction Function, int Argument, DataType? ArgumentType, bool Distinct = false)
{
    /// <summary>The type of the result: sums never overflow where SQL can help it, averages of integers are exact quotients.</summary>
    public DataType Type { get; } = TypeOf(Function, ArgumentType) ?? throw new ArgumentException($"{Function} does not take {ArgumentType}");

    /// <summary>The result's type, or null where the function does not take the argument.</summary>
    public static DataType? TypeOf(AggregateFunction function, DataType? argument) => (function, argument?.Kind) switch
    {
        (AggregateFunction.Count, _) => DataType.Int64,
        (AggregateFunction.Sum, TypeKind.Int32) => DataType.Int64,
        (AggregateFunction.Sum, TypeKind.Int64) => DataType.Decimal(38, 0),
        (AggregateFunction.Sum, TypeKind.Float64) => DataType.Float64,
        (AggregateFunction.Sum, TypeKind.Decimal) => DataType.Decimal(38, argument!.Scale),
        (AggregateFunction.Avg, TypeKind.Int32 or TypeKind.Int64 or TypeKind.Float64) => DataType.Float64,
        (AggregateFunction.Avg, TypeKind.Decimal) => DataType.Decimal(38, Math.Max(argument!.Scale, 6)),
        (AggregateFunction.Min or AggregateFunction.Max, TypeKind.Int32 or TypeKind.Int64 or TypeKind.Float64 or TypeKind.Decimal or TypeKind.Date or TypeKind.Timestamp
            or TypeKind.Utf8 or TypeKind.Boolean) => argument,
        _ => null,
    };
}
