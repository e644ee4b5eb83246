using StreamEngine.Core;
using StreamEngine.Operators.EventTime;
using StreamEngine.Operators.Tests.Suite;

namespace StreamEngine.Operators.Tests.EventTime;

/// <summary>The watermark of each row is that of its partition just before it, whatever the batches, also over a restart.</summary>
public unsafe class EventTimeOperatorTests
{
    private const long Delay = 10;
    private const long MaxAhead = 50_000;

    private static readonly Schema Schema = new(new Field("time", DataType.Timestamp));

    private sealed class Feedback : INewestEventTimes
    {
        public Dictionary<int, long> Newest { get; } = [];

        public void Report(int partition, long newest)
        {
            Assert.True(newest > Newest.GetValueOrDefault(partition, long.MinValue), "it only grows");
            Newest[partition] = newest;
        }
    }

    private static Batch Raw(MemoryScope scope, int partition, (long? Time, long Stamp)[] rows, long floor, Random random)
    {
        var batch = Rows.Of(scope, Schema, [.. rows.Select(r => new object?[] { r.Time })], random);
        var physical = scope.RentArena();
        var stamps = physical.Allocate<long>(batch.Rows);
        for (var i = 0; i < rows.Length; i++) stamps[batch.RowAt(i)] = rows[i].Stamp;
        var records = new LogRecords(batch.Rows, "topic") { Partition = partition, Timestamps = stamps, IdleFloor = floor };
        var arena = scope.RentArena();
        // The records lie in an arena of their own, as raw bytes do.
        var copied = Batch.OfRecords(records, physical, BatchRole.Raw);
        var selection = arena.Allocate<ushort>(Math.Max(1, batch.Count));
        for (var i = 0; i < batch.Count; i++) selection[i] = (ushort)batch.RowAt(i);
        var times = arena.Allocate<long>(batch.Rows);
        var validity = arena.AllocateValidity(batch.Rows);
        for (var i = 0; i < batch.Rows; i++)
        {
            times[i] = batch[0].As<long>()[i];
            if (batch[0].IsNull(i)) ColumnVector.SetNull(validity, i);
        }
        var all = batch.Count == batch.Rows;
        var result = copied.With(Schema, [new ColumnVector(DataType.Timestamp, batch.Rows, (byte*)times, validity)], arena, all ? null : selection, batch.Count,
            role: BatchRole.Main);
        batch.Dispose();
        return result;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Rows_get_the_watermark_before_them_and_what_is_refused_does_not_move_it(int seed)
    {
        using var scope = new MemoryScope();
        var random = new Random(seed);
        var (newest, floors) = (new Dictionary<int, long>(), new Dictionary<int, long>());
        var feedback = new Feedback();
        EventTimeOperator? time = null;
        for (var round = 0; round < 200; round++)
        {
            if (time is null || random.Next(10) == 0)
            {
                // A restart: the newest event times come from the manifest, floors from the source.
                time = new EventTimeOperator("time", "source", Schema, new EventTimeSpec(0, "time", Delay, MaxAhead), feedback, newest.ToDictionary());
                time.Open(new OperatorContext(scope, new RowCounts(), KeyGroupRange.All));
            }
            var partition = random.Next(3);
            var rows = Enumerable.Range(0, random.Next(1, 30))
                .Select(_ => random.Next(8) switch { 0 => ((long?)null, 1L), 1 => (round * 5L + MaxAhead + 5_000, 1 + round / 200), 2 => (round * 5L, -1L), _ =>
                (round * 5L + random.Next(40), 1000L) }).ToArray();
            var floor = random.Next(6) == 0 ? round * 5L : Watermark.None;
            floors[partition] = Math.Max(floors.GetValueOrDefault(partition, Watermark.None), floor);
            var counts = new RowCounts();
            using var output = new Capture(counts);
            time.Process(Raw(scope, partition, rows, floors[partition], random), output);
            var expected = new List<(long Time, long Watermark)>();
            foreach (var (value, stamp) in rows)
            {
                // Of a record without a timestamp nothing can be said to lie ahead.
                if (value is not { } at || (stamp >= 0 && at - MaxAhead > stamp * 1000)) continue;
                var before = newest.TryGetValue(partition, out var n) ? n - Delay : Watermark.None;
                expected.Add((at, Math.Max(before, floors[partition])));
                newest[partition] = Math.Max(at, newest.GetValueOrDefault(partition, at));
            }
            Assert.Equal(rows.Length - expected.Count, counts.DeadLettered);
            Assert.All(output.Faults, f => Assert.Equal(FaultStage.EventTime, f.Fault.Stage));
            var actual = new List<(long, long)>();
            foreach (var batch in output.Batches)
                for (var i = 0; i < batch.Count; i++) actual.Add((batch[0].As<long>()[batch.RowAt(i)], batch.RowWatermarks[batch.RowAt(i)]));
            Assert.Equal(expected, actual);
            if (newest.TryGetValue(partition, out var seen) && feedback.Newest.TryGetValue(partition, out var told)) Assert.Equal(seen, told);
        }
        var report = new EpochReport();
        time!.Snapshot(new SnapshotRequest(1, 0, 0, report), null!);
        report.PutSource("source", new SourcePosition("topic", "id", 0, newest.ToDictionary(p => p.Key, _ => new PartitionPosition(0, 0, []))));
        Assert.Equal(newest, report.Sources()["source"].Partitions.ToDictionary(p => p.Key, p => p.Value.Newest));
        Assert.Equal(0, scope.BlocksOut);
    }
}
