using System.Buffers;
using System.Collections.Concurrent;
using System.Reflection;
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
    /// <param name="batch">The rows.</param>
    /// <param name="failures">Takes, by the row's number, why a row is none of this type; its place in the result stays empty.</param>
    /// <exception cref="InvalidOperationException">A column is missing or of another type.</exception>
    public object?[] Read(Batch batch, out string?[] failures)
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
        var rows = new object?[batch.Count];
        failures = new string?[rows.Length];
        for (var i = 0; i < rows.Length; i++) rows[i] = ReadRow(columns, batch.RowAt(i), out failures[i]);
        return rows;
    }

    private object? ReadRow(ColumnVector[] columns, int row, out string? failure)
    {
        failure = null;
        var values = new object?[columns.Length];
        for (var m = 0; m < values.Length; m++)
        {
            var member = _members[m];
            if (RecordValues.TryRead(columns[m], row, member.Type, out values[m], out var wrong) && (values[m] is not null || member.Field.Nullable)) continue;
            failure = $"{Place(member)}: {wrong ?? "the value is null, and the property takes none"}";
            return null;
        }
        try
        {
            var made = _constructor.Invoke(values[.._parameters]);
            for (var m = _parameters; m < columns.Length; m++) _members[m].Property.SetValue(made, values[m]);
            return made;
        }
        catch (TargetInvocationException e)
        {
            failure = $"{Type.Name}: {e.InnerException!.GetType().Name}: {e.InnerException.Message}";
            return null;
        }
    }

    /// <summary>The values of a row's columns; null with the reason where one is no value of its column.</summary>
    public object?[]? ValuesOf(object row, out string? failure)
    {
        failure = null;
        var values = new object?[_members.Length];
        for (var m = 0; m < values.Length; m++)
        {
            var member = _members[m];
            try
            {
                values[m] = member.Property.GetValue(row);
                failure = values[m] is null && !member.Field.Nullable ? "NOT NULL, but the value is null" : RecordValues.WhyNot(values[m], member.Field.Type);
            }
            catch (TargetInvocationException e)
            {
                failure = $"{e.InnerException!.GetType().Name}: {e.InnerException.Message}";
            }
            if (failure is null) continue;
            failure = $"{Place(member)}: {failure}";
            return null;
        }
        return values;
    }

    private string Place(Member member) => $"{Type.Name}.{member.Property.Name}, column '{member.Field.Name}'";

    /// <summary>A batch of rows from their values, in memory of the scope.</summary>
    public unsafe Batch Write(IReadOnlyList<object?[]> rows, MemoryScope scope, long* rowWatermarks, long idleFloor)
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
                if (rows[i][m] is { } value) RecordValues.Put(value, type, values + (long)i * type.Width, arena);
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
                RecordValues.WriteJson(json, member.Property.GetValue(row));
            }
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A row of a batch whose columns a record type has, as JSON: of a row that is no record of the type that wants it.</summary>
    public static byte[] ToJson(Batch batch, int row)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            for (var c = 0; c < batch.Schema.Count; c++)
            {
                json.WritePropertyName(batch.Schema[c].Name);
                RecordValues.WriteJson(json, batch[c], row);
            }
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }
}
