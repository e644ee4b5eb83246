namespace StreamEngine.Core;

/// <summary>
/// What a batch of redriven records says beside their original places: rows outside of the watermarks, for the INSERT that failed them
/// (docs/decisions/redriven-rows-are-judged-by-the-run.md).
/// </summary>
/// <param name="Insert">The only INSERT that they go into; null: all.</param>
/// <param name="Refusal">Why nothing of this pipeline can take them: they become dead letters again; null where they can be taken.</param>
internal sealed record RedrivenRows(string? Insert, string? Refusal)
{
    /// <summary>What the source has issued when they go down the lane: windows that ended by then are closed; <see cref="Core.Watermark.None"/>: none is.</summary>
    public long Watermark { get; set; } = Core.Watermark.None;
}
