using Apache.Arrow;
using Apache.Arrow.Ipc;
using Apache.Arrow.Types;
using FsCheck.Xunit;
using StreamEngine.Core.Tests.Suite;

namespace StreamEngine.Core.Tests.Arrow;

public sealed class ArrowBatchesTests
{
    private static RecordBatch ThroughIpc(RecordBatch batch)
    {
        using var stream = new MemoryStream();
        using (var writer = new ArrowStreamWriter(stream, batch.Schema, leaveOpen: true))
        {
            writer.WriteRecordBatch(batch);
            writer.WriteEnd();
        }
        stream.Position = 0;
        return new ArrowStreamReader(stream).ReadNextRecordBatch();
    }

    [Property(MaxTest = 300, EndSize = Seeds.All)]
    public void Rows_come_back_from_an_IPC_stream(int seed, bool copy)
    {
        using var scope = new MemoryScope();
        List<string> rows;
        RecordBatch arrow;
        var batch = RandomBatch.Of(scope, new Random(seed));
        rows = RandomBatch.Rows(batch);
        arrow = batch.ToRecordBatch(copy);
        Assert.Equal(batch.Count, arrow.Length);
        // A copy outlives the batch, a view does not.
        if (copy) batch.Dispose();
        using var read = ThroughIpc(arrow);
        if (!copy) batch.Dispose();
        var back = ArrowBatches.FromRecordBatch(read, scope, 0, read.Length);
        Assert.Equal(rows, RandomBatch.Rows(back));
        back.Dispose();
        Assert.Equal(0, scope.BlocksOut);
    }

    [Property(MaxTest = 100, EndSize = Seeds.All)]
    public void A_range_of_rows_can_be_read(int seed)
    {
        var random = new Random(seed);
        using var scope = new MemoryScope();
        using var batch = RandomBatch.Of(scope, random);
        var arrow = batch.ToRecordBatch();
        var from = random.Next(arrow.Length + 1);
        var count = random.Next(arrow.Length - from + 1);
        var rows = RandomBatch.Rows(batch).GetRange(from, count);
        using var range = ArrowBatches.FromRecordBatch(arrow, scope, from, count);
        Assert.Equal(rows, RandomBatch.Rows(range));
        var slice = arrow.Slice(from, count);
        using var sliced = ArrowBatches.FromRecordBatch(slice, scope, 0, count);
        Assert.Equal(rows, RandomBatch.Rows(sliced));
    }

    [Fact]
    public unsafe void Columns_of_fixed_width_are_not_copied()
    {
        using var scope = new MemoryScope();
        var arena = scope.RentArena();
        var values = arena.Allocate<long>(3);
        for (var i = 0; i < 3; i++) values[i] = i;
        using var batch = Batch.Create(new Schema(new Field("a", DataType.Int64)), [new ColumnVector(DataType.Int64, 3, (byte*)values)], 3, arena);
        var array = (Int64Array)batch.ToRecordBatch().Column(0);
        values[1] = 42;
        Assert.Equal(42, array.GetValue(1));
        Assert.Equal(1, ((Int64Array)batch.ToRecordBatch(copy: true).Column(0)).Length - 2);
    }

    [Fact]
    public void Other_arrow_types_whose_values_fit_are_read()
    {
        var batch = new RecordBatch.Builder()
            .Append("i8", true, c => c.Int8(b => b.Append(-5).AppendNull()))
            .Append("u32", false, c => c.UInt32(b => b.Append(uint.MaxValue).Append(0)))
            .Append("f", false, c => c.Float(b => b.Append(1.5f).Append(-2)))
            .Append("s", true, c => c.String(b => b.Append("long enough to be a view").AppendNull()))
            .Append("t", true, new TimestampArray.Builder(TimeUnit.Millisecond).Append(DateTimeOffset.UnixEpoch.AddMilliseconds(1)).AppendNull().Build())
            .Build();
        using var scope = new MemoryScope();
        using var read = ArrowBatches.FromRecordBatch(batch, scope, 0, 2);
        Assert.Equal(["-5 | 4294967295 | 1.5 | " + Convert.ToHexString("long enough to be a view"u8) + " | 1000", "null | 0 | -2 | null | null"], RandomBatch.Rows(read));
    }

