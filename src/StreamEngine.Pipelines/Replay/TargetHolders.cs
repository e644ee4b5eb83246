namespace StreamEngine.Pipelines.Replay;

/// <summary>A replay that holds a target.</summary>
/// <param name="Offset">The offset of what it took it by.</param>
/// <param name="Take">That.</param>
internal sealed record TargetHolder(long Offset, TargetTake Take)
{
    /// <summary>Somebody has begun to cancel it: it holds its target until that is done, and must not begin to write.</summary>
    public bool IsCancelled { get; init; }
}

/// <summary>
/// Who holds which target, as its topic's records say in their order: the first who takes a free one, until that one is released. Whoever takes one that is held gets
/// nothing by it, not even later.
/// </summary>
internal sealed class TargetHolders
{
    private readonly SortedDictionary<string, TargetHolder> _byTarget = new(StringComparer.Ordinal);

    public IEnumerable<TargetHolder> All => _byTarget.Values;

    /// <summary>The last offset that was seen; -1 before the first.</summary>
    public long Seen { get; private set; } = -1;

    /// <summary>Who holds a target; null where it is free.</summary>
    public TargetHolder? Of(string into) => _byTarget.GetValueOrDefault(into);

    /// <exception cref="FormatException">The record is none; the message says why.</exception>
    public void Add(long offset, ReadOnlyMemory<byte> record)
    {
        var (take, end) = TargetJson.Read(record);
        Seen = offset;
        if (take is not null) _byTarget.TryAdd(take.Into, new TargetHolder(offset, take));
        if (end is null || Of(end.Into) is not { } holder || holder.Offset != end.Taken) return;
        if (end.IsFree) _byTarget.Remove(end.Into);
        else _byTarget[end.Into] = holder with { IsCancelled = true };
    }
}
