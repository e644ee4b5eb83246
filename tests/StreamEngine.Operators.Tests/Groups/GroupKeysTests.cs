using StreamEngine.Compute;
using StreamEngine.Compute.Evaluation;
using StreamEngine.Core;
using StreamEngine.Operators.Groups;
using StreamEngine.Operators.Tests.Suite;

namespace StreamEngine.Operators.Tests.Groups;

/// <summary>The tables of grouping keys against a dictionary: numbers in the order of coming, the same binary form and hash whatever the table.</summary>
public unsafe class GroupKeysTests
{
    private static readonly DataType[][] Shapes = [[DataType.Int64], [DataType.Timestamp], [DataType.Int32], [DataType.Date], [DataType.Utf8], [DataType.Int32,
        DataType.Utf8], [DataType.Boolean], [], [DataType.Int64, DataType.Timestamp], [DataType.Utf8, DataType.Date, DataType.Utf8], [DataType.Int32, DataType.Boolean]];

    public static TheoryData<int, bool> Cases()
    {
        var cases = new TheoryData<int, bool>();
        for (var shape = 0; shape < Shapes.Length; shape++)
        {
            cases.Add(shape, false);
            cases.Add(shape, true);
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Keys_are_numbered_as_a_dictionary_would_and_have_the_encoding_of_state(int shape, bool nulls)
    {
        using var scope = new MemoryScope();
        var types = Shapes[shape];
        var schema = new Schema(types.Select((t, i) => new Field($"k{i}", t)));
        var random = new Random(shape);
        var expected = new Dictionary<string, int>();
        using (var keys = GroupKeys.Create(types, scope))
        using (var others = GroupKeys.Create(types, scope))
        {
            for (var round = 0; round < 12; round++)
            {
                var rows = Enumerable.Range(0, random.Next(1, 600)).Select(_ => types.Select(t => nulls && random.Next(6) == 0 ? null : Value(t,
                    random)).ToArray()).ToList();
                using var batch = Rows.Of(scope, schema, rows, random);
                var groups = new int[rows.Count];
                fixed (int* p = groups) (round % 3 == 2 ? others : keys).Find(batch.Columns, new RowSet(batch.Selection, batch.Count), p);
                if (round % 3 == 2) continue;
                for (var i = 0; i < rows.Count; i++)
                {
                    expected.TryAdd(Rows.Text(rows[i]), expected.Count);
                    Assert.Equal(expected[Rows.Text(rows[i])], groups[i]);
                }
                CheckEncodings(keys, batch, groups);
            }
            var map = new int[others.Count];
            fixed (int* p = map) keys.Map(others, p);
            var texts = Texts(keys, scope);
            var mapped = Texts(others, scope);
            for (var i = 0; i < map.Length; i++) Assert.Equal(mapped[i], texts[map[i]]);
            Assert.All(expected, e => Assert.Equal(e.Key, texts[e.Value]));
            // What was written is found again, here and in an empty table.
            using var restored = GroupKeys.Create(types, scope);
            for (var i = 0; i < keys.Count; i++)
            {
                Assert.Equal(i, restored.FindEncoded(keys.EncodingOf(i)));
                Assert.Equal(i, keys.FindEncoded(keys.EncodingOf(i).ToArray()));
            }
            Assert.Equal(texts, Texts(restored, scope));
        }
        Assert.Equal(0, scope.BlocksOut);
    }

    private static object Value(DataType type, Random random) => type.Kind switch
    {
        TypeKind.Utf8 => new string((char)('a' + random.Next(26)), random.Next(0, 20)) + random.Next(3),
        TypeKind.Boolean => random.Next(2) == 0,
        TypeKind.Int32 or TypeKind.Date => random.Next(-40, 40) * (random.Next(2) == 0 ? 1 : 1 << 20),
        _ => random.NextInt64(-200, 200) * (random.Next(2) == 0 ? 1 : 1L << 50),
    };

    private static void CheckEncodings(GroupKeys keys, Batch batch, int[] groups)
    {
        var buffer = new byte[256];
        for (var i = 0; i < groups.Length; i += 7)
        {
            int length;
            fixed (byte* p = buffer) length = KeyEncoder.Encode(batch.Columns, batch.RowAt(i), p);
            Assert.Equal(buffer.AsSpan(0, length).ToArray(), keys.EncodingOf(groups[i]).ToArray());
            Assert.Equal(KeyHash.Of(buffer.AsSpan(0, length)), keys.HashOf(groups[i]));
        }
    }

    private static List<string> Texts(GroupKeys keys, MemoryScope scope)
    {
        var arena = scope.RentArena();
        var groups = Enumerable.Range(0, keys.Count).ToArray();
        var texts = new List<string>();
        fixed (int* p = groups)
        {
            var columns = keys.Decode(p, groups.Length, arena);
            for (var i = 0; i < groups.Length; i++) texts.Add(Rows.Text(columns.Select(c => Rows.Value(c, i))));
        }
        arena.Release();
        return texts;
    }

    [Theory]
    [InlineData(0, "0201")]
    [InlineData(0, "01")]
    [InlineData(0, "010100000000")]
    [InlineData(4, "01010500000041")]
    [InlineData(4, "0101ffffffff")]
    [InlineData(5, "0100")]
    [InlineData(5, "010001050000004142")]
    [InlineData(5, "01000000")]
    public void What_is_no_key_of_the_columns_is_refused(int shape, string key)
    {
        using var scope = new MemoryScope();
        using var keys = GroupKeys.Create(Shapes[shape], scope);
        Assert.Throws<FormatException>(() => keys.FindEncoded(Convert.FromHexString(key)));
    }

    [Fact]
    public void Very_many_keys_are_found_in_large_tables()
    {
        using var scope = new MemoryScope();
        using var keys = GroupKeys.Create([DataType.Int64], scope);
        var values = Enumerable.Range(0, 200_000).Select(i => (long)i * 4096).ToArray();
        var groups = new int[Batch.MaxRows];
        for (var pass = 0; pass < 2; pass++)
            for (var from = 0; from < values.Length; from += Batch.DefaultRows)
            {
                var count = Math.Min(Batch.DefaultRows, values.Length - from);
                fixed (long* p = values)
                fixed (int* g = groups) keys.Find([new ColumnVector(DataType.Int64, count, (byte*)(p + from))], new RowSet(null, count), g);
                Assert.Equal(Enumerable.Range(from, count), groups.Take(count));
            }
        Assert.Equal(values.Length, keys.Count);
    }
}
