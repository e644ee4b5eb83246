namespace StreamEngine.Simulation.Planted;

/// <summary>
/// Defects of the kinds that such engines have had, put into the simulated clients to see that the simulation finds them. The engine itself knows nothing of them.
/// </summary>
internal enum PlantedDefect : byte
{
    None,

    /// <summary>Outputs are committed first, and the manifest with the offsets in a transaction of its own.</summary>
    OffsetsOutside,

    /// <summary>A barrier overtakes the batch before it: that batch is committed with the next epoch.</summary>
    OvertakenBarrier,

    /// <summary>An incarnation does not fence the one before.</summary>
    MissedFence,

    /// <summary>State is restored as it was one epoch before the manifest.</summary>
    OldSnapshot,

    /// <summary>A partition that wakes goes on with its own old watermark, and opens windows again that are closed.</summary>
    ReopenedWindow,

    /// <summary>A source throws once, which a new incarnation makes up for: only that it was needed shows it.</summary>
    FailingSource,
}
