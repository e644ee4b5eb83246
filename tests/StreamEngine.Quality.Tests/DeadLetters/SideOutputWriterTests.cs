using System.Text;
using StreamEngine.Core;
using StreamEngine.Quality.DeadLetters;

namespace StreamEngine.Quality.Tests.DeadLetters;

/// <summary>Dead letters to the letter of the reference form.</summary>
public unsafe class SideOutputWriterTests
{
    private sealed class CountEncoder : IEncoder
    {
        public void Encode(Batch batch, Arena arena, Bytes* values)
        {
            for (var i = 0; i < batch.Count; i++) values[i] = new Bytes(arena.Copy(Encoding.UTF8.GetBytes($"row {batch.RowAt(i)}")), $"row {batch.RowAt(i)}".Length);
        }
    }

    private static SideOutputWriter Writer(MemoryScope scope) => new(new SideOutputSpec("dead", "late", 3000), scope, _ => new CountEncoder());

    private static Batch Source(MemoryScope scope, params string?[] values)
    {
        var arena = scope.RentArena();
        var count = values.Length;
        var offsets = arena.Allocate<long>(count);
        var stamps = arena.Allocate<long>(count);
        var keys = arena.Allocate<Bytes>(count);
        var data = arena.Allocate<Bytes>(count);
        var headers = arena.Allocate<Bytes>(count);
        for (var i = 0; i < count; i++)
        {
            (offsets[i], stamps[i], keys[i]) = (4711 + i, 1000 + i, new Bytes(arena.Copy("key"u8), 3));
            data[i] = values[i] is { } text ? new Bytes(arena.Copy(Encoding.UTF8.GetBytes(text)), Encoding.UTF8.GetByteCount(text)) : Bytes.Null;
            Span<byte> header = new byte[RecordHeaders.SizeOf(5, 3)];
            RecordHeaders.Write(header, "trace"u8, "abc"u8);
            headers[i] = new Bytes(arena.Copy(header), header.Length);
        }
        return Batch.OfRecords(new LogRecords(count, "flights") { Partition = 1, Offsets = offsets, Timestamps = stamps, Keys = keys, Values = data, Headers = headers },
            arena, BatchRole.Raw);
    }

    private static List<string> Headers(LogRecords records, int i)
    {
        var headers = new List<string>();
        foreach (var header in RecordHeaders.Read(records.HeadersAt(i).Span))
            headers.Add($"{Encoding.UTF8.GetString(header.Name)}={Encoding.UTF8.GetString(header.Value)}");
        return headers;
    }

    [Fact]
    public void A_dead_letter_keeps_bytes_key_and_timestamp_and_its_headers_come_behind_the_original_ones()
    {
        using var scope = new MemoryScope();
        using (var writer = Writer(scope))
        {
            var batch = Source(scope, "bytes", null, "late one");
            writer.Add(batch, 0, new Fault(FaultStage.Rule, "not true: ü > 0", "plausible"));
            writer.Add(batch, 1, new Fault(FaultStage.Decode, "the value is null"));
            writer.Add(batch, 2, new Fault(FaultStage.Late, "idle", Insert: "hourly"));
            batch.Dispose();
            Assert.True(writer.TryTake(out var dead));
            Assert.True(writer.TryTake(out var late));
            Assert.False(writer.TryTake(out _));
            Assert.Equal((BatchRole.DeadLetter, "dead", 2, BatchRole.Late, "late", 1),
                (dead!.Role, dead.Records!.Topic, dead.Count, late!.Role, late.Records!.Topic, late.Count));
            Assert.Equal(("bytes", "key", 1000L), (Encoding.UTF8.GetString(dead.Records.Values[0].Span), Encoding.UTF8.GetString(dead.Records.KeyAt(0).Span),
                dead.Records.Timestamps[0]));
            Assert.True(dead.Records.Values[1].IsNull);
            Assert.Equal(["trace=abc", "__streams.errors.topic=flights", "__streams.errors.partition=1", "__streams.errors.offset=4711",
                "streamengine.timestamp=1000", "__streams.errors.message=not true: ü > 0", "streamengine.stage=rule",
                "streamengine.rule=plausible", "streamengine.reason=not true: ü > 0", "streamengine.insert=*"], Headers(dead.Records, 0));
            Assert.Equal(["trace=abc", "__streams.errors.topic=flights", "__streams.errors.partition=1", "__streams.errors.offset=4713",
                "streamengine.timestamp=1002", "__streams.errors.message=idle",
                "streamengine.stage=late", "streamengine.reason=idle",
                "streamengine.insert=hourly"], Headers(late.Records, 0));
            dead.Dispose();
            late.Dispose();
        }
        Assert.Equal(0, scope.BlocksOut);
    }

    [Fact]
    public void A_record_that_is_too_large_is_named_by_its_position_and_one_behind_an_aggregation_is_written_as_its_row()
    {
        using var scope = new MemoryScope();
        using (var writer = Writer(scope))
        {
            var batch = Source(scope, new string('x', 5000));
            writer.Add(batch, 0, new Fault(FaultStage.Contract, new string('m', 400)));
            batch.Dispose();
            var arena = scope.RentArena();
            using (var aggregated = Batch.Create(new Schema(new Field("n", DataType.Int32)), [new ColumnVector(DataType.Int32, 3, (byte*)arena.AllocateZeroed<int>(3))],
                3, arena, aggregated: true))
                writer.Add(aggregated, 2, new Fault(FaultStage.Expression, "overflow", Insert: "hourly"));
            // Not taken yet, and one more: both come in one batch.
            Assert.True(writer.TryTake(out var dead));
            var records = dead!.Records!;
            Assert.True(records.Values[0].IsNull);
            Assert.Contains(Headers(records, 0), h => h.EndsWith("of 5000 bytes, is too large for a dead letter: it is at flights-1@4711)", StringComparison.Ordinal));
            Assert.Equal("row 2", Encoding.UTF8.GetString(records.Values[1].Span));
            Assert.Equal(["__streams.errors.message=overflow", "streamengine.stage=expression", "streamengine.reason=overflow", "streamengine.insert=hourly"],
                Headers(records, 1));
            dead.Dispose();
            // What nobody takes is given back too.
            var again = Source(scope, "a");
            writer.Add(again, 0, new Fault(FaultStage.Late, "late"));
            again.Dispose();
        }
        Assert.Equal(0, scope.BlocksOut);
    }
}
