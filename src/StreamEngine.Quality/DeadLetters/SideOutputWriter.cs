using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using StreamEngine.Core;

namespace StreamEngine.Quality.DeadLetters;

/// <summary>Where rows go that leave a pipeline by the side.</summary>
/// <param name="DeadLetterTopic">The topic of dead letters.</param>
/// <param name="LateTopic">The topic of late rows.</param>
/// <param name="MaxBytes">A record above it would be refused by the broker: its dead letter names it by position and size instead of holding it.</param>
internal sealed record SideOutputSpec(string DeadLetterTopic, string LateTopic, int MaxBytes);

/// <summary>
/// Makes records of faults: the original bytes as value, key and record timestamp kept, the original headers first, then KIP-1034's __streams.errors.* and the engine's
/// own. A row that stems from no record is written as JSON, without a position: behind a user's own stage the whole row that it gave, behind an aggregation the row as
/// it is.
/// </summary>
internal sealed unsafe class SideOutputWriter(SideOutputSpec spec, MemoryScope scope, Func<Schema, IEncoder> rowEncoder) : ISideOutputs
{
    private static readonly FrozenDictionary<FaultStage,
        byte[]> Stages = Enum.GetValues<FaultStage>().ToFrozenDictionary(s => s, s => Encoding.ASCII.GetBytes(Fault.NameOf(s)));

    private const int MostOfMessage = 1000;

    /// <summary>In the reason of a dead letter that does not hold its record: it cannot be redriven.</summary>
    public const string TooLarge = "is too large for a dead letter";

    private readonly Side _dead = new(spec.DeadLetterTopic, BatchRole.DeadLetter);
    private readonly Side _late = new(spec.LateTopic, BatchRole.Late);
    private readonly Dictionary<Schema, IEncoder> _encoders = [];
    private byte[] _headers = new byte[1024];

    private sealed class Side(string topic, BatchRole role)
    {
        public List<(Bytes Key, Bytes Value, Bytes Headers, long Timestamp)> Records { get; } = [];

        public Arena? Arena { get; set; }

        public string Topic => topic;

        public BatchRole Role => role;
    }

    public void Add(Batch batch, int row, in Fault fault)
    {
        var side = fault.Stage == FaultStage.Late ? _late : _dead;
        side.Arena ??= scope.RentArena();
        side.Records.Add(batch.Records is { } records ? OfRecord(records, row, fault, side.Arena) : OfRow(batch, row, fault, side.Arena));
    }

    private (Bytes Key, Bytes Value, Bytes Headers, long Timestamp) OfRecord(LogRecords records, int row, in Fault fault, Arena arena)
    {
        var (key, value, original) = (records.KeyAt(row), records.Values[row], records.HeadersAt(row));
        var message = Cut(fault.Message);
        // What does not fit is left out, the largest part first, and the position says where it all is: the dead letter itself must not be refused.
        if (Size(key, value, original, message) > spec.MaxBytes)
        {
            message = $"{message} (the record itself, of {Math.Max(value.Length, 0)} bytes, {TooLarge}: it is at {records.Topic}-{records.Partition}@{records.Offsets[row]})";
            value = Bytes.Null;
            if (Size(key, value, original, message) > spec.MaxBytes) original = Bytes.Null;
            if (Size(key, value, original, message) > spec.MaxBytes) key = Bytes.Null;
        }
        return (Copy(key, arena), Copy(value, arena), Headers(records, row, original.Span, fault, message, arena), records.Timestamps is null ? -1
            : records.Timestamps[row]);
    }

    private (Bytes Key, Bytes Value, Bytes Headers, long Timestamp) OfRow(Batch batch, int row, in Fault fault, Arena arena)
    {
        var (value, message) = (Encode(batch, row, arena), Cut(fault.Message));
        if (Size(Bytes.Null, value, Bytes.Null, message) > spec.MaxBytes)
        {
            message = $"{message} (the row, of {value.Length} bytes as JSON, {TooLarge})";
            value = Bytes.Null;
        }
        return (Bytes.Null, value, Headers(null, 0, default, fault, message, arena), -1);
    }

    // The engine's headers hold the message twice, and names, rule and INSERT beside it.
    private static long Size(Bytes key, Bytes value, Bytes headers, string message) =>
        1024L + Math.Max(key.Length, 0) + Math.Max(value.Length, 0) + Math.Max(headers.Length, 0) + 2 * Encoding.UTF8.GetByteCount(message);

