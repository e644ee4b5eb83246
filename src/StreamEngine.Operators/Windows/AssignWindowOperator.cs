using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;

namespace StreamEngine.Operators.Windows;

/// <summary>
/// Decides lateness and the pane of each row, before any exchange. A row is late when every window it belongs to ended at or before the watermark of its own partition
/// just before it; a row that misses only some of its sliding windows counts in those that end after it, so that its pane has the first of them as a second coordinate.
/// Two columns are added: the pane's start, and for sliding windows the end of the first window that counts the row.
/// </summary>
internal sealed unsafe class AssignWindowOperator(string id, Schema input, int timeColumn, WindowSpec window, string insert) : IOperator
{
    /// <summary>The most bytes of texts that a row may bring into state: an entry of state has to fit into a piece of it.</summary>
    public const int MostText = 256 * 1024;

    public const string PaneColumn = "$pane";
    public const string FirstColumn = "$first";

    private MemoryScope _scope = null!;
    private long _watermark = Watermark.None;

    public string Id => id;

    public Schema Output { get; } = new([.. input, new Field(PaneColumn, DataType.Timestamp, false), new Field(FirstColumn, DataType.Timestamp, false)]);

    /// <summary>Text columns that go into state: grouping keys, and texts of which the least, the greatest or the distinct ones are kept.</summary>
    public IReadOnlyList<int> KeptTexts { get; init; } = [];

    public void Open(OperatorContext context) => _scope = context.Scope;

    public Progress Process(Batch batch, IEmitter output)
    {
        var arena = _scope.RentArena();
        batch = Usable(batch, output);
        var panes = arena.Allocate<long>(batch.Rows);
        var firsts = arena.Allocate<long>(batch.Rows);
        var times = timeColumn < 0 ? RecordTimes(batch, arena) : batch[timeColumn].As<long>();
        var rows = new RowSet(batch.Selection, batch.Count);
        var kept = TryWhole(batch, times, rows, panes, firsts) ? rows : ByRow(batch, times, rows, panes, firsts, arena, output);
        ColumnVector[] columns = [.. batch.Columns,
            new ColumnVector(DataType.Timestamp, batch.Rows, (byte*)panes), new ColumnVector(DataType.Timestamp, batch.Rows, (byte*)firsts)];
        output.Emit(batch.With(Output, columns, arena, kept.Rows, kept.Count));
        return Progress.Done;
    }

    /// <summary>
    /// Without the rows that cannot be counted: no event time (behind a user's own stage nobody has looked at it before), or texts that no piece of state could hold.
    /// </summary>
    private Batch Usable(Batch batch, IEmitter output)
    {
        var nulls = timeColumn >= 0 && batch[timeColumn].MayHaveNulls;
        if (!nulls && !HasLongTexts(batch)) return batch;
        var arena = _scope.RentArena();
        var selection = arena.Allocate<ushort>(Math.Max(1, batch.Count));
        var kept = 0;
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            if (nulls && batch[timeColumn].IsNull(row))
                output.Fault(batch, row, new Fault(FaultStage.EventTime, $"the event time {input[timeColumn].Name} is null", Insert: insert));
            else if (TextOf(batch, row) is var bytes and > MostText)
                output.Fault(batch, row, new Fault(FaultStage.Expression,
                $"the row's grouping keys and kept texts have {bytes} bytes, more than the {MostText} that state may hold of one row", Insert: insert));
            else selection[kept++] = (ushort)row;
        }
        return batch.WithSelection(selection, kept, arena);
    }

    private bool HasLongTexts(Batch batch)
    {
        long sum = 0;
        var rows = new RowSet(batch.Selection, batch.Count);
        foreach (var index in KeptTexts)
        {
            var column = batch[index];
            var views = column.As<Utf8View>();
            if (column.MayHaveNulls)
            {
                for (var i = 0; i < rows.Count; i++) sum += column.IsNull(rows.At(i)) ? 0 : views[rows.At(i)].Length;
            }
            else
            {
                for (var i = 0; i < rows.Count; i++) sum += views[rows.At(i)].Length;
            }
        }
        // What the whole batch has not, none of its rows has.
        return sum > MostText;
    }

    private long TextOf(Batch batch, int row)
    {
        long sum = 0;
        foreach (var column in KeptTexts)
            if (!batch[column].IsNull(row)) sum += batch[column].As<Utf8View>()[row].Length;
        return sum;
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
        output.Fault(batch, row, new Fault(FaultStage.Late, batch.Records?.Redrive is not null ? "redrive" : idle ? "idle"
            : $"its last window ended {DurationText.OfMicros(watermark - end)} before the watermark of its partition", Insert: insert));
    }

    public void Dispose()
    {
    }
}
