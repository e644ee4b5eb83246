using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.Tests.Suite;
using StreamEngine.Operators.Windows;

namespace StreamEngine.Operators.Tests.Windows;

/// <summary>What windows over panes promise beyond the right values: they do not depend on when panes were merged, and cost what enters and leaves.</summary>
public class SlidingWindowTests
{
    private static readonly Schema Input = new(new Field("time", DataType.Timestamp), new Field("k", DataType.Int64), new Field("d", DataType.Float64), new Field("s",
        DataType.Utf8));

    private static readonly AggregateSpec[] Aggregates =
    [
        new("rows", AggregateFunction.Count, -1, null), new("sum_d", AggregateFunction.Sum, 2, DataType.Float64), new("avg_d", AggregateFunction.Avg, 2,
            DataType.Float64), new("max_s", AggregateFunction.Max, 3, DataType.Utf8),
        new("distinct", AggregateFunction.Count, 3, DataType.Utf8, Distinct: true),
    ];

    [Theory]
    [InlineData(1, 60, 1)]
    [InlineData(2, 60, 7)]
    [InlineData(3, 12, 9)]
    [InlineData(4, 30, 10)]
    public void Sums_of_doubles_have_the_same_bits_with_restarts_and_without(int seed, int size, int slide)
    {
        using var scope = new MemoryScope();
        var spec = new WindowAggregateSpec(new WindowSpec(size, slide), [1], Aggregates);
        var steady = new WindowLanes(scope, Input, spec, 1);
        var restarted = new WindowLanes(scope, Input, spec, 1);
        var log = new WindowLanes.StateLog();
        var random = new Random(seed);
        long time = 0, watermark = -1000;
        for (var epoch = 1; epoch <= 150; epoch++)
        {
            // Sums of such values are not associative; some rows are late for a part of their windows, so that panes come between others.
            var rows = Enumerable.Range(0, random.Next(1, 30)).Select(_ => new object?[] { (time += random.Next(2)) - random.Next(25), (long)random.Next(6),
                random.NextDouble() * Math.Pow(10, random.Next(-6, 6)), new string('t', random.Next(20)) }).ToList();
            var watermarks = rows.Select(_ => watermark = Math.Max(watermark, time - random.Next(5, 20))).ToArray();
            steady.Process(rows, watermarks, new Random(epoch));
            restarted.Process(rows, watermarks, new Random(epoch));
            Assert.Equal(steady.Watermark(watermark).Order(StringComparer.Ordinal), restarted.Watermark(watermark).Order(StringComparer.Ordinal));
            restarted.Snapshot(epoch, 0, 0, log);
            if (random.Next(4) > 0) continue;
            restarted.Dispose();
            restarted = new WindowLanes(scope, Input, spec, 1);
            restarted.Restore(log, 0);
        }
        steady.Dispose();
        restarted.Dispose();
        Assert.Equal(0, scope.BlocksOut);
    }

    [Fact]
    public void Keys_that_are_gone_are_forgotten()
    {
        using var scope = new MemoryScope();
        var spec = new WindowAggregateSpec(new WindowSpec(60, 1), [1], [Aggregates[0], Aggregates[1]]);
        var lanes = new WindowLanes(scope, Input, spec, 1);
        long most = 0;
        for (var time = 0L; time < 3000; time++)
        {
            // New keys all the time: 60 times 20 are alive.
            lanes.Process([.. Enumerable.Range(0, 20).Select(i => new object?[] { time, time * 20 + i, 1.5, null })], [.. Enumerable.Repeat(time - 1, 20)],
                new Random(1));
            Assert.Equal((int)Math.Min(60, time) * 20, lanes.Watermark(time).Count);
            if (time == 500) most = scope.BytesOut;
        }
        Assert.InRange(scope.BytesOut, 1, most * 2);
        Assert.Equal(60 * 20, lanes.Held);
        lanes.Dispose();
        Assert.Equal(0, scope.BlocksOut);
    }
}
