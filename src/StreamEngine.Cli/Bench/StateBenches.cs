using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.Windows;

namespace StreamEngine.Cli.Bench;

/// <summary>State of windows out to pieces and back: what stands between a start and the first row.</summary>
internal static unsafe class StateBenches
{
    private static readonly Schema Input = new(new Field("k", DataType.Int64, false), new Field("n", DataType.Int64, false), new Field(AssignWindowOperator.PaneColumn,
        DataType.Timestamp, false),
        new Field(AssignWindowOperator.FirstColumn, DataType.Timestamp, false));

    private static readonly WindowSpec Hourly = new(Calendar.MicrosPerHour, Calendar.MicrosPerHour);

    /// <summary>One window of so many keys, each with a count and a sum, restored from whole key groups.</summary>
    public static BenchResult Restore(long keys)
    {
        using var scope = new MemoryScope("bench");
        var pieces = new Pieces();
        using (var full = Create(scope))
        {
            Fill(full, keys, scope);
            full.Snapshot(new SnapshotRequest(1, 0, KeyGroupRange.Count, new EpochReport()), pieces);
        }
        return Measurement.Of("restore", keys, () =>
        {
            using var restored = Create(scope);
            foreach (var (keyGroup, kind, payload) in pieces.Written) restored.Restore(new StatePart(keyGroup, kind, payload));
        });
    }

    /// <summary>The same state written whole: what a rotation of all key groups costs.</summary>
    public static BenchResult Snapshot(long keys)
    {
        using var scope = new MemoryScope("bench");
        using var full = Create(scope);
        Fill(full, keys, scope);
        return Measurement.Of("snapshot", keys, () => full.Snapshot(new SnapshotRequest(1, 0, KeyGroupRange.Count, new EpochReport()), new Pieces()));
    }

    private static WindowAggregateOperator Create(MemoryScope scope)
    {
        var op = new WindowAggregateOperator("window", Input, new WindowAggregateSpec(Hourly, [0], [new AggregateSpec("rows", AggregateFunction.Count, -1, null),
            new AggregateSpec("sum", AggregateFunction.Sum, 1, DataType.Int64)]));
        op.Open(new OperatorContext(scope, new RowCounts(), KeyGroupRange.All));
        return op;
    }

    private static void Fill(WindowAggregateOperator op, long keys, MemoryScope scope)
    {
        using var none = new NoFaults();
        for (long first = 0; first < keys; first += Batch.DefaultRows)
        {
            var count = (int)Math.Min(Batch.DefaultRows, keys - first);
            var arena = scope.RentArena();
            var columns = new ColumnVector[Input.Count];
            for (var c = 0; c < columns.Length; c++)
            {
                var values = arena.Allocate<long>(count);
                for (var i = 0; i < count; i++) values[i] = c switch { 0 or 1 => first + i, 2 => 0, _ => Calendar.MicrosPerHour };
                columns[c] = new ColumnVector(Input[c].Type, count, (byte*)values);
            }
            op.Process(Batch.Create(Input, columns, count, arena), none);
        }
    }

    private sealed class Pieces : IStateWriter
    {
        public List<(int KeyGroup, StateKind Kind, byte[] Payload)> Written { get; } = [];

        public void Write(int keyGroup, StateKind kind, ReadOnlySpan<byte> payload) => Written.Add((keyGroup, kind, payload.ToArray()));
    }
}
