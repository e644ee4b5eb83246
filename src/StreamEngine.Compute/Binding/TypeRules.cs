using StreamEngine.Core;

namespace StreamEngine.Compute.Binding;

/// <summary>
/// Which types turn into which by themselves, and the types of decimal arithmetic. The promotions are PostgreSQL's (INT, BIGINT, DECIMAL, DOUBLE); PostgreSQL's
/// numeric has no bounds, so the
/// precisions are Flink's, but a scale is never cut: what does not fit into 38 digits is a fault.
/// </summary>
internal static class TypeRules
{
    /// <summary>The precision and scale that holds all values of an integer type.</summary>
    public static DataType AsDecimal(DataType type) => type.Kind switch
    {
        TypeKind.Int32 => DataType.Decimal(10, 0),
        TypeKind.Int64 => DataType.Decimal(19, 0),
        _ => type,
    };

    /// <summary>A DECIMAL of these digits before and after the point, as far as 38 digits go: digits after the point stay.</summary>
    public static DataType Decimal(int whole, int scale) => DataType.Decimal(Math.Clamp(whole + scale, 1, DataType.MaxPrecision), scale);

    /// <summary>How far away <paramref name="to"/> is for an argument of type <paramref name="from"/>: 0 when it is the same kind, -1 when there is no way without
    /// CAST.</summary>
    public static int Distance(TypeKind from, TypeKind to)
    {
        if (from == to || from == TypeKind.Null) return 0;
        return (from, to) switch
        {
            (TypeKind.Int32, TypeKind.Int64) => 1,
            (TypeKind.Int32, TypeKind.Decimal) => 2,
            (TypeKind.Int32, TypeKind.Float64) => 3,
            (TypeKind.Int64, TypeKind.Decimal) => 1,
            (TypeKind.Int64, TypeKind.Float64) => 2,
            (TypeKind.Decimal, TypeKind.Float64) => 1,
            (TypeKind.Date, TypeKind.Timestamp) => 1,
            _ => -1,
        };
    }

    /// <summary>The type that holds values of both, or null.</summary>
    public static DataType? Common(DataType a, DataType b)
    {
        if (a.Equals(b) || b.Kind == TypeKind.Null) return a;
        if (a.Kind == TypeKind.Null) return b;
        if (a.IsNumeric && b.IsNumeric)
        {
            if (a.Kind == TypeKind.Float64 || b.Kind == TypeKind.Float64) return DataType.Float64;
            if (a.Kind != TypeKind.Decimal && b.Kind != TypeKind.Decimal) return DataType.Int64;
            var (x, y) = (AsDecimal(a), AsDecimal(b));
            return Decimal(Math.Max(x.Precision - x.Scale, y.Precision - y.Scale), Math.Max(x.Scale, y.Scale));
        }
        if (a.Kind is TypeKind.Date or TypeKind.Timestamp && b.Kind is TypeKind.Date or TypeKind.Timestamp) return DataType.Timestamp;
        return null;
    }

    public static DataType Sum(DataType a, DataType b) => Decimal(Math.Max(a.Precision - a.Scale, b.Precision - b.Scale) + 1, Math.Max(a.Scale, b.Scale));

    /// <summary>The exact product's type; null when it would have more than 38 digits after the point.</summary>
    public static DataType? Product(DataType a, DataType b)
        => a.Scale + b.Scale > DataType.MaxPrecision ? null : DataType.Decimal(Math.Min(a.Precision + b.Precision, DataType.MaxPrecision), a.Scale + b.Scale);

    /// <summary>
    /// A quotient is rounded (half away from zero) to max(16, s1 + p2 + 1) digits after the point (PostgreSQL gives 16 significant ones, Flink s1 + p2 + 1), fewer
    /// (but 6, and those of the
    /// dividend) where 38 digits would not hold the whole part.
    /// </summary>
    public static DataType Quotient(DataType a, DataType b)
    {
        var whole = a.Precision - a.Scale + b.Scale;
        var scale = Math.Max(16, a.Scale + b.Precision + 1);
        scale = Math.Min(scale, Math.Max(DataType.MaxPrecision - whole, Math.Max(6, a.Scale)));
        return Decimal(whole, Math.Min(scale, DataType.MaxPrecision));
    }

    public static DataType Remainder(DataType a, DataType b) => Decimal(Math.Min(a.Precision - a.Scale, b.Precision - b.Scale), Math.Max(a.Scale, b.Scale));
}
