namespace StreamEngine.Core;

/// <summary>Input rows, counted where they go, for the conservation line: in + held before = done + filtered + late + dead-lettered + held after.</summary>
internal sealed class RowCounts
{
    public long In;
    public long Done;
    public long Filtered;
    public long Late;
    public long DeadLettered;

    /// <summary>Rows in open windows or other state, now: not reset at a barrier.</summary>
    public long Held;

    /// <summary>Adds what another counted.</summary>
    public void Add(RowCounts other)
    {
        In += other.In;
        Done += other.Done;
        Filtered += other.Filtered;
        Late += other.Late;
        DeadLettered += other.DeadLettered;
        Held += other.Held;
    }

    /// <summary>A copy of what was counted since the last barrier; the flows start at zero again, what is held stays.</summary>
    public RowCounts TakeEpoch()
    {
        var taken = new RowCounts { In = In, Done = Done, Filtered = Filtered, Late = Late, DeadLettered = DeadLettered, Held = Held };
        In = Done = Filtered = Late = DeadLettered = 0;
        return taken;
    }
}
