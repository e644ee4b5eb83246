using System.Text;
using StreamEngine.Compute;
using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Tests.State;

/// <summary>The native tables of state against managed ones.</summary>
public unsafe class StateTests
{
    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public void A_key_table_numbers_keys_as_a_dictionary_would(int seed, bool hashed)
    {
        using var scope = new MemoryScope();
        var random = new Random(seed);
        var expected = new Dictionary<string, int>();
        using (var table = new KeyTable(scope))
        {
            for (var i = 0; i < 20_000; i++)
            {
                var text = random.Next(hashed ? 8000 : 300).ToString("x") + new string('k', random.Next(3) * 10);
                var key = Encoding.UTF8.GetBytes(text);
                // Few different hashes: equal ones have to be told apart by the key.
                var hash = hashed ? KeyHash.Of(key) : (ulong)text.Length << 60;
                fixed (byte* p = key)
                {
                    var number = table.FindOrAdd(hash, p, key.Length, out var added);
                    Assert.Equal(expected.TryAdd(text, expected.Count), added);
                    Assert.Equal(expected[text], number);
                    Assert.Equal(hash, table.HashOf(number));
                }
            }
            Assert.Equal(expected.Count, table.Count);
            Assert.All(expected, e => Assert.Equal(e.Key, Encoding.UTF8.GetString(table.KeyOf(e.Value).Span)));
            fixed (byte* empty = new byte[1])
            {
                var number = table.FindOrAdd(7, empty, 0, out var added);
                Assert.True(added);
                Assert.Equal(0, table.KeyOf(number).Length);
            }
        }
        Assert.Equal(0, scope.BlocksOut);
    }

    [Fact]
    public void A_growing_buffer_keeps_what_is_in_it_and_is_zero_behind()
    {
        using var scope = new MemoryScope();
        // Blocks that come back are dirty.
        for (var i = 0; i < 3; i++) scope.Rent(1 << 17).Release();
        using (var buffer = new GrowingBuffer<Int128>(scope))
        {
            for (var i = 0; i < 40_000; i++)
            {
                buffer.Reserve(i + 1);
                Assert.Equal(Int128.Zero, buffer.Pointer[i]);
                buffer.Pointer[i] = i + 1;
            }
            for (var i = 0; i < 40_000; i++) Assert.Equal(i + 1, buffer.Pointer[i]);
            Assert.Throws<InvalidOperationException>(() => buffer.Reserve(int.MaxValue));
        }
        Assert.Equal(0, scope.BlocksOut);
    }

    [Fact]
    public void State_is_read_back_as_it_was_written_and_a_torn_piece_is_an_error()
    {
        var random = new Random(4);
        var buffer = new StateBuffer();
        var texts = Enumerable.Range(0, 500).Select(_ => new string('s', random.Next(40))).ToList();
        foreach (var text in texts)
        {
            buffer.Put(text.Length);
            buffer.Put(Encoding.ASCII.GetBytes(text));
            buffer.Put((Int128)text.Length);
        }
        var reader = new StateReader(buffer.Written);
        foreach (var text in texts)
        {
            Assert.Equal(text, Encoding.ASCII.GetString(reader.Get(reader.Get<int>())));
            Assert.Equal(text.Length, reader.Get<Int128>());
        }
        Assert.True(reader.AtEnd);
        Assert.Throws<FormatException>(() =>
        {
            var torn = new StateReader(buffer.Written[..^3]);
            while (!torn.AtEnd)
            {
                torn.Get(torn.Get<int>());
                torn.Get<Int128>();
            }
        });
    }
}
