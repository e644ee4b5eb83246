using System.Globalization;
using System.Text.Json;

namespace StreamEngine.Core;

/// <summary>The "replay" of a manifest, an optional field of version 1: a live pipeline's manifests have none.</summary>
internal static partial class ManifestJson
{
    private static void WriteReplay(Utf8JsonWriter json, ReplayBounds replay)
    {
        json.WriteStartObject("replay");
        json.WriteString("pipeline", replay.Pipeline);
        json.WriteString("into", replay.Into);
        json.WriteNumber("from", replay.Range.From);
        json.WriteNumber("to", replay.Range.To);
        if (replay.Redrive is { } redrive) WriteRedrive(json, redrive.TopicId, redrive.From, "end", redrive.End);
        json.WriteStartObject("sources");
        foreach (var (name, source) in replay.Sources)
        {
            json.WriteStartObject(name);
            json.WriteString("topicId", source.TopicId);
            json.WriteStartObject("partitions");
            foreach (var (partition, bounds) in source.Partitions.OrderBy(p => p.Key)) WritePartition(json, partition, bounds);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WritePartition(Utf8JsonWriter json, int partition, ReplayPartition bounds)
    {
        json.WriteStartObject(partition.ToString(CultureInfo.InvariantCulture));
        json.WriteNumber("start", bounds.Start);
        json.WriteNumber("end", bounds.End);
        if (bounds.Newest != Watermark.None) json.WriteNumber("newest", bounds.Newest);
        WriteMoves(json, bounds.Moves);
        json.WriteEndObject();
    }

    private static ReplayBounds ReadReplay(JsonElement replay) => new(replay.GetProperty("pipeline").GetString()!, replay.GetProperty("into").GetString()!,
        new EventTimeRange(replay.GetProperty("from").GetInt64(), replay.GetProperty("to").GetInt64()),
        replay.GetProperty("sources").EnumerateObject().ToDictionary(s => s.Name, s => new ReplaySource(s.Value.GetProperty("topicId").GetString()!,
            s.Value.GetProperty("partitions").EnumerateObject().ToDictionary(p => int.Parse(p.Name, CultureInfo.InvariantCulture), p => new ReplayPartition(
                p.Value.GetProperty("start").GetInt64(), p.Value.GetProperty("end").GetInt64(), p.Value.TryGetProperty("newest", out var newest) ? newest.GetInt64()
                    : Watermark.None, ReadMoves(p.Value))))))
    {
        Redrive = replay.TryGetProperty("redrive", out var redrive) ? new ReplayRedrive(redrive.GetProperty("topicId").GetString()!,
            redrive.GetProperty("from").GetInt64(), redrive.GetProperty("end").GetInt64()) : null,
    };

    private static void WriteRedrive(Utf8JsonWriter json, string topicId, long from, string name, long offset)
    {
        json.WriteStartObject("redrive");
        json.WriteString("topicId", topicId);
        json.WriteNumber("from", from);
        json.WriteNumber(name, offset);
        json.WriteEndObject();
    }

    private static bool HasRedrive(EpochManifest manifest) => manifest.Replay?.Redrive is not null || manifest.Sources.Values.Any(s => s.Redrive is not null);
}
