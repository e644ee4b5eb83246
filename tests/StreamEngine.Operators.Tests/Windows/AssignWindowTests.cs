using StreamEngine.Core;
using StreamEngine.Operators.Tests.Suite;
using StreamEngine.Operators.Windows;

namespace StreamEngine.Operators.Tests.Windows;

/// <summary>
/// Panes and lateness row by row, over batches of which a filter has selected some rows: what is kept are those of the selected rows that are not late, by their physical
/// places. (The selection was once built of positions rather than of places when the first late row came.)
/// </summary>
public unsafe class AssignWindowTests
{
    private static readonly Schema Schema = new(new Field("time", DataType.Timestamp, false), new Field("id", DataType.Int64, false));

    [Theory]
    [InlineData(10, 10, 1)]
    [InlineData(10, 10, 2)]
    [InlineData(30, 10, 3)]
    [InlineData(25, 10, 4)]
    [InlineData(7, 3, 5)]
    public void Selected_rows_keep_their_places(int size, int slide, int seed)
    {
        using var scope = new MemoryScope();
        var random = new Random(seed);
        var window = new WindowSpec(size, slide);
        using var assign = new AssignWindowOperator("assign", Schema, 0, window, "insert");
        var (selected, late) = (0, 0);
        for (var round = 0; round < 300; round++)
        {
            var counts = new RowCounts();
            assign.Open(new OperatorContext(scope, counts, KeyGroupRange.All));
            using var output = new Capture(counts);
            var rows = Enumerable.Range(0, random.Next(1, 40)).Select(i => new object?[] { (long)random.Next(-100, 200), (long)i }).ToList();
            var watermarks = rows.Select(_ => random.Next(4) == 0 ? (long)random.Next(-100, 200) : Watermark.None).ToArray();
            var batch = Rows.Of(scope, Schema, rows, random, watermarks);
            if (batch.Count < batch.Rows) selected++;
            assign.Process(batch, output);
            var expected = new List<string>();
            var lost = new List<long>();
            foreach (var (row, watermark) in rows.Zip(watermarks))
            {
                var time = (long)row[0]!;
                // Every window that holds the time, by the definition: [start, start + size) at multiples of the slide.
                var ends = Enumerable.Range(-200, 500).Select(n => (long)n * slide).Where(start => start <= time && time < start + size).Select(start => start + size)
                    .Where(end => end > watermark).ToList();
                if (ends.Count == 0) lost.Add((long)row[1]!);
                else expected.Add($"{time}|{row[1]}|{window.PaneOf(time)}|{ends.Min()}");
            }
            late += lost.Count;
            Assert.Equal(lost.Count, counts.Late);
            Assert.Equal(expected, output.TakeText());
        }
        Assert.True(selected > 50 && late > 50, "the case was not met");
        Assert.Equal(0, scope.BlocksOut);
    }

    [Fact]
    public void A_late_row_behind_rows_that_a_filter_dropped_leaves_the_right_ones()
    {
        using var scope = new MemoryScope();
        var counts = new RowCounts();
        using var output = new Capture(counts);
        using var assign = new AssignWindowOperator("assign", Schema, 0, new WindowSpec(10, 10), "insert");
        assign.Open(new OperatorContext(scope, counts, KeyGroupRange.All));
        var all = Rows.Of(scope, Schema, [.. Enumerable.Range(0, 6).Select(i => new object?[] { 100L + i, (long)i })], watermarks: [0, 0, 0, 0, 500, 0]);
        var arena = scope.RentArena();
        var rows = arena.Allocate<ushort>(3);
        (rows[0], rows[1], rows[2]) = (2, 4, 5);
        assign.Process(all.WithSelection(rows, 3, arena), output);
        Assert.Equal(["102|2|100|110", "105|5|100|110"], output.TakeText());
        Assert.Equal(4, Assert.Single(output.Faults).Row);
    }
}
