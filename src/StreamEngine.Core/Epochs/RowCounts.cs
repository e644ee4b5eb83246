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

    /// <summary>What is counted for one INSERT alone although every INSERT shares these: redriven rows before the fork; null for none.</summary>
    public Dictionary<string, RowCounts>? OfInserts { get; private set; }

    /// <summary>Where rows of these records are counted: here, or for the one INSERT that redriven ones go into.</summary>
    public RowCounts Of(LogRecords? records)
    {
        if (records?.Redrive?.Insert is not { } insert) return this;
        OfInserts ??= [];
        if (!OfInserts.TryGetValue(insert, out var counts)) OfInserts[insert] = counts = new RowCounts();
        return counts;
    }

    /// <summary>Adds what another counted; what that counted for one INSERT alone stays with it.</summary>
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
        taken.OfInserts = OfInserts;
        OfInserts = null;
        return taken;
    }
}
