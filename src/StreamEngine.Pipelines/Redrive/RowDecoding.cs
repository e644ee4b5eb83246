using StreamEngine.Compute.Binding;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;

namespace StreamEngine.Pipelines.Redrive;

/// <summary>Decodes payloads as a source does, all columns of them, apart from any graph: for SQL over dead letters and for where in event time they belong.</summary>
internal sealed class RowDecoding : IDisposable
{
    private readonly SourceDefinition _source;
    private readonly MemoryScope _scope;
    private readonly IDecoder _decoder;
    private readonly Evaluator? _time;
    private readonly RowFaults _faults = new();

    /// <param name="source">The source.</param>
    /// <param name="scope">Memory.</param>
    public RowDecoding(SourceDefinition source, MemoryScope scope)
    {
        (_source, _scope) = (source, scope);
        // What does not decode is null, also in a column that may not be.
        Schema = new Schema(source.Schema.Select(f => f with { Nullable = true }));
        _decoder = FormatBinding.CreateDecoder(source.Format,
            new PhysicalSource(source.Name, source.Schema, [.. source.Schema.Select(_ => true)], source.Schema, false, [], null), scope);
        if (source.EventTime.Column is { } column) _time = Evaluator.Compile(ExpressionBinder.Bind(ExpressionParser.Parse(column), Scope.Of(Schema, source.Name)));
    }

    public Schema Schema { get; }

    /// <summary>Rows that were decoded; null everywhere in those that could not be.</summary>
    /// <param name="Batch">Owns the memory.</param>
    /// <param name="Columns">The columns of <see cref="Schema"/>.</param>
    /// <param name="Errors">Per row why it could not be decoded; null where it was.</param>
    internal sealed record Rows(Batch? Batch, ColumnVector[] Columns, string?[] Errors) : IDisposable
    {
        public void Dispose() => Batch?.Dispose();
    }

    /// <summary>Decodes at most <see cref="Batch.MaxRows"/> payloads; the arena has to outlive the rows.</summary>
    public unsafe Rows Decode(IReadOnlyList<byte[]?> payloads, Arena arena)
    {
        var raw = _scope.RentArena();
        var values = raw.Allocate<Bytes>(payloads.Count);
        var offsets = raw.Allocate<long>(payloads.Count);
        for (var i = 0; i < payloads.Count; i++)
        {
            offsets[i] = i;
            values[i] = payloads[i] is { } bytes ? new Bytes(raw.Copy(bytes), bytes.Length) : Bytes.Null;
        }
        var emitter = new Refusals(payloads.Count);
        var records = new LogRecords(payloads.Count, _source.Topic) { Partition = 0, Name = _source.Name, Values = values, Offsets = offsets };
        var batch = _decoder.Decode(Batch.OfRecords(records, raw, BatchRole.Raw), emitter);
        return new Rows(batch, [.. Enumerable.Range(0, Schema.Count).Select(c => WithoutRefused(batch[c], emitter.Errors, arena))], emitter.Errors);
    }

    private static unsafe ColumnVector WithoutRefused(ColumnVector column, string?[] errors, Arena arena)
    {
        var validity = arena.AllocateValidity(column.Length);
        for (var row = 0; row < column.Length; row++)
            if (errors[row] is not null || column.IsNull(row)) ColumnVector.SetNull(validity, row);
        return new ColumnVector(column.Type, column.Length, column.Values, validity, column.Children);
    }

    /// <summary>The event times of decoded rows, microseconds; null where a row has none.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="timestamps">The original records' timestamps, milliseconds: where the source names no column they are it.</param>
    /// <param name="arena">For what is in between.</param>
    public unsafe long?[] EventTimes(Rows rows, IReadOnlyList<long> timestamps, Arena arena)
    {
        if (_time is null) return [.. timestamps.Select(t => (long?)(t * 1000))];
        _faults.Clear();
        var column = _time.Evaluate(rows.Columns, timestamps.Count, null, timestamps.Count, arena, _faults);
        var times = new long?[timestamps.Count];
        for (var row = 0; row < times.Length; row++) times[row] = column.IsNull(row) ? null : column.As<long>()[row];
        return times;
    }

    public void Dispose() => (_decoder as IDisposable)?.Dispose();

    private sealed class Refusals(int rows) : IEmitter
    {
        public string?[] Errors { get; } = new string?[rows];

        public void Emit(Batch batch) => throw new InvalidOperationException("a decoder emits nothing but faults");

        public void Fault(Batch batch, int row, in Fault fault) => Errors[row] = fault.Message;
    }
}
