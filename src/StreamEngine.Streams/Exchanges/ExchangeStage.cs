using StreamEngine.Compute;
using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>
/// Divides rows among keyed lanes by the key group of their key. No value is copied: each lane gets a header of its own with the selection of its rows. Side batches go
/// to the first lane.
/// </summary>
internal sealed unsafe class ExchangeStage(string name, int outlets, int[] keys, MemoryScope scope) : FanOutStage(name, outlets)
{
    protected override Divide CreateDivider()
    {
        var lanes = Shape.Outs.Count();
        var laneOf = new byte[KeyGroupRange.Count];
        for (var lane = 0; lane < lanes; lane++)
        {
            var range = KeyGroupRange.OfLane(lane, lanes);
            for (var group = range.From; group < range.To; group++) laneOf[group] = (byte)lane;
        }
        var columns = new ColumnVector[keys.Length];
        var counts = new int[lanes];
        return (batch, parts) => DivideRows(batch, parts, laneOf, columns, counts);
    }

    private void DivideRows(Batch batch, Batch?[] parts, byte[] laneOf, ColumnVector[] columns, int[] counts)
    {
        if (batch.Role != BatchRole.Main || parts.Length == 1)
        {
            parts[0] = batch;
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
            var lane = laneOf[KeyGroupRange.Of(hashes[row])];
            selections[lane * batch.Count + counts[lane]++] = (ushort)row;
        }
        var rows = batch.Count;
        for (var lane = 0; lane < parts.Length; lane++)
            if (counts[lane] > 0) parts[lane] = batch.Share().WithSelection(selections + lane * rows, counts[lane], arena.Retain());
        arena.Release();
        batch.Dispose();
    }
}