    public static TheoryData<string, ArrayData> Contradictions()
    {
        static ArrowBuffer Ints(params int[] values) => new(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        static ArrowBuffer Bytes(string text) => new(System.Text.Encoding.Latin1.GetBytes(text));
        static ArrayData Of(IArrowType type, int length, int nulls, ArrowBuffer[] buffers, params ArrayData[] children) => new(type, length, nulls, 0, buffers, children);
        var none = ArrowBuffer.Empty;
        return new TheoryData<string, ArrayData>
        {
            { "short values", Of(Int64Type.Default, 2, 0, [none, Ints(1, 2)]) },
            { "a missing buffer", Of(Int64Type.Default, 2, 0, [none]) },
            { "nulls without a bitmap", Of(Int32Type.Default, 2, 1, [none, Ints(1, 2)]) },
            { "a wrong null count", Of(Int32Type.Default, 2, 0, [new ArrowBuffer(new byte[] { 1 }), Ints(1, 2)]) },
            { "a short bitmap", Of(Int32Type.Default, 9, -1, [new ArrowBuffer(new byte[1]), Ints(1, 2, 3, 4, 5, 6, 7, 8, 9)]) },
            { "offsets that fall", Of(StringType.Default, 2, 0, [none, Ints(0, 3, 2), Bytes("abc")]) },
            { "offsets beyond the text", Of(StringType.Default, 2, 0, [none, Ints(0, 3, 4), Bytes("abc")]) },
            { "negative offsets", Of(StringType.Default, 2, 0, [none, Ints(-1, 1, 2), Bytes("abc")]) },
            { "text that is no UTF-8", Of(StringType.Default, 2, 0, [none, Ints(0, 1, 2), Bytes("a\u00FF")]) },
            { "a view of negative length", Of(StringViewType.Default, 1, 0, [none, Ints(-1, 0, 0, 0)]) },
            { "a view into no buffer", Of(StringViewType.Default, 1, 0, [none, Ints(13, 0, 0, 0)]) },
            { "a view beyond its buffer", Of(StringViewType.Default, 1, 0, [none, Ints(13, 0, 0, 1), new ArrowBuffer(new byte[13])]) },
            { "a view with another prefix", Of(StringViewType.Default, 1, 0, [none, Ints(13, 7, 0, 0), new ArrowBuffer(new byte[13])]) },
            { "a list beyond its child", Of(new ListType(Int32Type.Default), 1, 0, [none, Ints(0, 2)], Of(Int32Type.Default, 1, 0, [none, Ints(1)])) },
            { "a list of so many elements that the sum overflows", Of(new ListType(Int32Type.Default), 1, 0, [none, Ints(0, int.MaxValue)],
                Of(Int32Type.Default, int.MaxValue, 0, [none, Ints(1)])) },
            { "a struct that is longer than its child", Of(new StructType([new Apache.Arrow.Field("a", Int32Type.Default, true)]), 2, 0, [none],
                Of(Int32Type.Default, 1, 0, [none, Ints(1)])) },
            { "a struct without its child", Of(new StructType([new Apache.Arrow.Field("a", Int32Type.Default, true)]), 2, 0, [none]) },
            { "a decimal beyond its precision", Of(new Decimal128Type(3, 0), 1, 0, [none, Ints(1000, 0, 0, 0)]) },
        };
    }

    [Theory]
    [MemberData(nameof(Contradictions))]
    public void What_contradicts_itself_is_refused(string what, ArrayData data)
    {
        using var scope = new MemoryScope();
        var thrown = Assert.Throws<InvalidDataException>(() =>
        {
            var type = ArrowTypes.FromArrow(new Apache.Arrow.Schema([new Apache.Arrow.Field("bad", data.DataType, true)], null))[0].Type;
            var arena = scope.RentArena();
            try
            {
                new ArrowImport(arena, "bad").Column(data, type, 0, data.Length);
            }
            finally
            {
                arena.Release();
            }
        });
        Assert.Contains("bad", thrown.Message);
        Assert.NotEmpty(what);
    }

    [Fact]
    public void A_type_that_no_SQL_type_holds_is_named()
    {
        var batch = new RecordBatch.Builder().Append("u64", false, c => c.UInt64(b => b.Append(1))).Build();
        using var scope = new MemoryScope();
        Assert.Contains("u64", Assert.Throws<InvalidDataException>(() => ArrowBatches.FromRecordBatch(batch, scope, 0, 1)).Message);
    }
}
