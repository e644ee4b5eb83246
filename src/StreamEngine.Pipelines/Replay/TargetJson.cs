using System.Buffers;
using System.Globalization;
using System.Text.Json;
using StreamEngine.Core;

namespace StreamEngine.Pipelines.Replay;

/// <summary>A replay is about to write into a target. It may, where nobody held that before this record.</summary>
/// <param name="Replay">Its id.</param>
/// <param name="Into">What it puts before the names of its output topics.</param>
/// <param name="Range">The event time that it replays.</param>
/// <param name="Host">Where it was started.</param>
/// <param name="Process">The process there.</param>
/// <param name="At">When; for people: what counts is the order of the records.</param>
internal sealed record TargetTake(string Replay, string Into, EventTimeRange Range, string Host, int Process, DateTimeOffset At);

/// <summary>A replay is being cancelled, and must not begin to write any more; or it is forgotten, and what it had taken is free.</summary>
/// <param name="Replay">Its id.</param>
/// <param name="Into">The target.</param>
/// <param name="Taken">The offset of what it took it by: what it has taken again since stays taken.</param>
/// <param name="IsFree">Whether that is done.</param>
/// <param name="At">When; for people.</param>
internal sealed record TargetEnd(string Replay, string Into, long Taken, bool IsFree, DateTimeOffset At);

/// <summary>The records of a pipeline's target topic: JSON, version 1. Every later version reads this one.</summary>
internal static class TargetJson
{
    public const int Version = 1;

    public static byte[] Write(TargetTake take) => Write("take", take.Replay, take.Into, take.At, json =>
    {
        json.WriteNumber("from", take.Range.From);
        json.WriteNumber("to", take.Range.To);
        json.WriteString("host", take.Host);
        json.WriteNumber("process", take.Process);
    });

    public static byte[] Write(TargetEnd end) =>
        Write(end.IsFree ? "release" : "cancel", end.Replay, end.Into, end.At, json => json.WriteNumber("taken", end.Taken));

    private static byte[] Write(string kind, string replay, string into, DateTimeOffset at, Action<Utf8JsonWriter> rest)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("v", Version);
            json.WriteString("kind", kind);
            json.WriteString("replay", replay);
            json.WriteString("into", into);
            rest(json);
            json.WriteString("at", at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a record: exactly one of the two results is set.</summary>
    /// <exception cref="FormatException">The record is neither, or of a newer version; the message says which.</exception>
    public static (TargetTake? Take, TargetEnd? End) Read(ReadOnlyMemory<byte> record)
    {
        try
        {
            using var document = JsonDocument.Parse(record);
            var root = document.RootElement;
            var version = root.GetProperty("v").GetInt32();
            if (version != Version) throw new FormatException($"a replay's target was taken by a record of version {version}; this engine reads version {Version}: run the engine that wrote it, or a newer one");
            var (replay, into, at) = (TextOf(root, "replay"), TextOf(root, "into"), root.GetProperty("at").GetDateTimeOffset());
            return root.GetProperty("kind").GetString() switch
            {
                "take" => (new TargetTake(replay, into, new EventTimeRange(root.GetProperty("from").GetInt64(), root.GetProperty("to").GetInt64()), TextOf(root, "host"),
                    root.GetProperty("process").GetInt32(), at), null),
                "cancel" or "release" => (null, new TargetEnd(replay, into, root.GetProperty("taken").GetInt64(), root.GetProperty("kind").ValueEquals("release"), at)),
                var kind => throw new FormatException($"a record about a replay's target is of kind '{kind}', which this engine does not know"),
            };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"the record tells of no replay's target: {e.Message}", e);
        }
    }

    private static string TextOf(JsonElement root, string name) => root.GetProperty(name).GetString() ?? "";
}
