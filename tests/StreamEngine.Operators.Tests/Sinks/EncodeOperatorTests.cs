using System.Text;
using StreamEngine.Core;
using StreamEngine.Operators.Sinks;
using StreamEngine.Operators.Tests.Suite;

namespace StreamEngine.Operators.Tests.Sinks;

/// <summary>Rows to records: what is carried over, what is too large, what is counted.</summary>
public unsafe class EncodeOperatorTests
{
    private static readonly Schema Schema = new(new Field("text", DataType.Utf8));

    /// <summary>The text as it is, or its first letter.</summary>
    private sealed class TextEncoder(bool first) : IEncoder
    {
        public void Encode(Batch batch, Arena arena, Bytes* values)
        {
            for (var i = 0; i < batch.Count; i++)
            {
                var text = (string?)Rows.Value(batch[0], batch.RowAt(i));
                values[i] = text is null ? Bytes.Null : new Bytes(arena.Copy(Encoding.UTF8.GetBytes(first ? text[..1] : text)), first ? 1 : text.Length);
            }
        }
    }

    private static LogRecords Records(Arena arena, int count)
    {
        var stamps = arena.Allocate<long>(count);
        var headers = arena.Allocate<Bytes>(count);
        for (var i = 0; i < count; i++)
        {
            stamps[i] = 1000 + i;
            Span<byte> header = new byte[RecordHeaders.SizeOf(1, 1)];
            RecordHeaders.Write(header, "h"u8, [(byte)('0' + i)]);
            headers[i] = new Bytes(arena.Copy(header), header.Length);
        }
        return new LogRecords(count, "source") { Timestamps = stamps, Headers = headers };
    }

    [Fact]
    public void Timestamps_and_headers_go_along_and_a_record_that_is_too_large_is_a_dead_letter()
    {
        using var scope = new MemoryScope();
        var counts = new RowCounts();
        using var encode = new EncodeOperator("sink", Schema, new SinkSpec("out", "insert", new TextEncoder(first: false), new TextEncoder(first: true), 22));
        encode.Open(new OperatorContext(scope, counts, KeyGroupRange.All));
        using var output = new Capture(counts);
        var carrier = scope.RentArena();
        // Key, value and a header of ten bytes: eleven of text fit, twelve do not.
        encode.Process(Rows.Of(scope, Schema, [["a short one"], ["b long one.."], ["c"], [new string('d', 100)]], records: Records(carrier, 4)), output);
        carrier.Release();
        Assert.Equal((2L, 2L), (counts.Done, counts.DeadLettered));
        Assert.Equal([1, 3], output.Faults.Select(f => f.Row));
        Assert.All(output.Faults, f => Assert.Equal((FaultStage.Sink, "insert"), (f.Fault.Stage, f.Fault.Insert)));
        var batch = output.TakeOne();
        var records = batch.Records!;
        Assert.Equal((BatchRole.Output, 2, "out", "insert"), (batch.Role, batch.Count, records.Topic, records.Name));
        Assert.Equal(["a short one", "c"], Enumerable.Range(0, 2).Select(i => Encoding.UTF8.GetString(records.Values[i].Span)));
        Assert.Equal(["a", "c"], Enumerable.Range(0, 2).Select(i => Encoding.UTF8.GetString(records.KeyAt(i).Span)));
        Assert.Equal([1000L, 1002L], Enumerable.Range(0, 2).Select(i => records.Timestamps[i]));
        Assert.Equal(["0", "2"], Enumerable.Range(0, 2)
            .Select(i => RecordHeaders.TryGetLast(records.HeadersAt(i).Span, "h"u8, out var value) ? Encoding.UTF8.GetString(value) : ""));
        batch.Dispose();
        Assert.Equal(0, scope.BlocksOut);
    }

    [Fact]
    public void A_batch_without_a_record_that_fits_gives_nothing_and_null_keys_stay_null()
    {
        using var scope = new MemoryScope();
        var counts = new RowCounts();
        using var encode = new EncodeOperator("sink", Schema, new SinkSpec("out", "insert", new TextEncoder(first: false), new TextEncoder(first: true), 20));
        encode.Open(new OperatorContext(scope, counts, KeyGroupRange.All));
        using var output = new Capture(counts);
        encode.Process(Rows.Of(scope, Schema, [[new string('x', 30)]]), output);
        Assert.Empty(output.Batches);
        encode.Process(Rows.Of(scope, Schema, [[null]]), output);
        var batch = output.TakeOne();
        Assert.True(batch.Records!.KeyAt(0).IsNull);
        Assert.True(batch.Records.Values[0].IsNull);
        Assert.True(batch.Records.Timestamps is null);
        batch.Dispose();
        Assert.Equal(0, scope.BlocksOut);
    }
}
