using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;

namespace StreamEngine.Operators.Windows;

/// <summary>A piece of window state as version 1 wrote it: every later version has to read it.</summary>
public sealed class WindowStateVersionTests : IDisposable
{
    // Version, no window closed; the group ATL in the pane of 2001-01-01T06:00Z with 3 rows: count(*) 3, avg 25 / 2, max 20; one member DFW of the distinct set.
    private const string PieceOne =
        "0100000000000000800000f898ecc8790300009c2cc3c97903000900000001010300000041544c030000000000000003000000000000001900000000000000020000000000000001140000000100f898ecc8790300009c2cc3c97903000900000001010300000041544c030009000000010103000000444657";

    private readonly MemoryScope _scope = new();

    public void Dispose() => _scope.Dispose();

    private sealed class Collected : IEmitter
    {
        public List<Batch> Batches { get; } = [];

        public void Emit(Batch batch) => Batches.Add(batch);

        public void Fault(Batch batch, int row, in Fault fault) => Assert.Fail(fault.Message);
    }

    private WindowAggregateOperator Create()
    {
        var input = new Schema(new Field("date", DataType.Timestamp), new Field("origin", DataType.Utf8), new Field("delay", DataType.Int32),
            new Field("destination", DataType.Utf8),
            new Field(AssignWindowOperator.PaneColumn, DataType.Timestamp), new Field(AssignWindowOperator.FirstColumn, DataType.Timestamp));
        var op = new WindowAggregateOperator("w", input, new WindowAggregateSpec(new WindowSpec(Calendar.MicrosPerHour, Calendar.MicrosPerHour), [1],
        [
            new AggregateSpec("n", AggregateFunction.Count, -1, null), new AggregateSpec("average", AggregateFunction.Avg, 2, DataType.Int32),
                new AggregateSpec("worst", AggregateFunction.Max, 2, DataType.Int32),
            new AggregateSpec("places", AggregateFunction.Count, 3, DataType.Utf8, Distinct: true),
        ]));
        op.Open(new OperatorContext(_scope, _counts, KeyGroupRange.All));
        return op;
    }

    private readonly RowCounts _counts = new();

    [Fact]
    public unsafe void A_piece_of_version_1_is_read()
    {
        using var op = Create();
        op.Restore(new StatePart(StatePart.AnyGroup, StateKind.Delta, Convert.FromHexString(PieceOne)));
        Assert.Equal(3, _counts.Held);
        var output = new Collected();
        for (var progress = op.OnWatermark(Watermark.Finished, output); progress == Progress.More; progress = op.Continue(output))
        {
        }
        var batch = Assert.Single(output.Batches);
        Assert.Equal(1, batch.Count);
        Assert.Equal(978328800000000, batch[0].As<long>()[0]);
        Assert.Equal("ATL", Utf8View.TextOf(batch[2].As<Utf8View>()));
        Assert.Equal(3, batch[3].As<long>()[0]);
        Assert.Equal(12.5, batch[4].As<double>()[0]);
        Assert.Equal(20, batch[5].As<int>()[0]);
        Assert.Equal(1, batch[6].As<long>()[0]);
        Assert.Equal((0, 3), (_counts.Held, _counts.Done));
        batch.Dispose();
    }

    [Fact]
    public void A_newer_version_and_a_torn_piece_are_refused()
    {
        using var op = Create();
        var newer = Convert.FromHexString(PieceOne);
        newer[0] = 2;
        Assert.Contains("version 2", Assert.Throws<FormatException>(() => op.Restore(new StatePart(StatePart.AnyGroup, StateKind.Delta, newer))).Message,
            StringComparison.Ordinal);
        var torn = Convert.FromHexString(PieceOne)[..^3];
        Assert.Throws<FormatException>(() => op.Restore(new StatePart(StatePart.AnyGroup, StateKind.Delta, torn)));
    }
}
