using System.Globalization;
using System.Text;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Pipelines.Commands.DeadLetters;

/// <summary>A record of a dead-letter or late topic, with what its headers say (reference form "Headers of a dead letter or late row"; KIP-1034).</summary>
/// <param name="Record">The record: its value holds the original bytes.</param>
/// <param name="Stage">Where it failed.</param>
/// <param name="Rule">The rule that it broke, or null.</param>
/// <param name="Reason">Why, for people.</param>
/// <param name="Insert">The INSERT that it failed for; * for all.</param>
/// <param name="Source">Where it came from; null for a row that stems from no single record.</param>
internal sealed record DeadLetter(TopicRecord Record, string Stage, string? Rule, string Reason, string Insert, SourcePlace? Source)
{
    public static DeadLetter Of(TopicRecord record)
    {
        var place = Header(record, "__streams.errors.topic") is { } topic
            && int.TryParse(Header(record, "__streams.errors.partition"), CultureInfo.InvariantCulture, out var partition)
            && long.TryParse(Header(record, "__streams.errors.offset"), CultureInfo.InvariantCulture, out var offset) ? new SourcePlace(topic, partition, offset)
                : (SourcePlace?)null;
        return new DeadLetter(record, Header(record, "streamengine.stage") ?? "unknown", Header(record, "streamengine.rule"),
            Header(record, "streamengine.reason") ?? Header(record, "__streams.errors.message") ?? "it does not say", Header(record, "streamengine.insert") ?? "*",
                place)
        {
            Timestamp = long.TryParse(Header(record, "streamengine.timestamp"), CultureInfo.InvariantCulture, out var stamp) ? stamp
                : (record.Timestamp.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond,
        };
    }

    /// <summary>Whether the engine has written it as a dead letter or late row.</summary>
    public bool IsOne => Record.Headers.Any(h => h.Key == "streamengine.stage");

    /// <summary>The original record's timestamp, milliseconds; the dead letter's own where it does not say.</summary>
    public long Timestamp { get; init; } = (Record.Timestamp.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond;

    // The original record's headers come first and may have the same names: the last one is the engine's.
    private static string? Header(TopicRecord record, string name) => record.Headers.LastOrDefault(h => h.Key == name).Value is { } bytes ? Encoding.UTF8.GetString(bytes)
        : null;
}

/// <summary>The position of an original record.</summary>
internal readonly record struct SourcePlace(string Topic, int Partition, long Offset)
{
    public override string ToString() => $"{Topic}-{Partition}@{Offset}";
}
