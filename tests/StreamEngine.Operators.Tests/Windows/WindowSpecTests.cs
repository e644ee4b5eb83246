using StreamEngine.Core;
using StreamEngine.Operators.Tests.Suite;
using StreamEngine.Operators.Windows;

namespace StreamEngine.Operators.Tests.Windows;

/// <summary>Windows against counting them out.</summary>
public class WindowSpecTests
{
    /// <summary>The ends of all windows that hold the time, in order.</summary>
    internal static List<long> EndsOf(WindowSpec window, long time)
    {
        var ends = new List<long>();
        for (var start = time - window.Size + 1; start <= time; start++)
            if (start % window.Slide == 0) ends.Add(start + window.Size);
        return ends;
    }

    internal static WindowSpec Random(Random random)
    {
        var slide = random.Next(1, 12);
        return random.Next(3) == 0 ? new WindowSpec(slide, slide) : new WindowSpec(slide + random.Next(30), slide);
    }

    [Fact]
    public void Ends_and_panes_are_those_of_the_windows_counted_out()
    {
        var random = new Random(1);
        for (var i = 0; i < 2000; i++)
        {
            var window = Random(random);
            var time = random.Next(-200, 200);
            var ends = EndsOf(window, time);
            Assert.Equal(ends[^1], window.LastEnd(time));
            Assert.Equal(ends[0], window.FirstEndAfter(time, Watermark.None));
            var watermark = random.Next(-250, 250);
            if (ends.Exists(e => e > watermark)) Assert.Equal(ends.First(e => e > watermark), window.FirstEndAfter(time, watermark));
            else Assert.True(window.FirstEndAfter(time, watermark) > ends[^1]);
            var pane = window.PaneOf(time);
            Assert.InRange(time, pane, pane + window.Pane - 1);
            Assert.All([pane, pane + window.Pane - 1], other => Assert.Equal(ends, EndsOf(window, other)));
        }
    }

    [Fact]
    public void A_row_is_late_when_all_its_windows_have_ended_and_else_counts_from_the_first_that_has_not()
    {
        using var scope = new MemoryScope();
        var schema = new Schema(new Field("time", DataType.Timestamp));
        var random = new Random(2);
        for (var round = 0; round < 300; round++)
        {
            var window = Random(random);
            var rows = Enumerable.Range(0, random.Next(1, 40)).Select(_ => new object?[] { (long)random.Next(-100, 100) }).ToList();
            var watermarks = rows.Select(_ => random.Next(5) == 0 ? Watermark.None : random.Next(-120, 120)).ToArray();
            var counts = new RowCounts();
            using var assign = new AssignWindowOperator("assign", schema, 0, window, "out");
            assign.Open(new OperatorContext(scope, counts, KeyGroupRange.All));
            using var output = new Capture(counts);
            Assert.Equal(Progress.Done, assign.Process(Rows.Of(scope, schema, rows, random, watermarks), output));
            var expected = new List<string>();
            foreach (var (time, watermark) in rows.Select(r => (long)r[0]!).Zip(watermarks))
                if (EndsOf(window, time).FirstOrDefault(e => e > watermark, long.MinValue) is var first and not long.MinValue)
                    expected.Add(Rows.Text([time, window.PaneOf(time), first]));
            Assert.Equal(rows.Count - expected.Count, output.Faults.Count);
            Assert.Equal(output.Faults.Count, counts.Late);
            Assert.All(output.Faults, f => Assert.Equal((FaultStage.Late, "out"), (f.Fault.Stage, f.Fault.Insert)));
            Assert.Equal(expected, output.TakeText());
        }
        Assert.Equal(0, scope.BlocksOut);
    }
}
