using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Kafka.Suite;

/// <summary>A record to be written.</summary>
internal sealed record OutputRecord(string? Value, string? Key = null)
{
    public long Timestamp { get; init; } = -1;

    public int Partition { get; init; } = -1;

    public (string Name, string? Value)[] Headers { get; init; } = [];
}

/// <summary>Encoded records, as sinks and operators hand them to a commit log.</summary>
internal static unsafe class OutputBatch
{
    public static Batch Of(MemoryScope scope, string topic, params OutputRecord[] records)
    {
        var arena = scope.RentArena();
        var values = arena.Allocate<Bytes>(records.Length);
        var keys = arena.Allocate<Bytes>(records.Length);
        var headers = arena.Allocate<Bytes>(records.Length);
        var timestamps = arena.Allocate<long>(records.Length);
        var partitions = arena.Allocate<int>(records.Length);
        for (var i = 0; i < records.Length; i++)
        {
            values[i] = Text(records[i].Value, arena);
            keys[i] = Text(records[i].Key, arena);
            headers[i] = Headers(records[i].Headers, arena);
            (timestamps[i], partitions[i]) = (records[i].Timestamp, records[i].Partition);
        }
        return Batch.OfRecords(new LogRecords(records.Length, topic) { Values = values, Keys = keys, Headers = headers, Timestamps = timestamps,
            Partitions = partitions }, arena, BatchRole.Output);
    }

    public static Batch State(MemoryScope scope, params string[] values)
    {
        var arena = scope.RentArena();
        var bytes = arena.Allocate<Bytes>(values.Length);
        for (var i = 0; i < values.Length; i++) bytes[i] = Text(values[i], arena);
        return Batch.OfRecords(new LogRecords(values.Length, "") { Values = bytes }, arena, BatchRole.Changelog);
    }

    private static Bytes Text(string? text, Arena arena)
    {
        if (text is null) return Bytes.Null;
        var bytes = Encoding.UTF8.GetBytes(text);
        return new Bytes(arena.Copy(bytes), bytes.Length);
    }

    private static Bytes Headers((string Name, string? Value)[] headers, Arena arena)
    {
        if (headers.Length == 0) return Bytes.Null;
        var buffer = new byte[1024];
        Span<byte> rest = buffer;
        foreach (var (name, value) in headers)
            rest = RecordHeaders.Write(rest, Encoding.UTF8.GetBytes(name), value is null ? default : Encoding.UTF8.GetBytes(value), value is null);
        var length = buffer.Length - rest.Length;
        return new Bytes(arena.Copy(buffer.AsSpan(0, length)), length);
    }
}
