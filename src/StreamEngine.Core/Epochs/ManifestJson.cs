using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace StreamEngine.Core;

/// <summary>
/// Manifests and claims as the records of the epochs topic hold them: JSON, version 1 (reference form "The last committed manifest"). Every later version reads this one.
/// A manifest that says where redriven rows were read is of version 2: an engine that passed over it would count them again. One of a replay that makes watermark moves
/// again is of version 3, which packs them. Each is written in the oldest version that can say it.
/// </summary>
internal static partial class ManifestJson
{
    public const int Version = 3;
    private const int WithRedrive = 2;
    private const int First = 1;

    public static byte[] Write(EpochManifest manifest)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("v", HasPackedMoves(manifest) ? Version : HasRedrive(manifest) ? WithRedrive : First);
            json.WriteString("kind", "manifest");
            json.WriteString("pipeline", manifest.Pipeline);
            json.WriteNumber("slot", manifest.Slot);
            json.WriteNumber("incarnation", manifest.Incarnation);
            json.WriteNumber("epoch", manifest.Epoch);
            json.WriteString("at", Time(manifest.At));
            if (manifest.Finished) json.WriteBoolean("finished", true);
            json.WriteStartObject("sources");
            foreach (var (name, source) in manifest.Sources) WriteSource(json, name, source);
            json.WriteEndObject();
            json.WriteStartObject("inserts");
            foreach (var (name, line) in manifest.Inserts) WriteLine(json, name, line);
            json.WriteEndObject();
            json.WriteStartObject("state");
            json.WriteStartArray("full");
            foreach (var position in manifest.State.Full) json.WriteNumberValue(position);
            json.WriteEndArray();
            json.WriteNumber("end", manifest.State.End);
            json.WriteEndObject();
            json.WriteStartArray("prepared");
            json.WriteEndArray();
            if (manifest.Replay is { } replay) WriteReplay(json, replay);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteSource(Utf8JsonWriter json, string name, SourcePosition source)
    {
        json.WriteStartObject(name);
        json.WriteString("topic", source.Topic);
        json.WriteString("topicId", source.TopicId);
        if (source.Watermark != Watermark.None) json.WriteNumber("watermark", source.Watermark);
        json.WriteStartObject("partitions");
        foreach (var (partition, position) in source.Partitions.OrderBy(p => p.Key))
        {
            json.WriteStartObject(partition.ToString(CultureInfo.InvariantCulture));
            json.WriteNumber("offset", position.Offset);
            if (position.LeaderEpoch >= 0) json.WriteNumber("leaderEpoch", position.LeaderEpoch);
            if (position.Newest != Watermark.None) json.WriteNumber("newest", position.Newest);
            WriteMoves(json, position.Moves);
            if (position.Idle) json.WriteBoolean("idle", true);
            json.WriteEndObject();
        }
        json.WriteEndObject();
        if (source.Redrive is { } redrive) WriteRedrive(json, redrive.TopicId, redrive.From, "offset", redrive.Offset);
        json.WriteEndObject();
    }

