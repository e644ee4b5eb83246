using System.Text.Encodings.Web;
using System.Text.Json;
using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Formats.Json;
using StreamEngine.Plan.Definitions;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>
/// Assignments over a dead letter: <c>payload = replace(payload, 'x', 'y')</c> rewrites its text, <c>delay = 0, origin = upper(origin)</c> sets fields of its JSON object
/// and leaves the others as they stand. The text is rewritten first; the fields see the rewritten row.
/// </summary>
internal sealed class RowFix
{
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Evaluator? _payload;
    private readonly Evaluator[] _values;
    private readonly Schema _fields;
    private readonly JsonEncoder _encoder;

    /// <param name="text">The assignments.</param>
    /// <param name="source">The source whose rows they are.</param>
    /// <param name="scope">The letters' columns and the row's.</param>
    /// <exception cref="SqlException">An assignment is wrong.</exception>
    public RowFix(string text, SourceDefinition source, IScope scope)
    {
        var (fields, values) = (new List<Field>(), new List<Evaluator>());
        var reader = new TokenReader(text);
        do
        {
            var name = reader.ExpectIdentifier("a column to be set");
            reader.ExpectSymbol("=");
            var expression = ExpressionParser.Parse(reader);
            if (name.Matches(LetterSchema.Payload))
            {
                if (_payload is not null) throw TokenReader.Error(name.Span, "payload is set twice");
                _payload = Evaluator.Compile(ExpressionBinder.BindAs(expression, DataType.Utf8, scope));
                continue;
            }
            var (field, value) = Bind(name, expression, source, scope);
            if (fields.Exists(f => f.Name == field.Name)) throw TokenReader.Error(name.Span, $"column '{field.Name}' is set twice");
            fields.Add(field);
            values.Add(Evaluator.Compile(value));
        }
        while (reader.TrySymbol(","));
        reader.ExpectEnd();
        _values = [.. values];
        _fields = new Schema(fields);
        _encoder = new JsonEncoder(_fields);
    }

    private static (Field Field, BoundExpression Value) Bind(Identifier name, SqlExpression expression, SourceDefinition source, IScope scope)
    {
        if (source.Format is not JsonFormatDefinition)
            throw TokenReader.Error(name.Span, $"source {source.Name} is CSV: its rows are fixed as text", "payload = replace(payload, 'x', 'y')");
        var column = source.Schema.FirstOrDefault(f => name.Matches(f.Name))
            ?? throw TokenReader.Error(name.Span, $"column '{name.Name}' does not exist in {source.Name}",
                $"it has {string.Join(", ", source.Schema.Select(f => f.Name))}; and payload is the whole text");
        if (column.Format is null) return (column, ExpressionBinder.BindAs(expression, column.Type, scope));
        var value = ExpressionBinder.Bind(expression, scope);
        if (value.Type.Kind is not (TypeKind.Utf8 or TypeKind.Int32 or TypeKind.Int64 or TypeKind.Null))
            throw TokenReader.Error(expression.Span, $"column '{column.Name}' is written as {column.Format}, and this is {value.Type}",
                "set it as it stands in the row, for example to_char(..) or a text in quotes");
        return (new Field(column.Name, value.Type.Kind == TypeKind.Null ? DataType.Utf8 : value.Type), value);
    }

    /// <summary>Whether fields are set, behind the payload's text.</summary>
    public bool SetsFields => _values.Length > 0;

    /// <summary>The rewritten texts; null entries where the text is null, the whole null where it is not set.</summary>
    public unsafe byte[]?[]? Texts(ColumnVector[] columns, int rows, Arena arena, RowFaults faults)
    {
        if (_payload is null) return null;
        var column = _payload.Evaluate(columns, rows, null, rows, arena, faults);
        var texts = new byte[]?[rows];
        for (var row = 0; row < rows; row++)
            if (!column.IsNull(row) && !faults.Contains(row)) texts[row] = Utf8View.SpanOf(column.As<Utf8View>() + row).ToArray();
        return texts;
    }

    /// <summary>The payloads with the fields set.</summary>
    public unsafe byte[]?[] SetFields(ColumnVector[] columns, IReadOnlyList<byte[]?> payloads, Arena arena, RowFaults faults)
    {
        var rows = payloads.Count;
        var values = arena.Allocate<Bytes>(rows);
        ColumnVector[] evaluated = [.. _values.Select(v => v.Evaluate(columns, rows, null, rows, arena, faults))];
        using (var batch = Batch.Create(_fields, evaluated, rows, arena.Retain())) _encoder.Encode(batch, arena, values);
        var result = new byte[]?[rows];
        for (var row = 0; row < rows; row++)
        {
            if (faults.Contains(row)) continue;
            try
            {
                result[row] = Merge(payloads[row] ?? [], values[row].Span.ToArray());
            }
            catch (JsonException e)
            {
                faults.Add(row, $"its fields cannot be set, since it is no JSON object: {e.Message}");
            }
        }
        return result;
    }

    /// <summary>The object with the set fields in the place of their earlier values, or at its end.</summary>
    private static byte[] Merge(byte[] payload, byte[] set)
    {
        using var original = JsonDocument.Parse(payload);
        using var changes = JsonDocument.Parse(set);
        if (original.RootElement.ValueKind != JsonValueKind.Object) throw new JsonException($"it is {original.RootElement.ValueKind}");
        var left = changes.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value);
        var names = left.Keys.ToHashSet();
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Relaxed))
        {
            json.WriteStartObject();
            foreach (var property in original.RootElement.EnumerateObject())
            {
                if (!names.Contains(property.Name)) property.WriteTo(json);
                else if (left.Remove(property.Name, out var value))
                {
                    json.WritePropertyName(property.Name);
                    value.WriteTo(json);
                }
            }
            foreach (var (name, value) in left)
            {
                json.WritePropertyName(name);
                value.WriteTo(json);
            }
            json.WriteEndObject();
        }
        return stream.ToArray();
    }
}
