using System.Text;

namespace StreamEngine.Core.Tests.Memory;

public sealed unsafe class MemoryTests
{
    private static Batch Rows(MemoryScope scope, int rows)
    {
        var arena = scope.RentArena();
        var values = arena.Allocate<int>(rows);
        for (var i = 0; i < rows; i++) values[i] = i;
        return Batch.Create(new Schema(new Field("a", DataType.Int32)), [new ColumnVector(DataType.Int32, rows, (byte*)values)], rows, arena);
    }

    [Fact]
    public void What_is_released_comes_back_and_is_used_again()
    {
        using var scope = new MemoryScope();
        Rows(scope, 100).Dispose();
        Assert.Equal(0, scope.BlocksOut);
        Assert.Equal(0, scope.BytesOut);
        var peak = scope.PeakBytes;
        for (var i = 0; i < 10; i++) Rows(scope, 100).Dispose();
        Assert.Equal(peak, scope.PeakBytes);
    }

    [Fact]
    public void A_batch_that_nobody_releases_is_counted()
    {
        using var scope = new MemoryScope();
        _ = Rows(scope, 100);
        Assert.Equal(1, scope.BlocksOut);
        Assert.True(scope.BytesOut >= 400);
    }

    [Fact]
    public void Releasing_twice_and_using_what_was_passed_on_throw()
    {
        using var scope = new MemoryScope();
        var batch = Rows(scope, 10);
        batch.Dispose();
        Assert.Throws<ObjectDisposedException>(batch.Dispose);
        Assert.Throws<ObjectDisposedException>(() => batch.Share());
        var first = Rows(scope, 10);
        using var second = first.With(first.Schema, first.Columns.ToArray(), null, null, 10);
        Assert.Throws<ObjectDisposedException>(first.Dispose);
        Assert.Throws<ObjectDisposedException>(() => first.With(first.Schema, [], null, null, 10));
    }

    [Fact]
    public void Shared_memory_lives_until_its_last_owner_gives_it_up()
    {
        using var scope = new MemoryScope();
        var batch = Rows(scope, 10);
        var other = batch.Share();
        batch.Dispose();
        Assert.Equal(1, scope.BlocksOut);
        Assert.Equal(9, other[0].As<int>()[9]);
        other.Dispose();
        Assert.Equal(0, scope.BlocksOut);
    }

    [Fact]
    public void Columns_that_are_added_keep_both_memories()
    {
        using var scope = new MemoryScope();
        var batch = Rows(scope, 4);
        var added = scope.RentArena();
        var more = new ColumnVector(DataType.Int32, 4, (byte*)added.AllocateZeroed<int>(4));
        var selection = added.Allocate<ushort>(2);
        (selection[0], selection[1]) = (1, 3);
        var wider = batch.With(new Schema(new Field("a", DataType.Int32), new Field("b", DataType.Int32)), [batch[0], more], added, selection, 2, role: BatchRole.Late);
        Assert.Equal(2, wider.Count);
        Assert.Equal(3, wider[0].As<int>()[wider.RowAt(1)]);
        Assert.Equal(BatchRole.Late, wider.Role);
        wider.Dispose();
        Assert.Equal(0, scope.BlocksOut);
    }

    [Fact]
    public void An_arena_that_is_released_too_often_says_so()
    {
        using var scope = new MemoryScope();
        var arena = scope.RentArena();
        arena.Retain().Release();
        arena.Release();
        Assert.Throws<InvalidOperationException>(arena.Release);
    }

    [Fact]
    public void Allocations_are_aligned_do_not_move_and_may_be_larger_than_a_block()
    {
        using var scope = new MemoryScope();
        var arena = scope.RentArena();
        var pieces = new List<(nint At, int Length, byte Fill)>();
        for (var i = 1; i < 200; i++)
        {
            var length = i % 10 == 0 ? 3 << 20 : i * 37;
            var p = arena.Allocate<byte>(length);
            Assert.Equal(0, (nint)p & 63);
            new Span<byte>(p, length).Fill((byte)i);
            pieces.Add(((nint)p, length, (byte)i));
        }
        foreach (var (at, length, fill) in pieces) Assert.Equal(-1, new ReadOnlySpan<byte>((void*)at, length).IndexOfAnyExcept(fill));
        var text = arena.Copy("text"u8);
        Assert.Equal("text", Encoding.UTF8.GetString(arena.MemoryOf(text, 4)!.Value.Span));
        Assert.Null(arena.MemoryOf((byte*)&text, 8));
        arena.Release();
        Assert.Equal(0, scope.BlocksOut);
    }

    [Fact]
    public void A_scope_that_is_disposed_frees_what_is_out_and_gives_nothing_more()
    {
        var scope = new MemoryScope();
        var lost = Rows(scope, 10);
        scope.Dispose();
        lost.Dispose();
        Assert.Throws<ObjectDisposedException>(() => scope.RentArena());
        Assert.Throws<ObjectDisposedException>(() => scope.Rent(1));
    }

    [Fact]
    public void Blocks_may_be_returned_from_any_thread()
    {
        using var scope = new MemoryScope();
        Parallel.For(0, 1000, _ =>
        {
            var batch = Rows(scope, 1000);
            var other = batch.Share();
            Parallel.Invoke(batch.Dispose, other.Dispose);
        });
        Assert.Equal(0, scope.BlocksOut);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("seven77")]
    [InlineData("eight888")]
    [InlineData("nine99999")]
    [InlineData("twelve121212")]
    [InlineData("thirteen13131")]
    public void Views_are_the_same_however_they_are_made(string text)
    {
        using var scope = new MemoryScope();
        var arena = scope.RentArena();
        var bytes = arena.Copy(Encoding.UTF8.GetBytes(text + "behind it something else"));
        Utf8View stored;
        Utf8View.Store(&stored, bytes, text.Length);
        var of = Utf8View.Of(bytes, text.Length);
        var copy = Utf8View.Copy(Encoding.UTF8.GetBytes(text), arena);
        Assert.Equal(text, Utf8View.TextOf(&stored));
        Assert.True(new ReadOnlySpan<byte>(&stored, 16).SequenceEqual(new ReadOnlySpan<byte>(&of, 16)));
        Assert.True(Utf8View.Equal(&stored, &copy));
        Assert.Equal(0, Utf8View.Compare(&stored, &copy));
        var longer = Utf8View.Of(bytes, text.Length + 1);
        Assert.False(Utf8View.Equal(&stored, &longer));
        Assert.True(Utf8View.Compare(&stored, &longer) < 0);
        arena.Release();
    }
}
