namespace StreamEngine.Core;

/// <summary>The kinds of value a column can hold. The physical layout of each is on <see cref="DataType.Width"/>.</summary>
public enum TypeKind : byte
{
    /// <summary>The type of a bare NULL literal; no column has it.</summary>
    Null,

    /// <summary>BOOLEAN: one byte per value, 0 or 1 (packed to bits only at the Arrow edge).</summary>
    Boolean,

    /// <summary>INT: 32 bits, signed.</summary>
    Int32,

    /// <summary>BIGINT: 64 bits, signed.</summary>
    Int64,

    /// <summary>DOUBLE: IEEE 754 binary64.</summary>
    Float64,

    /// <summary>DECIMAL(p,s): an <see cref="Int128"/> scaled by 10^s, p at most 38.</summary>
    Decimal,

    /// <summary>DATE: days since 1970-01-01, 32 bits.</summary>
    Date,

    /// <summary>TIMESTAMP: microseconds since 1970-01-01T00:00Z, 64 bits; always UTC.</summary>
    Timestamp,

    /// <summary>STRING: UTF-8 as 16-byte views, see <see cref="Utf8View"/>.</summary>
    Utf8,

    /// <summary>BINARY: bytes as 16-byte views.</summary>
    Binary,

    /// <summary>INTERVAL: months, days and microseconds, see <see cref="Interval"/>; no column of a source or sink has it.</summary>
    Interval,

    /// <summary>ARRAY&lt;T&gt;: 32-bit offsets into a child column.</summary>
    List,

    /// <summary>STRUCT&lt;..&gt;: one child column per field, of the same length.</summary>
    Struct,
}

/// <summary>A SQL type. Two types are equal when they hold the same values in the same layout; field names of structs compare exactly.</summary>
public sealed class DataType : IEquatable<DataType>
{
    private DataType(TypeKind kind, int precision = 0, int scale = 0, DataType? element = null, Schema? fields = null)
    {
        Kind = kind;
        Precision = precision;
        Scale = scale;
        Element = element;
        Fields = fields;
    }

    /// <summary>The largest precision of a DECIMAL.</summary>
    public const int MaxPrecision = 38;

    /// <summary>The type of a bare NULL.</summary>
    public static DataType Null { get; } = new(TypeKind.Null);

    /// <summary>BOOLEAN.</summary>
    public static DataType Boolean { get; } = new(TypeKind.Boolean);

    /// <summary>INT, 32 bits.</summary>
    public static DataType Int32 { get; } = new(TypeKind.Int32);

    /// <summary>BIGINT, 64 bits.</summary>
    public static DataType Int64 { get; } = new(TypeKind.Int64);

    /// <summary>DOUBLE.</summary>
    public static DataType Float64 { get; } = new(TypeKind.Float64);

    /// <summary>DATE.</summary>
    public static DataType Date { get; } = new(TypeKind.Date);

    /// <summary>TIMESTAMP, microseconds, UTC.</summary>
    public static DataType Timestamp { get; } = new(TypeKind.Timestamp);

    /// <summary>STRING, UTF-8.</summary>
    public static DataType Utf8 { get; } = new(TypeKind.Utf8);

    /// <summary>BINARY.</summary>
    public static DataType Binary { get; } = new(TypeKind.Binary);

    /// <summary>INTERVAL.</summary>
    public static DataType Interval { get; } = new(TypeKind.Interval);

    /// <summary>The kind.</summary>
    public TypeKind Kind { get; }

    /// <summary>Digits of a DECIMAL, 1 to 38; else 0.</summary>
    public int Precision { get; }

    /// <summary>Digits after the point of a DECIMAL, 0 to the precision; else 0.</summary>
    public int Scale { get; }

    /// <summary>The element type of an ARRAY; else null.</summary>
    public DataType? Element { get; }

    /// <summary>The fields of a STRUCT; else null.</summary>
    public Schema? Fields { get; }

    /// <summary>Bytes per value in a column's value buffer (a list has 32-bit offsets, a struct has no values of its own).</summary>
    public int Width => Kind switch
    {
        TypeKind.Boolean => 1,
        TypeKind.Int32 or TypeKind.Date or TypeKind.List => 4,
        TypeKind.Int64 or TypeKind.Float64 or TypeKind.Timestamp => 8,
        TypeKind.Decimal or TypeKind.Utf8 or TypeKind.Binary or TypeKind.Interval => 16,
        _ => 0,
    };

    /// <summary>True for INT, BIGINT, DOUBLE and DECIMAL.</summary>
    public bool IsNumeric => Kind is TypeKind.Int32 or TypeKind.Int64 or TypeKind.Float64 or TypeKind.Decimal;

    /// <summary>True for INT and BIGINT.</summary>
    public bool IsInteger => Kind is TypeKind.Int32 or TypeKind.Int64;

    /// <summary>DECIMAL(precision, scale).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The precision is not in 1..38 or the scale not in 0..precision.</exception>
    public static DataType Decimal(int precision, int scale)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(precision, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(precision, MaxPrecision);
        ArgumentOutOfRangeException.ThrowIfNegative(scale);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(scale, precision);
        return new(TypeKind.Decimal, precision, scale);
    }

    /// <summary>ARRAY of the element type; elements may be null.</summary>
    public static DataType List(DataType element) => new(TypeKind.List, element: element);

    /// <summary>STRUCT of the fields.</summary>
    public static DataType Struct(Schema fields) => new(TypeKind.Struct, fields: fields);

    /// <inheritdoc/>
    public bool Equals(DataType? other) => other is not null && Kind == other.Kind && Precision == other.Precision && Scale == other.Scale
        && Equals(Element, other.Element) && Equals(Fields, other.Fields);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as DataType);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, Precision, Scale, Element, Fields);

    /// <summary>The type as SQL writes it, for example DECIMAL(10,2) or STRUCT&lt;a INT&gt;.</summary>
    public override string ToString() => Kind switch
    {
        TypeKind.Null => "NULL",
        TypeKind.Boolean => "BOOLEAN",
        TypeKind.Int32 => "INT",
        TypeKind.Int64 => "BIGINT",
        TypeKind.Float64 => "DOUBLE",
        TypeKind.Decimal => $"DECIMAL({Precision},{Scale})",
        TypeKind.Date => "DATE",
        TypeKind.Timestamp => "TIMESTAMP",
        TypeKind.Utf8 => "STRING",
        TypeKind.Binary => "BINARY",
        TypeKind.Interval => "INTERVAL",
        TypeKind.List => $"ARRAY<{Element}>",
        _ => $"STRUCT<{string.Join(", ", Fields!.Select(f => $"{f.QuotedName} {f.Type}{(f.Nullable ? "" : " NOT NULL")}"))}>",
    };
}
