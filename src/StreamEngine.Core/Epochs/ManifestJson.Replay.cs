using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace StreamEngine.Core;

/// <summary>
/// The "replay" of a manifest, an optional field: a live pipeline's manifests have none. Each manifest of a replay repeats it, with all watermark moves of its range.
/// They are packed, as one list of numbers in which each offset and each time stands for what it is more than the one before. Versions 1 and 2 had an object per move.
/// </summary>
internal static partial class ManifestJson
{
    /// <summary>Whether two replays read the same: as they are written.</summary>
    public static bool AreSame(ReplayBounds a, ReplayBounds b) => TextOf(a).AsSpan().SequenceEqual(TextOf(b));

    private static byte[] TextOf(ReplayBounds replay)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            WriteReplay(json, replay);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteReplay(Utf8JsonWriter json, ReplayBounds replay)
    {
        json.WriteStartObject("replay");
        json.WriteString("pipeline", replay.Pipeline);
        json.WriteString("into", replay.Into);
        json.WriteNumber("from", replay.Range.From);
        json.WriteNumber("to", replay.Range.To);
        if (replay.Redrive is { } redrive) WriteRedrive(json, redrive.TopicId, redrive.From, "end", redrive.End);
        if (replay.LiveEnds is { } ends) WriteEnds(json, ends);
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
        WritePacked(json, bounds.Moves);
        json.WriteEndObject();
    }

    private static void WritePacked(Utf8JsonWriter json, IReadOnlyList<WatermarkMove> moves)
    {
        json.WriteStartArray("moves");
        var before = default(WatermarkMove);
        foreach (var move in moves)
        {
            json.WriteNumberValue(move.Offset - before.Offset);
            json.WriteNumberValue(move.To - before.To);
            before = move;
        }
        json.WriteEndArray();
    }

    /// <summary>Packed ones, or those of a version before.</summary>
    private static WatermarkMove[] ReadPacked(JsonElement partition)
    {
        var numbers = partition.GetProperty("moves");
        if (numbers.GetArrayLength() == 0 || numbers[0].ValueKind == JsonValueKind.Object) return ReadMoves(partition);
        if (numbers.GetArrayLength() % 2 != 0) throw new FormatException("a record of the epochs topic has a watermark move without a time: it is damaged");
        var moves = new WatermarkMove[numbers.GetArrayLength() / 2];
        var (n, offset, to) = (0, 0L, 0L);
        foreach (var number in numbers.EnumerateArray())
        {
            if (n % 2 == 0) offset += number.GetInt64();
            else moves[n / 2] = new WatermarkMove(offset, to += number.GetInt64());
            n++;
        }
        return moves;
    }

    private static ReplayBounds ReadReplay(JsonElement replay) => new(replay.GetProperty("pipeline").GetString()!, replay.GetProperty("into").GetString()!,
        new EventTimeRange(replay.GetProperty("from").GetInt64(), replay.GetProperty("to").GetInt64()),
        replay.GetProperty("sources").EnumerateObject().ToDictionary(s => s.Name, s => new ReplaySource(s.Value.GetProperty("topicId").GetString()!,
            s.Value.GetProperty("partitions").EnumerateObject().ToDictionary(p => int.Parse(p.Name, CultureInfo.InvariantCulture), p => new ReplayPartition(
                p.Value.GetProperty("start").GetInt64(), p.Value.GetProperty("end").GetInt64(), p.Value.TryGetProperty("newest", out var newest) ? newest.GetInt64()
                    : Watermark.None, ReadPacked(p.Value))))))
    {
        Redrive = replay.TryGetProperty("redrive", out var redrive) ? new ReplayRedrive(redrive.GetProperty("topicId").GetString()!,
            redrive.GetProperty("from").GetInt64(), redrive.GetProperty("end").GetInt64()) : null,
        LiveEnds = replay.TryGetProperty("liveEnds", out var ends) ? ends.EnumerateObject().ToDictionary(t => t.Name,
            IReadOnlyList<long> (t) => [.. t.Value.EnumerateArray().Select(e => e.GetInt64())]) : null,
    };

    private static void WriteEnds(Utf8JsonWriter json, IReadOnlyDictionary<string, IReadOnlyList<long>> ends)
    {
        json.WriteStartObject("liveEnds");
        foreach (var (topic, partitions) in ends)
        {
            json.WriteStartArray(topic);
            foreach (var end in partitions) json.WriteNumberValue(end);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void WriteRedrive(Utf8JsonWriter json, string topicId, long from, string name, long offset)
    {
        json.WriteStartObject("redrive");
        json.WriteString("topicId", topicId);
        json.WriteNumber("from", from);
        json.WriteNumber(name, offset);
        json.WriteEndObject();
    }

    private static bool HasRedrive(EpochManifest manifest) => manifest.Replay?.Redrive is not null || manifest.Sources.Values.Any(s => s.Redrive is not null);

    private static bool HasPackedMoves(EpochManifest manifest) => manifest.Replay?.Sources.Values.Any(s => s.Partitions.Values.Any(p => p.Moves.Count > 0)) == true;
}
