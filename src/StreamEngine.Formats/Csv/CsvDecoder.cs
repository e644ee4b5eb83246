using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;
using StreamEngine.Core;
using StreamEngine.Formats.Columns;
using StreamEngine.Formats.Json;

namespace StreamEngine.Formats.Csv;

/// <summary>
/// CSV to columns: the value of a record is one CSV record, whose fields are the declared columns in their order. An empty field is null, but the empty string for
/// a string. All columns are checked, those that something reads are
/// stored; strings without doubled quotes stay where they lie in the record. Not thread-safe: a decoder belongs to a lane.
/// </summary>
internal sealed unsafe class CsvDecoder : IDecoder
{
    private readonly MemoryScope _scope;
    private readonly CsvOptions _options;
    private readonly ColumnBuilder[] _columns;
    private readonly ColumnBuilder[] _stored;
    private Arena _arena = null!;
    private ColumnBuilder? _refused;
    private string _refusal = "";

    /// <param name="declared">All columns of the source's contract.</param>
    /// <param name="read">Per declared column whether something reads it; null for all.</param>
    /// <param name="options">Delimiter and quote; null for the defaults.</param>
    /// <param name="scope">Where the columns' memory comes from.</param>
    /// <exception cref="ArgumentException">A column has a type or format that a CSV field cannot have, or the options are wrong.</exception>
    public CsvDecoder(Schema declared, bool[]? read, CsvOptions? options, MemoryScope scope)
    {
        _scope = scope;
        _options = options ?? CsvOptions.Default;
        if (_options.Error is { } error) throw new ArgumentException(error, nameof(options));
        foreach (var field in declared)
            if (field.Type.Kind is TypeKind.Struct or TypeKind.List)
                throw new ArgumentException($"column {field.Name}: a CSV field cannot hold the type {field.Type}", nameof(declared));
        _columns = [.. declared.Select((f, i) => new ColumnBuilder(f, f.Name, read is null || read[i]))];
        _stored = Array.FindAll(_columns, c => c.Stored);
        Output = new Schema(_stored.Select(c => c.Field));
    }

    public Schema Output { get; }

    public Batch Decode(Batch raw, IEmitter output)
    {
        var records = raw.Records ?? throw new ArgumentException("a batch without records cannot be decoded", nameof(raw));
        var rows = raw.Rows;
        _arena = _scope.RentArena();
        try
        {
            foreach (var column in _columns) column.Start(_arena, rows);
            ushort* selection = null;
            var selected = 0;
            for (var i = 0; i < raw.Count; i++)
            {
                var row = raw.RowAt(i);
                var fault = Row(records.Values[row], row);
                if (fault is null)
                {
                    if (selection is not null) selection[selected] = (ushort)row;
                    selected++;
                    continue;
                }
                foreach (var column in _columns) column.Blank(row);
                if (selection is null)
                {
                    selection = _arena.Allocate<ushort>(raw.Count);
                    for (var k = 0; k < selected; k++) selection[k] = (ushort)raw.RowAt(k);
                }
                output.Fault(raw, row, fault.Value);
            }
            var columns = Array.ConvertAll(_stored, c => c.Finish(rows));
            return raw.With(Output, columns, _arena, selection is null ? raw.Selection : selection, selected, role: BatchRole.Main);
        }
        catch
        {
            _arena.Release();
            throw;
        }
    }

    private Fault? Row(Bytes value, int row)
    {
        if (value.Length <= 0) return new Fault(FaultStage.Decode, value.IsNull ? "the value is null (a tombstone)" : "the value is empty");
        var start = value.Pointer;
        var end = start + value.Length;
        // The line end of the file that it came from.
        if (end[-1] == '\n') end--;
        if (end > start && end[-1] == '\r') end--;
        if (end == start) return new Fault(FaultStage.Decode, "the value is blank");
        var all = new ReadOnlySpan<byte>(start, (int)(end - start));
        if (!Ascii.IsValid(all) && !Utf8.IsValid(all)) return Broken(CsvError.InvalidUtf8, 0);
        _refused = null;
        var fields = new CsvFields(start, end, _options.Delimiter, _options.Quote ?? -1);
        var count = 0;
        while (fields.MoveNext())
        {
            if (count < _columns.Length) Field(_columns[count], row, ref fields);
            count++;
        }
        if (fields.Error != CsvError.None) return Broken(fields.Error, count);
        if (count != _columns.Length) return Broken(CsvError.FieldCount, count);
        return _refused is null ? null : new Fault(FaultStage.Contract, $"column '{_refused.Path}': {_refusal}");
    }

