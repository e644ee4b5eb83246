namespace StreamEngine.Core;

/// <summary>Told by a lane how far the rows of a partition have come, for the source to issue the common watermark.</summary>
internal interface INewestEventTimes
{
    /// <summary>The newest event time of the partition so far, microseconds; only grows.</summary>
    void Report(int partition, long newest);
}
