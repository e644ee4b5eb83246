using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace StreamEngine.Core;

/// <summary>
/// A .NET record type as columns, for the edges where a user's code sees rows: bool, int, long, double, decimal, string, DateTime and DateTimeOffset (UTC), DateOnly and
/// byte[], each also nullable. Rows are managed copies.
/// </summary>
internal sealed class RecordMapping
{
    private static readonly ConcurrentDictionary<Type, RecordMapping> Known = new();

    private readonly ConstructorInfo _constructor;
    private readonly Member[] _members;
    private readonly int _parameters;

    private sealed record Member(Field Field, Type Type, PropertyInfo Property, bool IsParameter);

    private RecordMapping(Type type)
    {
        Type = type;
        _constructor = type.GetConstructors().OrderByDescending(c => c.GetParameters().Length).FirstOrDefault()
            ?? throw new ArgumentException($"{type.Name} has no public constructor");
        var nullability = new NullabilityInfoContext();
        var members = new List<Member>();
        foreach (var parameter in _constructor.GetParameters())
        {
            var property = type.GetProperty(parameter.Name!, BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase)
                ?? throw new ArgumentException($"{type.Name}: constructor parameter '{parameter.Name}' has no property of its name");
            members.Add(MemberOf(property, parameter.GetCustomAttribute<ColumnAttribute>() ?? property.GetCustomAttribute<ColumnAttribute>(), nullability, true));
        }
        _parameters = members.Count;
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.CanRead && p.CanWrite && p.GetIndexParameters().Length == 0))
            if (!members.Exists(m => m.Property.Name == property.Name))
                members.Add(MemberOf(property, property.GetCustomAttribute<ColumnAttribute>(), nullability, false));
        if (members.Count == 0) throw new ArgumentException($"{type.Name} has no properties that could be columns");
        _members = [.. members];
        Schema = new Schema(_members.Select(m => m.Field));
    }

    public Type Type { get; }

    public Schema Schema { get; }

    /// <exception cref="ArgumentException">A property is of a type that no column has; the message names it.</exception>
    public static RecordMapping Of(Type type) => Known.GetOrAdd(type, t => new RecordMapping(t));

    private static Member MemberOf(PropertyInfo property, ColumnAttribute? column, NullabilityInfoContext nullability, bool parameter)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var nullable = property.PropertyType.IsValueType ? type != property.PropertyType : nullability.Create(property).ReadState != NullabilityState.NotNull;
        var data = type == typeof(bool) ? DataType.Boolean : type == typeof(int) ? DataType.Int32 : type == typeof(long) ? DataType.Int64 : type == typeof(double)
            ? DataType.Float64 : type == typeof(string) ? DataType.Utf8
            : type == typeof(DateTime) || type == typeof(DateTimeOffset) ? DataType.Timestamp : type == typeof(DateOnly) ? DataType.Date : type == typeof(byte[])
                ? DataType.Binary
            : type == typeof(decimal) ? DataType.Decimal(column is { Precision: > 0 } ? column.Precision : 28, column is { Precision: > 0 } ? column.Scale : 6)
            : throw new ArgumentException($"{property.DeclaringType!.Name}.{property.Name} is {property.PropertyType.Name}; columns are bool, int, long, double, decimal, string, DateTime, DateTimeOffset, DateOnly, byte[] and their nullable forms");
        var name = column?.Name ?? char.ToLowerInvariant(property.Name[0]) + property.Name[1..];
        return new Member(new Field(name, data, nullable, column?.Format), type, property, parameter);
    }

    /// <summary>The selected rows of a batch, whose columns are found by name.</summary>
    /// <exception cref="InvalidOperationException">A column is missing or of another type.</exception>
    public object[] Read(Batch batch)
    {
        var columns = new ColumnVector[_members.Length];
        for (var m = 0; m < columns.Length; m++)
        {
            var index = batch.Schema.IndexOf(_members[m].Field.Name);
            if (index < 0) throw new InvalidOperationException($"{Type.Name} wants column '{_members[m].Field.Name}', the stream has {batch.Schema}");
            columns[m] = batch[index];
            if (columns[m].Type.Kind != _members[m].Field.Type.Kind)
                throw new InvalidOperationException($"{Type.Name}.{_members[m].Property.Name} is {_members[m].Field.Type}, column '{_members[m].Field.Name}' is {columns[m].Type}");
        }
        var rows = new object[batch.Count];
        var arguments = new object?[_parameters];
        for (var i = 0; i < rows.Length; i++)
        {
            var row = batch.RowAt(i);
            for (var m = 0; m < _parameters; m++) arguments[m] = ValueOf(columns[m], row, _members[m].Type);
            rows[i] = _constructor.Invoke(arguments);
            for (var m = _parameters; m < columns.Length; m++) _members[m].Property.SetValue(rows[i], ValueOf(columns[m], row, _members[m].Type));
        }
        return rows;
    }

    private static unsafe object? ValueOf(ColumnVector column, int row, Type type)
    {
        if (column.IsNull(row)) return null;
        switch (column.Type.Kind)
        {
            case TypeKind.Boolean: return column.Values[row] != 0;
            case TypeKind.Int32: return column.As<int>()[row];
            case TypeKind.Int64: return column.As<long>()[row];
            case TypeKind.Float64: return column.As<double>()[row];
            case TypeKind.Decimal: return (decimal)column.As<Int128>()[row] / (decimal)DecimalText.Pow10(column.Type.Scale);
            case TypeKind.Date: return DateOnly.FromDayNumber(column.As<int>()[row] + DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber);
            case TypeKind.Timestamp:
                var time = DateTime.UnixEpoch.AddTicks(column.As<long>()[row] * 10);
                return type == typeof(DateTimeOffset) ? new DateTimeOffset(time) : (object)time;
            case TypeKind.Utf8: return Utf8View.TextOf(column.As<Utf8View>() + row);
            default: return Utf8View.SpanOf(column.As<Utf8View>() + row).ToArray();
        }
    }

    /// <summary>A batch of the rows, in memory of the scope.</summary>
    public unsafe Batch Write(IReadOnlyList<object> rows, MemoryScope scope, long* rowWatermarks, long idleFloor)
    {
        var arena = scope.RentArena();
        var columns = new ColumnVector[_members.Length];
        for (var m = 0; m < columns.Length; m++)
        {
            var type = _members[m].Field.Type;
            var values = arena.AllocateZeroed<byte>(Math.Max(1, rows.Count * type.Width));
            byte* validity = null;
            for (var i = 0; i < rows.Count; i++)
            {
                if (_members[m].Property.GetValue(rows[i]) is { } value) Put(value, type, values + (long)i * type.Width, arena);
                else
                {
                    if (validity is null) validity = arena.AllocateValidity(rows.Count);
                    ColumnVector.SetNull(validity, i);
                }
            }
            columns[m] = new ColumnVector(type, rows.Count, values, validity);
        }
        long* watermarks = null;
        if (rowWatermarks is not null)
        {
            watermarks = arena.Allocate<long>(Math.Max(1, rows.Count));
            new Span<long>(rowWatermarks, rows.Count).CopyTo(new Span<long>(watermarks, rows.Count));
        }
        return Batch.Create(new Schema(Schema.Select(f => f with { Format = null })), columns, rows.Count, arena, rowWatermarks: watermarks, idleFloor: idleFloor);
    }

    /// <summary>A row as JSON, by the names of its columns and in the engine's forms of values.</summary>
    public byte[] ToJson(object row)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            foreach (var member in _members)
            {
                json.WritePropertyName(member.Field.Name);
                WriteJson(json, member.Property.GetValue(row));
            }
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteJson(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case bool b: json.WriteBooleanValue(b); break;
            case int n: json.WriteNumberValue(n); break;
            case long n: json.WriteNumberValue(n); break;
            case double n when double.IsFinite(n): json.WriteNumberValue(n); break;
            case double n: json.WriteStringValue(n.ToString(CultureInfo.InvariantCulture)); break;
            case decimal n: json.WriteNumberValue(n); break;
            case string s: json.WriteStringValue(s); break;
            case byte[] b: json.WriteBase64StringValue(b); break;
            case DateOnly d: json.WriteStringValue(d.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)); break;
            case DateTimeOffset t: json.WriteStringValue(t.UtcDateTime.ToString(TimeForm, CultureInfo.InvariantCulture)); break;
            case DateTime t: json.WriteStringValue((t.Kind == DateTimeKind.Local ? t.ToUniversalTime() : t).ToString(TimeForm, CultureInfo.InvariantCulture)); break;
            default: throw new InvalidOperationException($"no column holds {value.GetType().Name}");
        }
    }

    // A fraction only when it is not zero.
    private const string TimeForm = "yyyy-MM-dd'T'HH:mm:ss.FFFFFF'Z'";

    private static unsafe void Put(object value, DataType type, byte* to, Arena arena)
    {
        switch (value)
        {
            case bool b: *to = b ? (byte)1 : (byte)0; break;
            case int n: *(int*)to = n; break;
            case long n: *(long*)to = n; break;
            case double n: *(double*)to = n; break;
            case decimal n: *(Int128*)to = (Int128)decimal.Round(n * (decimal)DecimalText.Pow10(type.Scale), MidpointRounding.AwayFromZero); break;
            case string s: *(Utf8View*)to = Utf8View.Copy(Encoding.UTF8.GetBytes(s), arena); break;
            case byte[] b: *(Utf8View*)to = Utf8View.Copy(b, arena); break;
            case DateOnly d: *(int*)to = d.DayNumber - DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber; break;
            case DateTimeOffset t: *(long*)to = (t.UtcTicks - DateTime.UnixEpoch.Ticks) / 10; break;
            case DateTime t: *(long*)to = ((t.Kind == DateTimeKind.Local ? t.ToUniversalTime() : t).Ticks - DateTime.UnixEpoch.Ticks) / 10; break;
            default: throw new InvalidOperationException($"no column holds {value.GetType().Name}");
        }
    }
}
