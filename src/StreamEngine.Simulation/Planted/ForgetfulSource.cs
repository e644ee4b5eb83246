using StreamEngine.Core;
using StreamEngine.Simulation.Clients;

namespace StreamEngine.Simulation.Planted;

/// <summary>
/// <see cref="PlantedDefect.ReopenedWindow"/>: the floor that the source stage puts on a batch of a partition that was idle gets lost on the way to its lane.
/// </summary>
internal sealed class ForgetfulSource(SimulatedClient client, string name, string topic, int batchRows, MemoryScope scope, Func<int, long?> endOf)
    : SimulatedSource(client, name, topic, batchRows, scope, endOf)
{
    public override bool TryTake(int partition, out Batch? batch)
    {
        if (!base.TryTake(partition, out batch)) return false;
        var records = batch!.Records!;
        // Behind what the stage does with it, and before the lane has it wherever the seed says so.
        _ = LoseFloorAsync(records);
        return true;
    }

    private static async Task LoseFloorAsync(LogRecords records)
    {
        await Task.Yield();
        records.IdleFloor = Watermark.None;
    }
}
