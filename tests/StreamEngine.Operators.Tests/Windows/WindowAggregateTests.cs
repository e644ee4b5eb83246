using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.Tests.Suite;
using StreamEngine.Operators.Windows;

namespace StreamEngine.Operators.Tests.Windows;

/// <summary>Window aggregation against the naive one, over random rows, windows, watermarks, restores and lanes.</summary>
public class WindowAggregateTests
{
    private static readonly DataType Money = DataType.Decimal(20, 2);

    private static readonly Schema Input = new(new Field("time", DataType.Timestamp), new Field("k", DataType.Utf8), new Field("n", DataType.Int32),
        new Field("i", DataType.Int32), new Field("b", DataType.Int64),
        new Field("d", DataType.Float64), new Field("m", Money), new Field("s", DataType.Utf8), new Field("t", DataType.Boolean), new Field("w", DataType.Timestamp));

    private static readonly AggregateSpec[] All =
    [
        new("rows", AggregateFunction.Count, -1, null), new("strings", AggregateFunction.Count, 7, DataType.Utf8),
            new("distinct_s", AggregateFunction.Count, 7, DataType.Utf8, Distinct: true),
        new("distinct_i", AggregateFunction.Count, 3, DataType.Int32, Distinct: true), new("sum_i", AggregateFunction.Sum, 3, DataType.Int32),
            new("sum_b", AggregateFunction.Sum, 4, DataType.Int64),
        new("sum_d", AggregateFunction.Sum, 5, DataType.Float64), new("sum_m", AggregateFunction.Sum, 6, Money), new("avg_i", AggregateFunction.Avg, 3, DataType.Int32),
            new("avg_b", AggregateFunction.Avg, 4, DataType.Int64),
        new("avg_d", AggregateFunction.Avg, 5, DataType.Float64), new("avg_m", AggregateFunction.Avg, 6, Money), new("min_i", AggregateFunction.Min, 3, DataType.Int32),
            new("max_b", AggregateFunction.Max, 4, DataType.Int64),
        new("min_d", AggregateFunction.Min, 5, DataType.Float64), new("max_m", AggregateFunction.Max, 6, Money), new("min_s", AggregateFunction.Min, 7, DataType.Utf8),
            new("max_s", AggregateFunction.Max, 7, DataType.Utf8),
        new("max_t", AggregateFunction.Max, 8, DataType.Boolean), new("min_w", AggregateFunction.Min, 9, DataType.Timestamp),
    ];

