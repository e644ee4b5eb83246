using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Operators.Windows;

/// <summary>
/// Decides lateness and the pane of each row, before any exchange. A row is late when every window it belongs to ended at or before the watermark of its own partition just before it; a row that misses only
/// some of its sliding windows counts in those that end after it, so that its pane has the first of them as a second coordinate. Two columns are added: the pane's start, and for sliding windows the end of
/// the first window that counts the row.
/// </summary>
internal sealed unsafe class AssignWindowOperator(string id, Schema input, int timeColumn, WindowSpec window, string insert) : IOperator
{
    public const string PaneColumn = "$pane";
    public const string FirstColumn = "$first";

    private MemoryScope _scope = null!;
    private long _watermark = Watermark.None;

    public string Id => id;

    public Schema Output { get; } = new([.. input, new Field(PaneColumn, DataType.Timestamp, false), new Field(FirstColumn, DataType.Timestamp, false)]);

    public void Open(OperatorContext context) => _scope = context.Scope;

    public Progress Process(Batch batch, IEmitter output)
    {
        var arena = _scope.RentArena();
        var panes = arena.Allocate<long>(batch.Rows);
        var firsts = arena.Allocate<long>(batch.Rows);
        var times = timeColumn < 0 ? RecordTimes(batch, arena) : batch[timeColumn].As<long>();
        var rows = new RowSet(batch.Selection, batch.Count);
        var kept = TryWhole(batch, times, rows, panes, firsts) ? rows : ByRow(batch, times, rows, panes, firsts, arena, output);
        ColumnVector[] columns = [.. batch.Columns, new ColumnVector(DataType.Timestamp, batch.Rows, (byte*)panes), new ColumnVector(DataType.Timestamp, batch.Rows, (byte*)firsts)];
        output.Emit(batch.With(Output, columns, arena, kept.Rows, kept.Count));
        return Progress.Done;
    }

    /// <summary>Most batches lie in one pane and have no row that is late for any window: the least and the greatest time and the greatest watermark tell.</summary>
    private bool TryWhole(Batch batch, long* times, RowSet rows, long* panes, long* firsts)
    {
        if (rows.Count == 0) return true;
        var (least, greatest) = TimeRange.Of(times, rows);
        var pane = window.PaneOf(least);
        if (greatest >= pane + window.Pane) return false;
        var watermark = batch.RowWatermarks is null ? _watermark : TimeRange.Of(batch.RowWatermarks, rows).Greatest;
        var first = window.FirstEndAfter(least, Watermark.None);
        if (first <= watermark) return false;
        new Span<long>(panes, batch.Rows).Fill(pane);
        new Span<long>(firsts, batch.Rows).Fill(first);
        return true;
    }

    private RowSet ByRow(Batch batch, long* times, RowSet rows, long* panes, long* firsts, Arena arena, IEmitter output)
    {
        var watermarks = batch.RowWatermarks;
        ushort* selection = null;
        var kept = 0;
        // Rows come nearly in order: the pane of the row before is tried first, which saves the divisions.
        long pane = 0, paneEnd = long.MinValue, first = 0, last = 0;
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows.At(i);
            var time = times[row];
            if (time < pane || time >= paneEnd)
            {
                pane = window.PaneOf(time);
                paneEnd = pane + window.Pane;
                first = window.FirstEndAfter(time, Watermark.None);
                last = window.LastEnd(time);
            }
            var watermark = watermarks is null ? _watermark : watermarks[row];
            if (last <= watermark)
            {
                Late(batch, row, watermark, last, output);
                if (selection is null)
                {
                    selection = arena.Allocate<ushort>(rows.Count);
                    for (var k = 0; k < kept; k++) selection[k] = (ushort)rows.At(k);
                }
                continue;
            }
            panes[row] = pane;
            firsts[row] = first > watermark ? first : window.FirstEndAfter(time, watermark);
            if (selection is not null) selection[kept] = (ushort)row;
            kept++;
        }
        return selection is null ? rows : new RowSet(selection, kept);
    }

    /// <summary>Rows of a user's own stage carry no watermark of their own: for them the common one counts, as far as it has come.</summary>
    public Progress OnWatermark(long time, IEmitter output)
    {
        _watermark = time;
        return Progress.Done;
    }

    private static long* RecordTimes(Batch batch, Arena arena)
    {
        var times = arena.Allocate<long>(batch.Rows);
        for (var row = 0; row < batch.Rows; row++) times[row] = batch.Records!.Timestamps[row] * 1000;
        return times;
    }

    private void Late(Batch batch, int row, long watermark, long end, IEmitter output)
    {
        var idle = batch.IdleFloor != Watermark.None && watermark == batch.IdleFloor;
        output.Fault(batch, row, new Fault(FaultStage.Late, idle ? "idle" : $"its last window ended {TimeSpan.FromMicroseconds(watermark - end)} before the watermark of its partition", Insert: insert));
    }

    public void Dispose()
    {
    }
}
