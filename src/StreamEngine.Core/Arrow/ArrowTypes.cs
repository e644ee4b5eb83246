using Apache.Arrow.Types;
using Arrow = Apache.Arrow;

namespace StreamEngine.Core;

/// <summary>Which Arrow type holds which SQL type. Reading takes more Arrow types than writing makes: those whose every value the SQL type holds.</summary>
internal static class ArrowTypes
{
    private const int MaxDepth = 64;

    public static Arrow.Schema ToArrow(Schema schema) => new(schema.Select(ToArrow), null);

    private static Arrow.Field ToArrow(Field field) => new(field.Name, ToArrow(field.Type, field.Name), field.Nullable);

    public static IArrowType ToArrow(DataType type, string name) => type.Kind switch
    {
        TypeKind.Boolean => BooleanType.Default,
        TypeKind.Int32 => Int32Type.Default,
        TypeKind.Int64 => Int64Type.Default,
        TypeKind.Float64 => DoubleType.Default,
        TypeKind.Decimal => new Decimal128Type(type.Precision, type.Scale),
        TypeKind.Date => Date32Type.Default,
        TypeKind.Timestamp => new TimestampType(TimeUnit.Microsecond, "UTC"),
        TypeKind.Utf8 => StringViewType.Default,
        TypeKind.Binary => BinaryViewType.Default,
        TypeKind.List => new ListType(new Arrow.Field("item", ToArrow(type.Element!, name), true)),
        TypeKind.Struct => new StructType([.. type.Fields!.Select(ToArrow)]),
        TypeKind.Null => NullType.Default,
        _ => throw new NotSupportedException($"column {name}: Arrow has no type for {type}"),
    };

    public static Schema FromArrow(Arrow.Schema schema) => new(schema.FieldsList.Select(f => FromArrow(f, f.Name, 0)));

    private static Field FromArrow(Arrow.Field field, string path, int depth) => new(field.Name, FromArrow(field.DataType, path, depth), field.IsNullable);

    private static DataType FromArrow(IArrowType type, string path, int depth)
    {
        if (depth > MaxDepth) throw new InvalidDataException($"column {path}: types lie more than {MaxDepth} deep in each other");
        switch (type)
        {
            case BooleanType: return DataType.Boolean;
            case Int8Type or Int16Type or Int32Type or UInt8Type or UInt16Type: return DataType.Int32;
            case Int64Type or UInt32Type: return DataType.Int64;
            case FloatType or DoubleType: return DataType.Float64;
            case Decimal128Type d when d.Precision is >= 1 and <= DataType.MaxPrecision && d.Scale >= 0 && d.Scale <= d.Precision:
                return DataType.Decimal(d.Precision, d.Scale);
            case Date32Type: return DataType.Date;
            case TimestampType: return DataType.Timestamp;
            case StringType or StringViewType: return DataType.Utf8;
            case BinaryType or BinaryViewType: return DataType.Binary;
            case ListType list: return DataType.List(FromArrow(list.ValueDataType, $"{path}[]", depth + 1));
            case StructType fields: return DataType.Struct(new Schema(fields.Fields.Select(f => FromArrow(f, $"{path}.{f.Name}", depth + 1))));
            default: throw new InvalidDataException($"column {path}: no SQL type holds Arrow's {type.Name}");
        }
    }
}
