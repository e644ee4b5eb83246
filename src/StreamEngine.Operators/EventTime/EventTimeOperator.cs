using StreamEngine.Core;

namespace StreamEngine.Operators.EventTime;

/// <summary>How a source's rows get their event time.</summary>
/// <param name="Column">Its position in the batch; -1: the record's timestamp.</param>
/// <param name="Name">Its name, for messages.</param>
/// <param name="OutOfOrderness">Microseconds that a row may be older than the newest before it.</param>
/// <param name="MaxAhead">Microseconds that an event time may be past its own record's timestamp; beyond it the row is a dead letter.</param>
internal sealed record EventTimeSpec(int Column, string Name, long OutOfOrderness, long MaxAhead);

/// <summary>
/// Gives each row the watermark of its own partition just before it: lateness is then a property of the log, the same for every batch size, lane and interleaving. Rows
/// that are dead letters by here do not move the watermark. Row by row in record order; the newest event time of each partition goes back to the source, and into the
/// manifest. Redriven rows stand outside: what counts for them is the watermark that the source had issued, and they move nothing.
/// </summary>
internal sealed unsafe class EventTimeOperator(string id, string source, Schema schema, EventTimeSpec spec, INewestEventTimes feedback, IReadOnlyDictionary<int,
    long> newest) : IOperator
{
    private readonly Dictionary<int, PartitionTime> _partitions = newest.ToDictionary(n => n.Key, n => new PartitionTime { Newest = n.Value });
    private MemoryScope _scope = null!;

    private sealed class PartitionTime
    {
        public long Newest = Watermark.None;
        public long Floor = Watermark.None;
    }

    public string Id => id;

    public Schema Output => schema;

    public void Open(OperatorContext context) => _scope = context.Scope;

    public Progress Process(Batch batch, IEmitter output)
    {
        var records = batch.Records ?? throw new InvalidOperationException("event time is taken where rows still have their records");
        var partition = records.Redrive is { } redrive ? new PartitionTime { Floor = redrive.Watermark } : Of(records.Partition);
        partition.Floor = Math.Max(partition.Floor, records.IdleFloor);
        var arena = _scope.RentArena();
        var watermarks = arena.Allocate<long>(batch.Rows);
        var column = spec.Column >= 0 ? batch[spec.Column] : null;
        var times = column is null ? null : column.As<long>();
        var selection = (ushort*)null;
        var kept = 0;
        var before = partition.Newest;
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            var stamp = records.Timestamps is null ? long.MaxValue : records.Timestamps[row];
            // A record may be without a timestamp (-1): then there is nothing that an event time could be too far ahead of.
            var time = times is null ? stamp < 0 ? Watermark.None : stamp * 1000 : column!.IsNull(row) ? Watermark.None : times[row];
            if (time == Watermark.None || (stamp is >= 0 and < long.MaxValue / 1000 && times is not null && time - spec.MaxAhead > stamp * 1000))
            {
                Refuse(batch, row, time == Watermark.None, output);
                if (selection is null)
                {
                    selection = arena.Allocate<ushort>(batch.Count);
                    for (var k = 0; k < kept; k++) selection[k] = (ushort)batch.RowAt(k);
                }
                continue;
            }
            watermarks[row] = Math.Max(partition.Newest == Watermark.None ? Watermark.None : partition.Newest - spec.OutOfOrderness, partition.Floor);
            if (time > partition.Newest && records.Redrive is null) partition.Newest = time;
            if (selection is not null) selection[kept] = (ushort)row;
            kept++;
        }
        var result = selection is null && batch.Selection is null ? batch.With(schema, [.. batch.Columns], arena, null, batch.Rows, watermarks, partition.Floor)
            : batch.With(schema, [.. batch.Columns], arena, selection is null ? batch.Selection : selection, selection is null ? batch.Count : kept, watermarks,
                partition.Floor);
        output.Emit(result);
        if (partition.Newest > before) feedback.Report(records.Partition, partition.Newest);
        return Progress.Done;
    }

    private PartitionTime Of(int partition)
    {
        if (!_partitions.TryGetValue(partition, out var time)) _partitions[partition] = time = new PartitionTime();
        return time;
    }

    private void Refuse(Batch batch, int row, bool isNull, IEmitter output) =>
        output.Fault(batch, row, new Fault(FaultStage.EventTime, isNull ? $"the event time {spec.Name} is null"
            : $"the event time {spec.Name} is more than {DurationText.OfMicros(spec.MaxAhead)} past the record's timestamp"));

    public void Snapshot(in SnapshotRequest request, IStateWriter writer)
    {
        foreach (var (partition, time) in _partitions)
            if (time.Newest != Watermark.None) request.Report.PutNewest(source, partition, time.Newest);
    }

    public void Dispose()
    {
    }
}
