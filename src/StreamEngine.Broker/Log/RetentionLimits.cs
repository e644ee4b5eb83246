namespace StreamEngine.Broker.Log;

/// <summary>How long, and how many bytes of, a partition's records are kept; -1 is without end.</summary>
internal readonly record struct RetentionLimits(long Milliseconds, long Bytes)
{
    public bool IsEndless => Milliseconds < 0 && Bytes < 0;
}
