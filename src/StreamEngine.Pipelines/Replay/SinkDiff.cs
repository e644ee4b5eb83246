namespace StreamEngine.Pipelines.Replay;

/// <summary>How the outputs of a replay differ from the live ones at one sink, within the replay's range.</summary>
/// <param name="Sink">The sink.</param>
/// <param name="Equal">Rows, or keys of an upsert sink, that are the same.</param>
/// <param name="Differences">The others.</param>
internal sealed record SinkDiff(string Sink, long Equal, IReadOnlyList<RowDifference> Differences)
{
    /// <summary>
    /// Rows, or keys, that production has written since the replay was bounded and that the replay does not have so: they may be of records that it does not read, and
    /// are no differences.
    /// </summary>
    public long Newer { get; init; }

    /// <summary>By partition of the live topic, the offset behind the last record that was compared; partitions without any are absent.</summary>
    public IReadOnlyDictionary<int, long> ReadTo { get; init; } = new Dictionary<int, long>();

    /// <summary>The windows that differ and hold redriven rows, with how many rows differ: what came too late for the live run is counted in the replay.</summary>
    public IReadOnlyList<RedrivenWindow> Redriven => [.. Differences.Where(d => d.Cause == DifferenceCause.Redriven).GroupBy(d => d.Window!.Value)
        .OrderBy(g => g.Key.From).Select(g => new RedrivenWindow(g.Key.From, g.Key.To, g.Count()))];
}

/// <summary>A window, or a time, with redriven rows.</summary>
/// <param name="From">Its beginning, microseconds.</param>
/// <param name="To">Its end; the same for rows that belong to no window.</param>
/// <param name="Rows">Rows of it that differ.</param>
internal sealed record RedrivenWindow(long From, long To, int Rows);

/// <summary>The window that a row belongs to.</summary>
/// <param name="From">Its beginning, microseconds.</param>
/// <param name="To">Its end; the same for a row that belongs to no window: its event time.</param>
internal readonly record struct RowWindow(long From, long To);

/// <summary>Why a row differs, as far as that is known.</summary>
internal enum DifferenceCause : byte
{
    Unknown,

    /// <summary>Its window holds redriven rows, which the replay counts and the live run may have had to leave out.</summary>
    Redriven,
}

/// <summary>A row that is not the same. Null: absent; with both of them it was changed.</summary>
/// <param name="Key">The record's key.</param>
/// <param name="Live">The live row.</param>
/// <param name="Replayed">The replayed one.</param>
internal sealed record RowDifference(byte[]? Key, byte[]? Live, byte[]? Replayed)
{
    /// <summary>Where it belongs to, the live row where there are both; null where the row does not say.</summary>
    public RowWindow? Window { get; init; }

    public DifferenceCause Cause { get; init; }
}
