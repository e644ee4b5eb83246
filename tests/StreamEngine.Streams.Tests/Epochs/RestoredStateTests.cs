using StreamEngine.Core;
using StreamEngine.Streams.Suite;

namespace StreamEngine.Streams.Epochs;

/// <summary>State is read from the newest snapshot on; what is damaged is an error with its place, never a state with a hole.</summary>
public sealed class RestoredStateTests : IDisposable
{
    private readonly MemoryScope _scope = new();
    private readonly StateLog _log = new();

    public void Dispose() => _scope.Dispose();

    private static EpochManifest Manifest(params long[] full) => new()
    {
        Pipeline = "", Slot = 0, Incarnation = 1, Epoch = 1, At = default, Sources = new Dictionary<string, SourcePosition>(), Inserts = new Dictionary<string,
            ConservationLine>(), State = new StatePositions(full, 100),
    };

    private Task<RestoredState> ReadAsync(EpochManifest? manifest) => RestoredState.ReadAsync(_log, manifest, CancellationToken.None);

    [Fact]
    public async Task A_pipeline_that_never_committed_reads_nothing()
    {
        _log.Add(_scope, "a", 1, StateKind.Delta, 1);
        Assert.Same(RestoredState.Empty, await ReadAsync(null));
        Assert.Empty(_log.Reads);
    }

    [Fact]
    public async Task Each_operator_gets_its_pieces_in_order_from_the_newest_snapshot_on()
    {
        _log.Add(_scope, "a", -1, StateKind.Delta, 1);
        _log.Add(_scope, "a", 7, StateKind.FullFirst, 2);
        _log.Add(_scope, "b", 8, StateKind.FullMore, 3);
        _log.Add(_scope, "a", -1, StateKind.Delta, 4);
        var state = await ReadAsync(Manifest(0, 2));
        Assert.Equal([2], _log.Reads);
        Assert.Equal((3, "a b"), (state.Pieces, string.Join(' ', state.Operators.Order())));
        foreach (var (id, expected) in new[] { ("a", new[] { "7 FullFirst 02", "-1 Delta 04" }), ("b", ["8 FullMore 03"]), ("c", []) })
        {
            using var op = new ScriptedOperator(id, []);
            state.Restore(op);
            Assert.Equal(expected, op.Restored);
        }
    }

    [Fact]
    public void Nothing_can_be_asked_for_again_and_again()
    {
        RestoredState.Empty.Release();
        using var op = new ScriptedOperator("a", []);
        RestoredState.Empty.Restore(op);
        Assert.Empty(op.Restored);
    }

    [Fact]
    public async Task A_piece_over_several_records_is_one_again()
    {
        var payload = new byte[IStateWriter.MaxPiece + 3];
        new Random(2).NextBytes(payload);
        _log.Add(_scope, "a", 7, StateKind.FullFirst, payload);
        _log.Add(_scope, "a", -1, StateKind.Delta, 4);
        Assert.Equal(3, _log.Records.Count);
        var state = await ReadAsync(Manifest(0));
        Assert.Equal(2, state.Pieces);
        using var op = new ScriptedOperator("a", []);
        state.Restore(op);
        Assert.Equal([$"7 FullFirst {Convert.ToHexString(payload)}", "-1 Delta 04"], op.Restored);
    }

    [Fact]
    public async Task Without_a_snapshot_it_is_read_from_the_start()
    {
        _log.Add(_scope, "a", -1, StateKind.Delta, 1);
        Assert.Equal(1, (await ReadAsync(Manifest())).Pieces);
        Assert.Equal([0], _log.Reads);
    }

    [Fact]
    public async Task A_damaged_change_is_an_error_that_names_it()
    {
        for (var i = 0; i < 5; i++) _log.Add(_scope, "a", StatePart.AnyGroup, StateKind.Delta, 1);
        _log.Records[3].Value[^1] ^= 1;
        var broken = await Assert.ThrowsAsync<StartupException>(() => ReadAsync(Manifest(0, 4)));
        // The snapshot before is tried too; but the change is one of those since.
        Assert.Equal([4, 0], _log.Reads);
        Assert.Contains("the record at offset 6 is damaged: its checksum does not fit", broken.Message, StringComparison.Ordinal);
        Assert.Contains("--reset", broken.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(1)]
    public async Task A_damaged_snapshot_is_replaced_by_the_one_before_and_all_changes_since(int at)
    {
        _log.Add(_scope, "a", 7, StateKind.FullMore, 1);
        _log.Add(_scope, "a", StatePart.AnyGroup, StateKind.Delta, 2);
        _log.Add(_scope, "a", 7, StateKind.FullMore, 3);
        _log.Add(_scope, "a", 8, StateKind.FullFirst, 4);
        _log.Add(_scope, "a", StatePart.AnyGroup, StateKind.Delta, 5);
        // In the payload, or the kind, which is then another whole one.
        _log.Records[2].Value[at == 1 ? 1 : ^9] ^= (byte)(at == 1 ? 3 : 0x10);
        var state = await ReadAsync(Manifest(0, 4));
        using var op = new ScriptedOperator("a", []);
        state.Restore(op);
        Assert.Equal(["7 FullMore 01", "-1 Delta 02", "-1 Delta 05"], op.Restored);
    }

    [Fact]
    public async Task A_change_that_a_flipped_bit_makes_look_whole_is_not_passed_over()
    {
        _log.Add(_scope, "a", 7, StateKind.FullMore, 1);
        _log.Add(_scope, "a", StatePart.AnyGroup, StateKind.Delta, 2);
        _log.Add(_scope, "a", StatePart.AnyGroup, StateKind.Delta, 3);
        _log.Records[2].Value[1] ^= 1;
        await Assert.ThrowsAsync<StartupException>(() => ReadAsync(Manifest(0, 4)));
    }

    [Fact]
    public async Task What_lies_before_the_newest_snapshot_may_be_damaged()
    {
        for (var i = 0; i < 5; i++) _log.Add(_scope, "a", i, StateKind.FullMore, 1);
        _log.Records[1].Value[0] = 99;
        Assert.Equal(3, (await ReadAsync(Manifest(0, 4))).Pieces);
    }
}
