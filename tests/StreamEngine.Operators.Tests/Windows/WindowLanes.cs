using StreamEngine.Compute;
using StreamEngine.Core;
using StreamEngine.Operators.Aggregates;
using StreamEngine.Operators.Tests.Suite;
using StreamEngine.Operators.Windows;

namespace StreamEngine.Operators.Tests.Windows;

/// <summary>Window aggregation on some lanes with rows divided by key group, as an exchange does it, and a log of the state that they wrote.</summary>
internal sealed class WindowLanes : IDisposable
{
    private readonly Schema _input;
    private readonly WindowAggregateSpec _spec;
    private readonly AssignWindowOperator _assign;
    private readonly RowCounts _assignCounts = new();
    private readonly RowCounts[] _counts;
    private readonly WindowAggregateOperator[] _lanes;

    public WindowLanes(MemoryScope scope, Schema input, WindowAggregateSpec spec, int lanes)
    {
        _input = input;
        _spec = spec;
        Scope = scope;
        _assign = new AssignWindowOperator("assign", input, 0, spec.Window, "out");
        _assign.Open(new OperatorContext(scope, _assignCounts, KeyGroupRange.All));
        _counts = [.. Enumerable.Range(0, lanes).Select(_ => new RowCounts())];
        _lanes = [.. Enumerable.Range(0, lanes).Select(_ => new WindowAggregateOperator("window", _assign.Output, spec))];
        for (var i = 0; i < lanes; i++) _lanes[i].Open(new OperatorContext(scope, _counts[i], KeyGroupRange.OfLane(i, lanes)));
    }

    public MemoryScope Scope { get; }

    public long Held => _counts.Sum(c => c.Held);

    public long Done => _counts.Sum(c => c.Done);

    public unsafe void Process(IReadOnlyList<object?[]> rows, long[] watermarks, Random random)
    {
        using var assigned = new Capture(_assignCounts);
        _assign.Process(Rows.Of(Scope, _input, rows, random, watermarks), assigned);
        if (assigned.Batches.Count == 0) return;
        using var batch = assigned.TakeOne();
        var keys = _spec.Keys.Select(k => batch[k]).ToArray();
        var hashes = new ulong[batch.Rows];
        fixed (ulong* p = hashes) KeyHash.Compute(keys, batch, p);
        for (var lane = 0; lane < _lanes.Length; lane++)
        {
            var arena = Scope.RentArena();
            var selection = arena.Allocate<ushort>(batch.Count);
            var count = 0;
            for (var i = 0; i < batch.Count; i++)
                if (KeyGroupRange.OfLane(lane, _lanes.Length).Contains(KeyGroupRange.Of(hashes[batch.RowAt(i)]))) selection[count++] = (ushort)batch.RowAt(i);
            var part = batch.Share().WithSelection(selection, count, arena);
            if (count == 0) part.Dispose();
            else Assert.Equal(Progress.Done, _lanes[lane].Process(part, new Capture(_counts[lane])));
        }
    }

    public List<string> Watermark(long time)
    {
        var rows = new List<string>();
        for (var lane = 0; lane < _lanes.Length; lane++)
        {
            using var output = new Capture(_counts[lane]);
            for (var progress = _lanes[lane].OnWatermark(time, output); progress == Progress.More; progress = _lanes[lane].Continue(output))
            {
            }
            Assert.All(output.Batches, b => Assert.True(b.IsAggregated));
            rows.AddRange(output.TakeText());
        }
        return rows;
    }

    public void Snapshot(long epoch, int from, int to, StateLog log)
    {
        foreach (var lane in _lanes) lane.Snapshot(new SnapshotRequest(epoch, from, to, new EpochReport()), log);
    }

    public void Restore(StateLog log, int from)
    {
        foreach (var lane in _lanes)
            for (var i = from; i < log.Pieces.Count; i++)
            {
                var (keyGroup, kind, payload) = log.Pieces[i];
                lane.Restore(new StatePart(keyGroup, kind, payload));
            }
    }

    public void Dispose()
    {
        _assign.Dispose();
        foreach (var lane in _lanes) lane.Dispose();
    }

    /// <summary>What the state topic would hold.</summary>
    internal sealed class StateLog : IStateWriter
    {
        public List<(int KeyGroup, StateKind Kind, byte[] Payload)> Pieces { get; } = [];

        public void Write(int keyGroup, StateKind kind, ReadOnlySpan<byte> payload)
        {
            Assert.InRange(payload.Length, 1, IStateWriter.MaxPiece);
            Pieces.Add((keyGroup, kind, payload.ToArray()));
        }
    }
}
