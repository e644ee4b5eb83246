using StreamEngine.Core;
using StreamEngine.Formats.Columns;

namespace StreamEngine.Formats.Json;

/// <summary>
/// JSON to columns: one object per record. All declared columns are checked by type and NOT NULL, those that something reads are stored; strings without escapes
/// stay where they lie in the record. Keys match the declared
/// names exactly. A record is JSON or not by all of its bytes, whoever reads what of it. Not thread-safe: a decoder belongs to a lane.
/// </summary>
internal sealed unsafe class JsonDecoder : IDecoder
{
    /// <summary>Records in a row that miss the shape before another one is learned: at first, and when learning does not help.</summary>
    private const int LeastPatience = 4;
    private const int MostPatience = 1024;

    /// <summary>Records in a row that have the shape before learning is thought worth its price again.</summary>
    private const int Settled = 64;

    private readonly MemoryScope _scope;
    private readonly ColumnBuilder _root;
    private readonly ColumnBuilder[] _stored;
    private readonly JsonRecordReader _reader;
    private readonly JsonFastReader _fast;
    private JsonShape _shape;
    private JsonShape _candidate;
    private int _misses = LeastPatience;
    private int _patience = LeastPatience;
    private int _hits;

    /// <param name="declared">All columns of the source's contract.</param>
    /// <param name="read">Per declared column whether something reads it; null for all.</param>
    /// <param name="options">How JSON is read; null for the defaults.</param>
    /// <param name="scope">Where the columns' memory comes from.</param>
    /// <exception cref="ArgumentException">A column has a type or format that JSON cannot have.</exception>
    public JsonDecoder(Schema declared, bool[]? read, JsonDecoderOptions? options, MemoryScope scope)
    {
        _scope = scope;
        var all = new ColumnBuilder(new Field("", DataType.Struct(declared), Nullable: false), "", stored: true);
        for (var i = 0; i < declared.Count; i++)
            if (read is not null && !read[i]) all.Children[i] = new ColumnBuilder(declared[i], declared[i].Name, stored: false, all);
        _root = all;
        _stored = Array.FindAll(all.Children, c => c.Stored);
        _reader = new JsonRecordReader(all, options ?? JsonDecoderOptions.Default);
        _fast = new JsonFastReader(all, _reader);
        _shape = new JsonShape(all);
        _candidate = new JsonShape(all);
        Output = new Schema(_stored.Select(c => c.Field));
    }

    public Schema Output { get; }

    /// <summary>Off: every record is read by the general parser. For tests, which compare the two.</summary>
    internal bool Predict { get; init; } = true;

    public Batch Decode(Batch raw, IEmitter output)
    {
        var records = raw.Records ?? throw new ArgumentException("a batch without records cannot be decoded", nameof(raw));
        var rows = raw.Rows;
        var arena = _scope.RentArena();
        try
        {
            foreach (var column in _root.Children) column.Start(arena, rows);
            _reader.Open(arena);
            _shape.Bind();
            ushort* selection = null;
            var selected = 0;
            var next = 0;
            for (var i = 0; i < raw.Count; i++)
            {
                var row = raw.RowAt(i);
                while (next < row) Blank(next++);
                next = row + 1;
                if (TryRow(records.Values[row], row))
                {
                    if (selection is not null) selection[selected] = (ushort)row;
                    selected++;
                    continue;
                }
                Blank(row);
                if (selection is null) selection = SelectionOf(raw, arena, selected);
                output.Fault(raw, row, FaultOf(records.Values[row]));
            }
            while (next < rows) Blank(next++);
            var columns = Array.ConvertAll(_stored, c => c.Finish(rows));
            return raw.With(Output, columns, arena, selection is null ? raw.Selection : selection, selected, role: BatchRole.Main);
        }
        catch
        {
            arena.Release();
            throw;
        }
    }

    /// <summary>A selection of our own with the first so many selected rows of the raw batch in it.</summary>
    private static ushort* SelectionOf(Batch raw, Arena arena, int selected)
    {
        var selection = arena.Allocate<ushort>(Math.Max(raw.Count, 1));
        for (var i = 0; i < selected; i++) selection[i] = (ushort)raw.RowAt(i);
        return selection;
    }

    private void Blank(int row)
    {
        foreach (var column in _root.Children) column.Blank(row);
    }

    private bool TryRow(Bytes value, int row)
    {
        if (value.Length <= 0) return false;
        var end = value.Pointer + value.Length;
        _reader.Begin(value.Pointer, end);
        if (!Predict) return _reader.Record(row) && _reader.Refusals.Count == 0;
        if (_misses < _patience)
        {
            var read = _fast.Read(_shape, value.Pointer, end, row);
            if (read == JsonFastReader.Outcome.Hit)
            {
                _misses = 0;
                if (++_hits == Settled) _patience = LeastPatience;
                return _reader.Refusals.Count == 0;
            }
            _misses++;
            _hits = 0;
            return read == JsonFastReader.Outcome.Missed && _reader.Refusals.Count == 0;
        }
        return TryLearn(value.Pointer, end, row);
    }

    private bool TryLearn(byte* start, byte* end, int row)
    {
        _candidate.Clear();
        _reader.Learning = _candidate;
        var good = _reader.Record(row) && _reader.Refusals.Count == 0;
        var learned = good && _reader.Learning is not null && _candidate.TryComplete(_reader.LastValueEnd, end);
        _reader.Learning = null;
        if (!learned) return good;
        (_shape, _candidate) = (_candidate, _shape);
        _misses = 0;
        _patience = Math.Min(_patience * 2, MostPatience);
        return true;
    }

    private Fault FaultOf(Bytes value)
    {
        if (value.Length <= 0) return new Fault(FaultStage.Decode, value.IsNull ? "the value is null (a tombstone)" : "the value is empty");
        return _reader.Refusals.Count != 0 && !_reader.Failed ? new Fault(FaultStage.Contract, _reader.Refusals.Message()) : new Fault(FaultStage.Decode, _reader.Error);
    }
}
