namespace StreamEngine.EndToEnd.Tests.Flights;

/// <summary>A record of the input, with what the generator knows of it.</summary>
/// <param name="Id">Its place in the whole input.</param>
/// <param name="Partition">Where it goes.</param>
/// <param name="Offset">Its place there.</param>
/// <param name="Timestamp">The record's timestamp, in milliseconds.</param>
/// <param name="Value">The record's bytes; null for a tombstone.</param>
internal sealed record Flight(int Id, int Partition, long Offset, long Timestamp, byte[]? Value)
{
    /// <summary>Event time, in minutes since 1970.</summary>
    public long Minute { get; init; }

    public int Delay { get; init; }

    public int Distance { get; init; }

    public string Origin { get; init; } = "";

    public string Destination { get; init; } = "";

    /// <summary>The stages that may refuse it, before any INSERT; null for a row that is right.</summary>
    public string? Refused { get; init; }

    /// <summary>The rule that refuses it.</summary>
    public string? Rule { get; init; }
}