    private static object?[] Row(Random random, long time)
    {
        object? Or(object value) => random.Next(5) == 0 ? null : value;
        return [time, Or(new string((char)('a' + random.Next(4)), random.Next(1, 20))), Or(random.Next(3)), Or(random.Next(-50, 50)),
            Or(random.NextInt64(long.MinValue, long.MaxValue)), Or(random.Next(-100, 100) * 0.25),
            Or((Int128)random.Next(-1000, 1000)), Or(new string((char)('p' + random.Next(6)), random.Next(0, 25))), Or(random.Next(2) == 0), Or(random.NextInt64(1000))];
    }

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_window_is_that_of_the_naive_one_also_after_restores_on_other_lanes(int seed)
    {
        var random = new Random(seed);
        using var scope = new MemoryScope();
        int[] keys = random.Next(4) switch { 0 => [1], 1 => [2], 2 => [1, 2], _ => [] };
        var aggregates = All.Where(_ => random.Next(2) == 0).Append(All[0]).Distinct().ToArray();
        var window = WindowSpecTests.Random(random);
        var spec = new WindowAggregateSpec(window, keys, aggregates);
        var naive = new NaiveWindows(window, keys, aggregates);
        var lanes = new WindowLanes(scope, Input, spec, 1 + random.Next(4));
        var log = new WindowLanes.StateLog();
        var (next, begin, restoreFrom) = (0, 0, 0);
        long watermark = Watermark.None, rowWatermark = -100, time = 0;
        for (var epoch = 1; epoch <= 30; epoch++)
        {
            for (var batch = random.Next(3); batch > 0; batch--)
            {
                var rows = Enumerable.Range(0, random.Next(1, 60)).Select(_ => Row(random, (time += random.Next(2)) - random.Next(15))).ToList();
                // A partition's watermark only grows, and the common one is never past it.
                var watermarks = rows.Select(_ => rowWatermark = Math.Max(rowWatermark, time - random.Next(5, 40))).ToArray();
                for (var i = 0; i < rows.Count; i++) naive.Add(rows[i], (long)rows[i][0]!, watermarks[i]);
                lanes.Process(rows, watermarks, random);
            }
            if (random.Next(3) > 0 && rowWatermark > watermark)
            {
                watermark = rowWatermark;
                Assert.Equal(naive.Close(watermark).Order(StringComparer.Ordinal), lanes.Watermark(watermark).Order(StringComparer.Ordinal));
            }
            Assert.Equal(naive.Held, lanes.Held);
            // A round of whole key groups, some in each epoch, as the rotation does it.
            if (next == 0) begin = log.Pieces.Count;
            var to = Math.Min(KeyGroupRange.Count, next + random.Next(3) * 40);
            lanes.Snapshot(epoch, next, to, log);
            next = to % KeyGroupRange.Count;
            if (to == KeyGroupRange.Count) restoreFrom = begin;
            if (random.Next(4) > 0) continue;
            lanes.Dispose();
            Assert.Equal(0, scope.BlocksOut);
            lanes = new WindowLanes(scope, Input, spec, 1 + random.Next(4));
            lanes.Restore(log, restoreFrom);
            next = 0;
            Assert.Equal(naive.Held, lanes.Held);
        }
        Assert.Equal(naive.Close(Watermark.Finished).Order(StringComparer.Ordinal), lanes.Watermark(Watermark.Finished).Order(StringComparer.Ordinal));
        Assert.Equal(0, lanes.Held);
        lanes.Dispose();
        Assert.Equal(0, scope.BlocksOut);
    }

    [Fact]
    public void A_window_of_many_keys_comes_in_batches_and_its_state_in_pieces()
    {
        using var scope = new MemoryScope();
        var spec = new WindowAggregateSpec(new WindowSpec(10, 10), [7], [All[0], All[2]]);
        var random = new Random(3);
        var lanes = new WindowLanes(scope, Input, spec, 1);
        var expected = new List<string>();
        for (var batch = 0; batch < 12; batch++)
        {
            var rows = Enumerable.Range(0, 2000).Select(i =>
                new object?[] { 5L, null, null, null, null, null, null, $"a key that is long enough to make pieces full {batch} {i}", null, null }).ToList();
            expected.AddRange(rows.Select(r => Rows.Text([0L, 10L, r[7], 1L, 1L])));
            lanes.Process(rows, [.. rows.Select(_ => Watermark.None)], random);
        }
        var log = new WindowLanes.StateLog();
        lanes.Snapshot(1, 0, 0, log);
        Assert.True(log.Pieces.Count > 3);
        Assert.Equal(12 * 2000, lanes.Held);
        lanes.Dispose();
        lanes = new WindowLanes(scope, Input, spec, 3);
        lanes.Restore(log, 0);
        Assert.Equal(expected.Order(StringComparer.Ordinal), lanes.Watermark(10).Order(StringComparer.Ordinal));
        Assert.Equal(12 * 2000, lanes.Done);
        lanes.Dispose();
        Assert.Equal(0, scope.BlocksOut);
    }

