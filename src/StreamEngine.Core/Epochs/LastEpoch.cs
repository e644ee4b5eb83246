namespace StreamEngine.Core;

/// <summary>The end of a slot's epochs.</summary>
/// <param name="Manifest">The last committed manifest; null for a pipeline that never committed.</param>
/// <param name="Offset">The manifest's offset; -1 where there is none.</param>
/// <param name="Claim">The last claim that was seen.</param>
internal sealed record LastEpoch(EpochManifest? Manifest, long Offset, EpochClaim? Claim)
{
    /// <summary>The newest incarnation that claimed or committed; 0 before the first.</summary>
    public long Incarnation => Math.Max(Claim?.Incarnation ?? 0, Manifest?.Incarnation ?? 0);

    /// <summary>Another worker's taking over from the one that made this claim, by a claim of its own or by what it has committed; null where there is none.</summary>
    public FencedException? SuccessorOf(EpochClaim own, Exception? cause = null)
    {
        if (Claim?.IsAfter(own) == true)
            return new FencedException($"incarnation {own.Incarnation} of slot {own.Slot} was fenced by incarnation {Claim.Incarnation}, process {Claim.Process} on {Claim.Host}, claimed at {Claim.At:O}", cause);
        return Incarnation > own.Incarnation ? new FencedException($"incarnation {own.Incarnation} of slot {own.Slot} was fenced by incarnation {Incarnation}", cause) : null;
    }
}
