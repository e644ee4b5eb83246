namespace StreamEngine.Core;

/// <summary>Where a partition is read on, and what the log must still hold before it (KIP-320).</summary>
/// <param name="Offset">The next offset to read.</param>
/// <param name="LeaderEpoch">
/// The epoch of the leader that took the record before it: a log that holds another one there was cut off and written anew. -1: not known, nothing is checked.
/// </param>
internal readonly record struct OffsetAndEpoch(long Offset, int LeaderEpoch = -1)
{
    public static implicit operator OffsetAndEpoch(long offset) => new(offset);
}
