using System.IO.Hashing;
using StreamEngine.Core;

namespace StreamEngine.Compute.Tests.Keys;

public unsafe class KeyHashTests
{
    private static readonly Schema Columns = new(
        new Field("n", DataType.Int64), new Field("s", DataType.Utf8), new Field("x", DataType.Float64), new Field("i", DataType.Int32),
            new Field("d", DataType.Decimal(10, 2)), new Field("b", DataType.Boolean));

    private static readonly string LongText = new('y', 500);

    private static TestTable Table()
        => new(Columns, ["1, 'a', 0, 1, 1.5, true", $"-1, '{LongText}', '-0', 2, -1.5, false", "9223372036854775807, '', 'NaN', NULL, NULL, NULL",
        "1, 'exactly 12..', 1.5, 3, 0, true"]);

    private static byte[] Encode(ReadOnlySpan<ColumnVector> columns, int row)
    {
        var bytes = new byte[KeyEncoder.SizeOf(columns, row)];
        fixed (byte* p = bytes) Assert.Equal(bytes.Length, KeyEncoder.Encode(columns, row, p));
        return bytes;
    }

    [Fact]
    public void The_encoding_has_version_null_flags_and_little_endian_values()
    {
        using var table = Table();
        var columns = table.Batch.Columns;
        Assert.Equal("010101000000000000000101000000" + "61", Convert.ToHexString(Encode(columns[..2], 0)));
        Assert.Equal("0100", Convert.ToHexString(Encode(columns.Slice(3, 1), 2)));
        Assert.Equal("010101", Convert.ToHexString(Encode(columns.Slice(5, 1), 0)));
        Assert.Equal("0101" + "96000000000000000000000000000000", Convert.ToHexString(Encode(columns.Slice(4, 1), 0)));
    }

    [Fact]
    public void Zero_and_minus_zero_are_the_same_key()
    {
        using var table = Table();
        Assert.Equal(Encode(table.Batch.Columns.Slice(2, 1), 0), Encode(table.Batch.Columns.Slice(2, 1), 1));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 1)]
    [InlineData(0, 2)]
    [InlineData(0, 6)]
    public void The_hash_is_that_of_the_encoding_whatever_the_path(int first, int count)
    {
        using var table = Table();
        var keys = table.Batch.Columns.Slice(first, count);
        var hashes = stackalloc ulong[4];
        KeyHash.Compute(keys, table.Batch, hashes);
        for (var row = 0; row < 4; row++)
        {
            Assert.Equal(XxHash3.HashToUInt64(Encode(keys, row)), hashes[row]);
            Assert.Equal(hashes[row], KeyHash.Of(Encode(keys, row)));
        }
        using var some = table.MakeBatch([1, 3]);
        var others = stackalloc ulong[4] { 7, 7, 7, 7 };
        KeyHash.Compute(keys, some, others);
        Assert.Equal((7UL, hashes[1], 7UL, hashes[3]), (others[0], others[1], others[2], others[3]));
    }

    [Fact]
    public void The_short_path_equals_the_library_at_every_length()
    {
        var random = new Random(3);
        var bytes = stackalloc byte[64];
        for (var length = 0; length <= 64; length++)
        {
            random.NextBytes(new Span<byte>(bytes, 64));
            Assert.Equal(XxHash3.HashToUInt64(new ReadOnlySpan<byte>(bytes, length)), ShortHash.Of(bytes, length));
        }
    }

    [Fact]
    public void The_hash_never_changes()
    {
        using var table = Table();
        var hashes = stackalloc ulong[4];
        KeyHash.Compute(table.Batch.Columns[..2], table.Batch, hashes);
        Assert.Equal(FrozenHash, hashes[0]);
    }

    /// <summary>XxHash3 of 01 01 0100000000000000 01 01000000 61: state on disk depends on it.</summary>
    private const ulong FrozenHash = 981518807469767650;
}
