namespace StreamEngine.Core;

/// <summary>What flows through the graph: batches of rows, and the control elements between them, in one order.</summary>
public abstract class StreamElement
{
    private protected StreamElement()
    {
    }
}

/// <summary>No row whose windows all end at or before <see cref="Time"/> will follow on this edge.</summary>
/// <param name="time">Microseconds since 1970 in UTC; <see cref="Finished"/> when a bounded source has no more.</param>
public sealed class Watermark(long time) : StreamElement
{
    /// <summary>Before the first watermark.</summary>
    public const long None = long.MinValue;

    /// <summary>The watermark of a bounded source that is finished: it closes every window.</summary>
    public const long Finished = long.MaxValue;

    /// <summary>Microseconds since 1970 in UTC.</summary>
    public long Time { get; } = time;

    /// <summary>An event time as people read it.</summary>
    internal static string TextOf(long micros)
    {
        if (micros == None) return "-";
        if (micros == Finished) return "finished";
        Span<byte> text = stackalloc byte[TimeText.MaxTimestamp];
        return System.Text.Encoding.ASCII.GetString(text[..TimeText.FormatTimestamp(micros, text)]);
    }

    /// <inheritdoc/>
    public override string ToString() => $"Watermark({Time})";
}

/// <summary>Processing time has come to <see cref="Time"/>: for operators that wait on a clock.</summary>
/// <param name="time">Microseconds since 1970 in UTC.</param>
public sealed class Tick(long time) : StreamElement
{
    /// <summary>Microseconds since 1970 in UTC.</summary>
    public long Time { get; } = time;

    /// <inheritdoc/>
    public override string ToString() => $"Tick({Time})";
}

/// <summary>
/// The end of an epoch: what came before it on every edge belongs to the epoch, what comes after does not (Carbone et al., Lightweight Asynchronous Snapshots, 2015).
/// </summary>
public sealed class Barrier : StreamElement
{
    internal Barrier(long epoch, EpochReport report)
    {
        Epoch = epoch;
        Report = report;
    }

    /// <summary>The epoch's number, growing by at least one.</summary>
    public long Epoch { get; }

    /// <summary>Where sources and operators put what the manifest has to say; the fan-in's alignment makes it complete when the barrier reaches the commit.</summary>
    internal EpochReport Report { get; }

    /// <inheritdoc/>
    public override string ToString() => $"Barrier({Epoch})";
}

/// <summary>Nothing follows on this edge. It comes behind the last barrier, of a bounded source that is finished or of a drain.</summary>
public sealed class End : StreamElement
{
    private End()
    {
    }

    /// <summary>The only one.</summary>
    public static End Instance { get; } = new();

    /// <inheritdoc/>
    public override string ToString() => "End";
}