    private Fault Broken(CsvError error, int fields) => new(FaultStage.Decode, error switch
    {
        CsvError.FieldCount => $"field-count: the record has {fields} fields, {_columns.Length} are declared",
        CsvError.StrayQuote => $"stray-quote: field {fields + 1} holds a quote but does not begin with one",
        CsvError.TextAfterQuote => $"text-after-quote: text follows the closing quote of field {fields + 1}",
        CsvError.UnterminatedQuote => $"unterminated-quote: the quote of field {fields + 1} is never closed",
        CsvError.LineBreak => $"line-break: field {fields + 1} is not quoted and holds a line break; a value is one record",
        _ => "invalid-utf8: the record is not valid UTF-8",
    });

    private void Field(ColumnBuilder column, int row, ref CsvFields field)
    {
        var from = field.From;
        var length = field.Length;
        if (field.Doubled)
        {
            from = _arena.AllocateBytes(length);
            length = field.Unquote(from);
        }
        if (column.Kind == TypeKind.Utf8)
        {
            Utf8View.Store(column.At<Utf8View>(row), from, length);
            return;
        }
        if (length == 0)
        {
            if (column.Nullable) column.SetNull(row);
            else Refuse(column, row, "NOT NULL, but the field is empty");
        }
        else if (!TryStore(column, row, from, length)) Refuse(column, row, $"{Expected(column)}, found {JsonRefusals.Excerpt(new ReadOnlySpan<byte>(from, length))}");
    }

    private void Refuse(ColumnBuilder column, int row, string why)
    {
        column.Blank(row);
        if (_refused is not null) return;
        _refused = column;
        _refusal = why;
    }

    private static string Expected(ColumnBuilder column) => column.Kind switch
    {
        TypeKind.Binary => "base64 expected",
        TypeKind.Timestamp or TypeKind.Date when column.Pattern.IsEpoch => $"a whole number ({column.Pattern.Text}) expected",
        _ => JsonRefusals.Expected(column),
    };

    private bool TryStore(ColumnBuilder column, int row, byte* from, int length)
    {
        var text = new ReadOnlySpan<byte>(from, length);
        switch (column.Kind)
        {
            case TypeKind.Int32:
                if (!TryInteger(from, length, out var integer) || integer != (int)integer) return false;
                *column.At<int>(row) = (int)integer;
                return true;
            case TypeKind.Int64:
                return TryInteger(from, length, out *column.At<long>(row));
            case TypeKind.Float64:
                if (JsonText.NumberEnd(from, from + length, out _) == from + length) return JsonNumbers.TryDouble(from, from + length, out *column.At<double>(row));
                return NumberText.TryParseDouble(text, out *column.At<double>(row), special: true);
            case TypeKind.Decimal:
                return DecimalText.TryParse(text, column.Field.Type.Precision, column.Field.Type.Scale, exact: true, out *column.At<Int128>(row));
            case TypeKind.Boolean:
                var isTrue = Ascii.EqualsIgnoreCase(text, "true"u8);
                *column.At<byte>(row) = isTrue ? (byte)1 : (byte)0;
                return isTrue || Ascii.EqualsIgnoreCase(text, "false"u8);
            case TypeKind.Timestamp:
                return TryTimestamp(column.Pattern, from, length, out *column.At<long>(row));
            case TypeKind.Date when column.Pattern.IsIso:
                return TimeText.TryParseDate(text, out *column.At<int>(row));
            case TypeKind.Date:
                if (!TryTimestamp(column.Pattern, from, length, out var micros)) return false;
                *column.At<int>(row) = Calendar.DaysOf(micros);
                return true;
            default:
                return TryBase64(column, row, text);
        }
    }

    private static bool TryInteger(byte* from, int length, out long value)
        => JsonNumbers.Integer(from, out value) == from + length || NumberText.TryParseInt64(new ReadOnlySpan<byte>(from, length), out value);

    private bool TryTimestamp(TimestampPattern pattern, byte* from, int length, out long micros)
    {
        if (pattern.Fixed is { } at && at.TryParse(from, length, out micros)) return true;
        var text = new ReadOnlySpan<byte>(from, length);
        return pattern.IsIso ? TimeText.TryParseTimestamp(text, out micros, out var zone) && (zone || !_options.ZoneRequired) : pattern.TryParse(text, out micros);
    }

    private bool TryBase64(ColumnBuilder column, int row, ReadOnlySpan<byte> text)
    {
        var room = Base64.GetMaxDecodedFromUtf8Length(text.Length);
        var to = _arena.AllocateBytes(room);
        if (Base64.DecodeFromUtf8(text, new Span<byte>(to, room), out _, out var written) != OperationStatus.Done) return false;
        *column.At<Utf8View>(row) = Utf8View.Of(to, written);
        return true;
    }
}
