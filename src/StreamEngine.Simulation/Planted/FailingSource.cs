using StreamEngine.Core;
using StreamEngine.Simulation.Clients;

namespace StreamEngine.Simulation.Planted;

/// <summary><see cref="PlantedDefect.FailingSource"/>: the first of a process fails where it gives its second batch.</summary>
internal sealed class FailingSource(SimulatedClient client, string name, string topic, int batchRows, MemoryScope scope, Func<int, long?> endOf)
    : SimulatedSource(client, name, topic, batchRows, scope, endOf)
{
    private int _taken;

    public override bool TryTake(int partition, out Batch? batch)
    {
        if (_taken == 1) throw new KeyNotFoundException($"The given key '{partition}' was not present in the dictionary.");
        if (!base.TryTake(partition, out batch)) return false;
        _taken++;
        return true;
    }
}
