using StreamEngine.Compute;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// Divides rows among keyed lanes by the key group of their key. No value is copied: each lane gets a header of its own with the selection of its rows. Side batches
/// stay in the lane that made them.
/// </summary>
internal sealed unsafe class ExchangeStage(string name, int lane, int outlets, int[] keys, MemoryScope scope) : FanOutStage(name, outlets)
{
    protected override Divide CreateDivider()
    {
        var lanes = Shape.Outs.Count();
        var laneOf = new byte[KeyGroupRange.Count];
        for (var to = 0; to < lanes; to++)
        {
            var range = KeyGroupRange.OfLane(to, lanes);
            for (var group = range.From; group < range.To; group++) laneOf[group] = (byte)to;
        }
        var columns = new ColumnVector[keys.Length];
        var counts = new int[lanes];
        return (batch, parts) => DivideRows(batch, parts, laneOf, columns, counts);
    }

    private void DivideRows(Batch batch, Batch?[] parts, byte[] laneOf, ColumnVector[] columns, int[] counts)
    {
        if (batch.Role != BatchRole.Main || parts.Length == 1)
        {
            parts[lane] = batch;
            return;
        }
        for (var i = 0; i < keys.Length; i++) columns[i] = batch[keys[i]];
        var arena = scope.RentArena();
        var hashes = arena.Allocate<ulong>(batch.Rows);
        KeyHash.Compute(columns, batch, hashes);
        var selections = arena.Allocate<ushort>(batch.Count * parts.Length);
        Array.Clear(counts);
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            var to = laneOf[KeyGroupRange.Of(hashes[row])];
            selections[to * batch.Count + counts[to]++] = (ushort)row;
        }
        var rows = batch.Count;
        for (var to = 0; to < parts.Length; to++)
            if (counts[to] > 0) parts[to] = batch.Share().WithSelection(selections + to * rows, counts[to], arena.Retain());
        arena.Release();
        batch.Dispose();
    }
}