    private static void WriteMoves(Utf8JsonWriter json, IReadOnlyList<WatermarkMove> moves)
    {
        json.WriteStartArray("moves");
        foreach (var move in moves)
        {
            json.WriteStartObject();
            json.WriteNumber("offset", move.Offset);
            json.WriteNumber("to", move.To);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteLine(Utf8JsonWriter json, string name, ConservationLine line)
    {
        json.WriteStartObject(name);
        json.WriteNumber("in", line.In);
        json.WriteNumber("heldBefore", line.HeldBefore);
        json.WriteNumber("done", line.Done);
        json.WriteNumber("filtered", line.Filtered);
        json.WriteNumber("late", line.Late);
        json.WriteNumber("deadLettered", line.DeadLettered);
        json.WriteNumber("heldAfter", line.HeldAfter);
        json.WriteEndObject();
    }

    public static byte[] Write(EpochClaim claim)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("v", First);
            json.WriteString("kind", "claim");
            json.WriteNumber("slot", claim.Slot);
            json.WriteNumber("incarnation", claim.Incarnation);
            json.WriteString("host", claim.Host);
            json.WriteNumber("process", claim.Process);
            json.WriteString("at", Time(claim.At));
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a record of the epochs topic: exactly one of the two results is set.</summary>
    /// <exception cref="FormatException">The record is neither, or of a newer version; the message says which.</exception>
    public static (EpochManifest? Manifest, EpochClaim? Claim) Read(ReadOnlyMemory<byte> record)
    {
        try
        {
            using var document = JsonDocument.Parse(record);
            var root = document.RootElement;
            var version = root.GetProperty("v").GetInt32();
            if (version is < First or > Version) throw new FormatException($"a record of the epochs topic has version {version}; this engine reads versions up to {Version}: run the engine that wrote it, or a newer one");
            return root.GetProperty("kind").GetString() switch
            {
                "manifest" => (ReadManifest(root), null),
                "claim" => (null, new EpochClaim(root.GetProperty("slot").GetInt32(), root.GetProperty("incarnation").GetInt64(), root.GetProperty("host").GetString()
                    ?? "",
                    root.GetProperty("process").GetInt32(), root.GetProperty("at").GetDateTimeOffset())),
                var kind => throw new FormatException($"a record of the epochs topic is of kind '{kind}', which this engine does not know"),
            };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"a record of the epochs topic is neither a manifest nor a claim: {e.Message}", e);
        }
    }

    private static EpochManifest ReadManifest(JsonElement root) => new()
    {
        Pipeline = root.GetProperty("pipeline").GetString() ?? "",
        Slot = root.GetProperty("slot").GetInt32(),
        Incarnation = root.GetProperty("incarnation").GetInt64(),
        Epoch = root.GetProperty("epoch").GetInt64(),
        At = root.GetProperty("at").GetDateTimeOffset(),
        Finished = root.TryGetProperty("finished", out var finished) && finished.GetBoolean(),
        Sources = root.GetProperty("sources").EnumerateObject().ToDictionary(s => s.Name, s => ReadSource(s.Value)),
        Inserts = root.GetProperty("inserts").EnumerateObject().ToDictionary(i => i.Name, i => ReadLine(i.Value)),
        State = new StatePositions([.. root.GetProperty("state").GetProperty("full").EnumerateArray().Select(o => o.GetInt64())],
            root.GetProperty("state").GetProperty("end").GetInt64()),
        Replay = root.TryGetProperty("replay", out var replay) ? ReadReplay(replay) : null,
    };

    private static SourcePosition ReadSource(JsonElement source) => new(source.GetProperty("topic").GetString() ?? "", source.GetProperty("topicId").GetString() ?? "",
        source.TryGetProperty("watermark", out var watermark) ? watermark.GetInt64() : Watermark.None,
        source.GetProperty("partitions").EnumerateObject().ToDictionary(p => int.Parse(p.Name, CultureInfo.InvariantCulture), p => new PartitionPosition(
            p.Value.GetProperty("offset").GetInt64(), p.Value.TryGetProperty("newest", out var newest) ? newest.GetInt64() : Watermark.None,
            ReadMoves(p.Value),
            p.Value.TryGetProperty("idle", out var idle) && idle.GetBoolean())
            {
                LeaderEpoch = p.Value.TryGetProperty("leaderEpoch", out var epoch) ? epoch.GetInt32() : -1,
            }))
    {
        Redrive = source.TryGetProperty("redrive", out var redrive) ? new RedrivePosition(redrive.GetProperty("topicId").GetString() ?? "",
            redrive.GetProperty("from").GetInt64(), redrive.GetProperty("offset").GetInt64()) : null,
    };

    private static WatermarkMove[] ReadMoves(JsonElement partition) =>
        [.. partition.GetProperty("moves").EnumerateArray().Select(m => new WatermarkMove(m.GetProperty("offset").GetInt64(), m.GetProperty("to").GetInt64()))];

    private static ConservationLine ReadLine(JsonElement line) =>
        new(line.GetProperty("in").GetInt64(), line.GetProperty("heldBefore").GetInt64(), line.GetProperty("done").GetInt64(),
        line.GetProperty("filtered").GetInt64(), line.GetProperty("late").GetInt64(), line.GetProperty("deadLettered").GetInt64(),
            line.GetProperty("heldAfter").GetInt64());

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
