using FsCheck;
using FsCheck.Xunit;

namespace StreamEngine.Broker.Protocol;

/// <summary>The primitive types read back what was written, in both forms, and never past the end.</summary>
public class PrimitiveTests
{
    private static byte[] Write(bool flexible, Action<ProtocolWriter> write)
    {
        var w = new ProtocolWriter { Flexible = flexible };
        write(w);
        var bytes = w.Written.ToArray();
        w.Abandon();
        return bytes;
    }

    [Property(MaxTest = 1000)]
    public void Numbers(sbyte a, short b, DoNotSize<int> int32, DoNotSize<long> int64, DoNotSize<uint> varint, DoNotSize<long> varlong, Guid g)
    {
        // Shifted, so that varints of every length come.
        var (c, d, e, f) = (int32.Item, int64.Item, varint.Item >> (b & 31), varlong.Item >> (a & 63));
        var r = new ProtocolReader(Write(false, w =>
        {
            w.Int8(a);
            w.Int16(b);
            w.Int32(c);
            w.Int64(d);
            w.UVarInt(e);
            w.VarLong(f);
            w.Uuid(g);
        }));
        Assert.Equal((a, b, c, d, e, f, g), (r.Int8(), r.Int16(), r.Int32(), r.Int64(), r.UVarInt(), r.VarLong(), r.Uuid()));
        Assert.Equal(0, r.Remaining);
    }

    [Fact]
    public void Varints_at_their_limits()
    {
        foreach (var value in new[] { 0u, 127u, 128u, 16383u, 16384u, (1u << 21) - 1, 1u << 21, (1u << 28) - 1, 1u << 28, uint.MaxValue })
            Assert.Equal(value, new ProtocolReader(Write(false, w => w.UVarInt(value))).UVarInt());
        foreach (var value in new[] { 0L, -1, 1, 63, 64, -64, -65, int.MaxValue, int.MinValue, long.MaxValue, long.MinValue })
            Assert.Equal(value, new ProtocolReader(Write(false, w => w.VarLong(value))).VarLong());
        Assert.Throws<ProtocolException>(() => new ProtocolReader(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0x1F }).UVarInt());
        Assert.Throws<ProtocolException>(() => new ProtocolReader(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1 }).UVarInt());
        Assert.Throws<ProtocolException>(() => new ProtocolReader(Enumerable.Repeat((byte)0xFF, 11).ToArray()).VarLong());
    }

    [Property]
    public void Strings_arrays_and_bytes(bool flexible, string?[] texts, byte[] bytes, int[] numbers)
    {
        // FsCheck makes lone surrogates, which no UTF-8 has.
        var sound = texts.Select(t => t is null ? null : new string([.. t.Where(c => !char.IsSurrogate(c))])).ToList();
        var encoded = Write(flexible, w =>
        {
            w.Count(sound.Count);
            foreach (var text in sound) w.NullableString(text);
            w.Bytes(bytes);
            w.Int32Array(numbers);
            w.NullArray();
            w.Tags();
        });
        var r = new ProtocolReader(encoded) { Flexible = flexible };
        Assert.Equal(sound, r.Array(static (ref ProtocolReader x) => x.NullableString()));
        Assert.Equal(bytes, r.Bytes().ToArray());
        Assert.Equal(numbers, r.Int32Array());
        Assert.Null(r.NullableArray(static (ref ProtocolReader x) => x.Int32()));
        r.End();
        Assert.Equal(0, r.Remaining);
        for (var size = 0; size < encoded.Length; size++)
            Assert.ThrowsAny<ProtocolException>(() => ReadAll(encoded.AsMemory(0, size), flexible));
    }

    private static void ReadAll(ReadOnlyMemory<byte> bytes, bool flexible)
    {
        var r = new ProtocolReader(bytes) { Flexible = flexible };
        r.Array(static (ref ProtocolReader x) => x.NullableString());
        r.Bytes();
        r.Int32Array();
        r.NullableArray(static (ref ProtocolReader x) => x.Int32());
        r.End();
        if (!flexible && r.Remaining == 0 && bytes.Length == 0) throw new ProtocolException("empty");
    }

    [Theory]
    [InlineData(false, new byte[] { 0x7F, 0xFF, 0xFF, 0xFF })]
    [InlineData(false, new byte[] { 0xFF, 0xFF, 0xFF, 0xFE })]
    [InlineData(true, new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0x0F })]
    [InlineData(true, new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0x07 })]
    public void Counts_and_lengths_that_cannot_be_are_refused_before_anything_is_allocated(bool flexible, byte[] bytes)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ProtocolException>(() => new ProtocolReader(bytes) { Flexible = flexible }.Int32Array());
        Assert.Throws<ProtocolException>(() => new ProtocolReader(bytes) { Flexible = flexible }.Bytes());
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [Fact]
    public void Tagged_fields_are_stepped_over()
    {
        var bytes = Write(true, w =>
        {
            w.UVarInt(2);
            w.UVarInt(0);
            w.UVarInt(3);
            w.Raw([1, 2, 3]);
            w.UVarInt(500);
            w.UVarInt(0);
            w.Int32(99);
        });
        var r = new ProtocolReader(bytes) { Flexible = true };
        r.Tags();
        Assert.Equal(99, r.Int32());
    }

    [Fact]
    public void Text_that_is_not_UTF8_is_refused() =>
        Assert.Throws<ProtocolException>(() => new ProtocolReader(new byte[] { 0, 2, 0xC3, 0x28 }).String());
}
