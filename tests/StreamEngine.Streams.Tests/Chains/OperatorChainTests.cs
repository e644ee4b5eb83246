using StreamEngine.Core;
using StreamEngine.Streams.Suite;

namespace StreamEngine.Streams.Chains;

/// <summary>Operators one behind the other: in which order they run, what rides past them, and what a barrier finds.</summary>
public sealed class OperatorChainTests : IDisposable
{
    private readonly MemoryScope _scope = new();
    private readonly List<string> _calls = [];
    private readonly List<RowCounts> _reports = [];

    public void Dispose()
    {
        Assert.Equal(0, _scope.BlocksOut);
        _scope.Dispose();
    }

    private OperatorChain Chain(params IOperator[] operators) =>
        new(operators, new OperatorContext(_scope, new RowCounts(), KeyGroupRange.All), new ScriptedSides(_scope), (_, counts) => _reports.Add(counts));

    private ScriptedOperator Operator(string id, int times = 1) => new(id, _calls) { Times = times };

    private unsafe Batch Rows(int rows)
    {
        var arena = _scope.RentArena();
        return Batch.Create(new Schema(new Field("a", DataType.Int64)), [new ColumnVector(DataType.Int64, rows, (byte*)arena.Allocate<long>(rows))], rows, arena);
    }

    /// <summary>What comes out, as text; batches are freed.</summary>
    private static IEnumerable<string> Pull(OperatorChain chain)
    {
        while (chain.TryPull(out var element))
        {
            yield return element is Batch { Role: BatchRole.Main } main ? $"{main.Count}" : element is Batch side ? side.Role.ToString() : element!.ToString()!;
            (element as Batch)?.Dispose();
        }
    }

    private List<string> TakeCalls()
    {
        List<string> calls = [.. _calls];
        _calls.Clear();
        return calls;
    }

    [Fact]
    public void What_an_operator_gives_is_through_the_chain_before_it_goes_on()
    {
        using var chain = Chain(Operator("a", times: 2), Operator("b", times: 2));
        Assert.Equal(["a open", "b open"], TakeCalls());
        chain.Push(Rows(3));
        Assert.Empty(_calls);
        Assert.Equal(["3", "3", "3", "3"], Pull(chain));
        Assert.Equal(["a 3", "b 3", "b continue", "a continue", "b 3", "b continue"], TakeCalls());
        Assert.Empty(Pull(chain));
    }

    [Fact]
    public void A_pull_runs_no_further_than_its_answer()
    {
        using var chain = Chain(Operator("a", times: 3));
        chain.Push(Rows(1));
        Assert.True(chain.TryPull(out var first));
        Assert.Equal(["a open", "a 1"], TakeCalls());
        ((Batch)first!).Dispose();
        Assert.Equal(["1", "1"], Pull(chain));
    }

    [Fact]
    public void A_watermark_comes_out_behind_what_it_closed()
    {
        var closing = Operator("a");
        closing.OnWatermarks.Enqueue(Rows(5));
        closing.OnWatermarks.Enqueue(Rows(6));
        using var chain = Chain(closing, Operator("b"));
        chain.Push(new Watermark(9));
        Assert.Equal(["5", "6", "Watermark(9)"], Pull(chain));
        Assert.Equal(["a open", "b open", "a watermark 9", "a continue", "b 5", "a continue", "b 6", "b watermark 9"], TakeCalls());
    }

    [Fact]
    public void Side_batches_and_the_end_ride_past_the_operators_in_their_place()
    {
        using var chain = Chain(Operator("a"));
        chain.Push(Batch.OfRecords(new LogRecords(1, "dlq"), _scope.RentArena(), BatchRole.Late));
        Assert.Equal(["Late"], Pull(chain));
        chain.Push(End.Instance);
        Assert.Equal(["End"], Pull(chain));
        Assert.Equal(["a open"], TakeCalls());
    }

    [Fact]
    public void A_fault_is_counted_and_comes_out_as_a_side_batch()
    {
        using var chain = Chain(new ScriptedOperator("a", _calls) { Refuses = true });
        chain.Push(Rows(1));
        Assert.Equal(["DeadLetter"], Pull(chain));
        chain.Push(new Barrier(1, new EpochReport()));
        Assert.Equal(["Barrier(1)"], Pull(chain));
        Assert.Equal(1, Assert.Single(_reports).DeadLettered);
        chain.Push(new Barrier(2, new EpochReport()));
        Assert.Equal(["Barrier(2)"], Pull(chain));
        // Each epoch's own.
        Assert.Equal(0, _reports[1].DeadLettered);
    }

    [Fact]
    public void State_goes_before_its_barrier_and_the_report_is_made_behind_the_last_operator()
    {
        using var chain = Chain(new ScriptedOperator("a", _calls) { State = [1] }, Operator("b"), new ScriptedOperator("c", _calls) { State = [2] });
        chain.Push(new Barrier(4, new EpochReport()));
        Assert.Empty(_reports);
        Assert.Equal(["Changelog", "Changelog", "Barrier(4)"], Pull(chain));
        Assert.Equal(["a open", "b open", "c open", "a snapshot 4", "b snapshot 4", "c snapshot 4"], TakeCalls());
        Assert.Single(_reports);
    }

    [Fact]
    public void What_waits_inside_is_freed_with_the_chain()
    {
        var (a, b) = (Operator("a", times: 3), Operator("b", times: 3));
        b.OnWatermarks.Enqueue(Rows(2));
        var chain = Chain(a, b);
        chain.Push(Rows(1));
        Assert.True(chain.TryPull(out var first));
        ((Batch)first!).Dispose();
        chain.Dispose();
        Assert.True(a.IsDisposed && b.IsDisposed);
    }
}
