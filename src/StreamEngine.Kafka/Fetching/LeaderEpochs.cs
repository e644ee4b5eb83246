using StreamEngine.Core;

namespace StreamEngine.Kafka.Fetching;

/// <summary>
/// From which offset on which leader has taken a partition's records, as far as it was fetched and somebody may still ask: a few entries, one per change of the leader.
/// Guarded by the client's lock.
/// </summary>
internal sealed class LeaderEpochs(OffsetAndEpoch start)
{
    private readonly List<(long From, int Epoch)> _changes = [(long.MinValue, start.LeaderEpoch)];

    /// <summary>The epoch of what was fetched last; -1 for not known.</summary>
    public int Last => _changes[^1].Epoch;

    /// <summary>The batch at this offset, behind all before it, was taken by this leader.</summary>
    public void Add(long from, int epoch)
    {
        if (epoch != Last) _changes.Add((from, epoch));
    }

    /// <summary>
    /// The epoch of the record before a position that was reached, which may lie behind what was fetched since. Later questions are about no earlier position.
    /// </summary>
    public int Before(long position)
    {
        var at = _changes.FindLastIndex(c => c.From < position);
        _changes.RemoveRange(0, at);
        return _changes[0].Epoch;
    }
}