    [Fact]
    public void A_sum_that_leaves_its_type_is_a_fault_of_its_group_alone()
    {
        using var scope = new MemoryScope();
        var type = DataType.Decimal(38, 0);
        var schema = new Schema(new Field("time", DataType.Timestamp), new Field("k", DataType.Int32), new Field("m", type));
        AggregateSpec[] aggregates = [new("total", AggregateFunction.Sum, 2, type)];
        var most = Int128.Parse(new string('9', 38), System.Globalization.CultureInfo.InvariantCulture);
        var counts = new RowCounts();
        using var assign = new AssignWindowOperator("assign", schema, 0, new WindowSpec(10, 10), "out");
        using var aggregate = new WindowAggregateOperator("window", assign.Output, new WindowAggregateSpec(new WindowSpec(10, 10), [1], aggregates) { Insert = "out" });
        var context = new OperatorContext(scope, counts, KeyGroupRange.All);
        assign.Open(context);
        aggregate.Open(context);
        using var output = new Capture(counts);
        assign.Process(Rows.Of(scope, schema, [[1L, 1, most], [1L, 2, most], [1L, 1, (Int128)1], [1L, 3, null]]), output);
        aggregate.Process(output.TakeOne(), output);
        while (aggregate.OnWatermark(10, output) == Progress.More)
        {
        }
        Assert.Equal([Rows.Text([0L, 10L, 2, most]), Rows.Text([0L, 10L, 3, null])], output.TakeText());
        var fault = Assert.Single(output.Faults).Fault;
        Assert.Equal((FaultStage.Expression, "out"), (fault.Stage, fault.Insert));
    }

    [Fact]
    public void A_hot_key_takes_no_more_memory_than_any_other_and_changes_alone_are_written()
    {
        using var scope = new MemoryScope();
        const int Keys = 100_000;
        var schema = new Schema(new Field("time", DataType.Timestamp), new Field("k", DataType.Int32), new Field("n", DataType.Int64));
        AggregateSpec[] aggregates = [All[0], new("sum", AggregateFunction.Sum, 2, DataType.Int64)];
        var lanes = new WindowLanes(scope, schema, new WindowAggregateSpec(new WindowSpec(10, 10), [1], aggregates), 3);
        void Add(Func<int, int> keyOf)
        {
            for (var from = 0; from < Keys; from += 2000)
                lanes.Process([.. Enumerable.Range(from, 2000).Select(i => new object?[] { 5L, keyOf(i), 1L })], new long[2000], new Random(from));
        }

        Add(i => i);
        var all = new WindowLanes.StateLog();
        lanes.Snapshot(1, 0, 0, all);
        var blocks = scope.BlocksOut;
        Add(_ => 7);
        Assert.Equal(blocks, scope.BlocksOut);
        var changes = new WindowLanes.StateLog();
        lanes.Snapshot(2, 0, 0, changes);
        Assert.True(all.Pieces.Sum(p => p.Payload.Length) > Keys, "the first epoch has to write every key");
        Assert.InRange(changes.Pieces.Sum(p => p.Payload.Length), 1, 1000);
        var rows = lanes.Watermark(10);
        Assert.Equal(Keys, rows.Count);
        Assert.Contains(Rows.Text([0L, 10L, 7, Keys + 1L, Keys + 1L]), rows);
        lanes.Dispose();
        Assert.Equal(0, scope.BlocksOut);
    }

    [Fact]
    public void State_above_its_limit_is_an_error_that_names_the_operator()
    {
        using var scope = new MemoryScope();
        var schema = new Schema(new Field("time", DataType.Timestamp), new Field("k", DataType.Int32));
        var context = new OperatorContext(scope, new RowCounts(), KeyGroupRange.All) { StateLimit = 1 << 20 };
        using var assign = new AssignWindowOperator("assign", schema, 0, new WindowSpec(10, 10), "out");
        using var aggregate = new WindowAggregateOperator("window 1", assign.Output, new WindowAggregateSpec(new WindowSpec(10, 10), [1], [All[0]]));
        assign.Open(context);
        aggregate.Open(context);
        using var output = new Capture(new RowCounts());
        var refused = Assert.Throws<StartupException>(() =>
        {
            for (var from = 0; from < 200_000; from += 2000)
            {
                assign.Process(Rows.Of(scope, schema, [.. Enumerable.Range(from, 2000).Select(i => new object?[] { 5L, i })]), output);
                aggregate.Process(output.TakeOne(), output);
            }
        });
        Assert.Contains("the state of operator window 1 has 1 MiB, above its limit of 1 MiB", refused.Message, StringComparison.Ordinal);
    }
}
