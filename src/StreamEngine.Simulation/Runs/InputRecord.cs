namespace StreamEngine.Simulation.Runs;

/// <summary>A record that the world writes into a source's topic while the pipeline runs.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Value">The value; null for a record without one.</param>
/// <param name="Timestamp">Its timestamp, milliseconds.</param>
internal sealed record InputRecord(string Topic, int Partition, byte[]? Value, long Timestamp)
{
    /// <summary>The key; null for none.</summary>
    public byte[]? Key { get; init; }

    /// <summary>Its headers, in the form of <see cref="Core.RecordHeaders"/>.</summary>
    public byte[] Headers { get; init; } = [];

    /// <summary>The event time in microseconds where the row is good up to its event time and whoever made the record knows it.</summary>
    public long? EventTime { get; init; }

    /// <summary>What was written, as whoever made the record knows it.</summary>
    public object? Row { get; init; }
}
