using StreamEngine.Core;
using StreamEngine.Streams.Suite;

namespace StreamEngine.Streams.Epochs;

/// <summary>Tests that look at the memory of the whole process: nothing else runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ProcessMemoryCollection
{
    public const string Name = "memory of the process";
}

/// <summary>State that was let go is let go. Its buffers are nobody's to refer to but its own, so that the heap as a whole is asked.</summary>
[Collection(ProcessMemoryCollection.Name)]
public sealed class RestoredStateMemoryTests : IDisposable
{
    private readonly MemoryScope _scope = new();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public async Task What_was_let_go_is_not_held_any_more_and_not_given_again()
    {
        const int size = 40 << 20;
        var log = new StateLog();
        log.Add(_scope, "a", -1, StateKind.Delta, new byte[size]);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var state = await RestoredState.ReadAsync(log, new EpochManifest
        {
            Pipeline = "", Slot = 0, Incarnation = 1, Epoch = 1, At = default, Sources = new Dictionary<string, SourcePosition>(), Inserts = new Dictionary<string,
                ConservationLine>(), State = new StatePositions([], 100),
        }, CancellationToken.None);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, size * 3L / 4, long.MaxValue);
        state.Release();
        // Neither the pieces nor what they were put together in.
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, size / 4);
        Assert.Equal((true, new StateBytes(0, size)), (state.IsReleased, state.Bytes));
        using var op = new ScriptedOperator("a", []);
        Assert.Throws<InvalidOperationException>(() => state.Restore(op));
        Assert.Empty(op.Restored);
    }
}