    private static string Cut(string message) => message.Length <= MostOfMessage ? message : $"{message[..MostOfMessage]}..";

    private Bytes Encode(Batch batch, int row, Arena arena)
    {
        using var one = batch.Whole(row, arena.Allocate<ushort>(1));
        if (!_encoders.TryGetValue(one.Schema, out var encoder)) _encoders[one.Schema] = encoder = rowEncoder(one.Schema);
        var value = arena.Allocate<Bytes>(1);
        encoder.Encode(one, arena, value);
        return *value;
    }

    private static Bytes Copy(Bytes bytes, Arena arena) => bytes.Length <= 0 ? bytes : new Bytes(arena.Copy(bytes.Span), bytes.Length);

    private Bytes Headers(LogRecords? records, int row, ReadOnlySpan<byte> original, in Fault fault, string message, Arena arena)
    {
        var topic = records is null ? 0 : Encoding.UTF8.GetMaxByteCount(records.Topic.Length);
        var needed = original.Length + topic + Encoding.UTF8.GetMaxByteCount(message.Length) * 2 + Encoding.UTF8.GetMaxByteCount((fault.Rule?.Length
            ?? 0) + ((fault.Insert ?? records?.Redrive?.Insert)?.Length ?? 0)) + 512;
        if (_headers.Length < needed) _headers = new byte[needed];
        original.CopyTo(_headers);
        var rest = _headers.AsSpan(original.Length);
        if (records is not null)
        {
            rest = Text(rest, "__streams.errors.topic"u8, records.Topic);
            rest = Number(rest, "__streams.errors.partition"u8, records.Partition);
            rest = Number(rest, "__streams.errors.offset"u8, records.Offsets[row]);
            // The dead letter's own may be another: the topic's setting decides, and none lies ahead of the clock.
            if (records.Timestamps is not null) rest = Number(rest, "streamengine.timestamp"u8, records.Timestamps[row]);
        }
        rest = Text(rest, "__streams.errors.message"u8, message);
        rest = RecordHeaders.Write(rest, "streamengine.stage"u8, Stages[fault.Stage]);
        if (fault.Rule is not null) rest = Text(rest, "streamengine.rule"u8, fault.Rule);
        rest = Text(rest, "streamengine.reason"u8, message);
        rest = Text(rest, "streamengine.insert"u8, fault.Insert ?? records?.Redrive?.Insert ?? "*");
        var length = _headers.Length - rest.Length;
        return new Bytes(arena.Copy(_headers.AsSpan(0, length)), length);
    }

    private static Span<byte> Text(Span<byte> to, ReadOnlySpan<byte> name, string value)
    {
        Span<byte> buffer = value.Length <= 256 ? stackalloc byte[1024] : new byte[Encoding.UTF8.GetMaxByteCount(value.Length)];
        return RecordHeaders.Write(to, name, buffer[..Encoding.UTF8.GetBytes(value, buffer)]);
    }

    private static Span<byte> Number(Span<byte> to, ReadOnlySpan<byte> name, long value)
    {
        Span<byte> buffer = stackalloc byte[24];
        value.TryFormat(buffer, out var length, default, CultureInfo.InvariantCulture);
        return RecordHeaders.Write(to, name, buffer[..length]);
    }

    public bool TryTake(out Batch? batch)
    {
        batch = Take(_dead) ?? Take(_late);
        return batch is not null;
    }

    private static Batch? Take(Side side)
    {
        if (side.Records.Count == 0) return null;
        var arena = side.Arena!;
        var count = side.Records.Count;
        var keys = arena.Allocate<Bytes>(count);
        var values = arena.Allocate<Bytes>(count);
        var headers = arena.Allocate<Bytes>(count);
        var timestamps = arena.Allocate<long>(count);
        for (var i = 0; i < count; i++) (keys[i], values[i], headers[i], timestamps[i]) = side.Records[i];
        side.Records.Clear();
        side.Arena = null;
        return Batch.OfRecords(new LogRecords(count, side.Topic) { Keys = keys, Values = values, Headers = headers, Timestamps = timestamps }, arena, side.Role);
    }

    public void Dispose()
    {
        _dead.Arena?.Release();
        _late.Arena?.Release();
    }
}
