using StreamEngine.Core;
using StreamEngine.Operators.State;

namespace StreamEngine.Operators.Aggregates;

/// <summary>An aggregate over the panes of a window that slides, by the window's own group numbers. Panes come in at the back; those at the front leave in the reverse
/// order of their coming.</summary>
internal abstract unsafe class SlidingAggregate : IDisposable
{
    public abstract long Bytes { get; }

    /// <summary>Makes room for so many groups; new ones are empty.</summary>
    public abstract void Reserve(int groups);

    /// <summary>Adds a pane that stays as long as this lives: its group i to ours <paramref name="map"/>[i].</summary>
    public abstract void PutBack(Accumulator pane, int* map, int count);

    /// <summary>Adds a pane that leaves before all that were put to the front earlier. Returns what <see cref="TakeFront"/> needs.</summary>
    public abstract Accumulator? PutFront(Accumulator pane, int* map, int count);

    public abstract void TakeFront(Accumulator pane, Accumulator? before, int* map, int count);

    /// <summary>The results of these groups.</summary>
    public abstract ColumnVector Emit(int* groups, int count, Arena arena, List<int> overflowed);

    public abstract void Dispose();

    public static SlidingAggregate Create(AggregateSpec spec, MemoryScope scope) => spec.Distinct ? new SlidingDistinct(scope) : new StackedAggregate(spec, scope);
}

/// <summary>
/// Two values per group, one over the panes at the front and one over those at the back, so that nothing is ever subtracted: right for all aggregates, also where a
/// minimum or a sum of doubles could not be taken back (the two stacks of Tangwongsan et al., General Incremental Sliding-Window Aggregation, 2015). A pane at the
/// front keeps what its groups had before it, which is what they have again when it leaves.
/// </summary>
internal sealed unsafe class StackedAggregate(AggregateSpec spec, MemoryScope scope) : SlidingAggregate
{
    private readonly Accumulator _front = Accumulator.Create(spec, scope);
    private readonly Accumulator _back = Accumulator.Create(spec, scope);
    private readonly Accumulator _sum = Accumulator.Create(spec, scope);

    public override long Bytes => _front.Bytes + _back.Bytes + _sum.Bytes;

    public override void Reserve(int groups)
    {
        _front.Reserve(groups);
        _back.Reserve(groups);
    }

    public override void PutBack(Accumulator pane, int* map, int count) => _back.Merge(pane, map, null, count);

    public override Accumulator? PutFront(Accumulator pane, int* map, int count)
    {
        var before = Accumulator.Create(spec, scope);
        before.Reserve(count);
        before.Copy(_front, null, map, count);
        // The pane comes first in its window: what is behind it is added to it.
        _front.Copy(pane, map, null, count);
        _front.Merge(before, map, null, count);
        return before;
    }

    public override void TakeFront(Accumulator pane, Accumulator? before, int* map, int count) => _front.Copy(before!, map, null, count);

    public override ColumnVector Emit(int* groups, int count, Arena arena, List<int> overflowed)
    {
        _sum.Reserve(Batch.MaxRows);
        _sum.Copy(_front, null, groups, count);
        _sum.Merge(_back, null, groups, count);
        return _sum.Emit(0, count, arena, overflowed);
    }

    public override void Dispose()
    {
        _front.Dispose();
        _back.Dispose();
        _sum.Dispose();
    }
}

/// <summary>count(DISTINCT x) over panes: for each member of a group the number of panes that have it.</summary>
internal sealed unsafe class SlidingDistinct(MemoryScope scope) : SlidingAggregate
{
    private readonly GrowingBuffer<long> _counts = new(scope);
    private readonly GrowingBuffer<int> _holders = new(scope);
    private readonly MemberTable _members = new(scope);

    public override long Bytes => _counts.Bytes + _holders.Bytes + _members.Bytes;

    public override void Reserve(int groups) => _counts.Reserve(groups);

    public override void PutBack(Accumulator pane, int* map, int count) => PutFront(pane, map, count);

    public override Accumulator? PutFront(Accumulator pane, int* map, int count)
    {
        var set = (CountDistinctAccumulator)pane;
        for (var i = 0; i < set.Members; i++)
        {
            var value = set.MemberOf(i, out var group);
            var member = _members.FindOrAdd(map[group], value, out var added);
            if (added) _holders.Reserve(member + 1);
            if (_holders.Pointer[member]++ == 0) _counts.Pointer[map[group]]++;
        }
        return null;
    }

    public override void TakeFront(Accumulator pane, Accumulator? before, int* map, int count)
    {
        var set = (CountDistinctAccumulator)pane;
        for (var i = 0; i < set.Members; i++)
        {
            var value = set.MemberOf(i, out var group);
            if (--_holders.Pointer[_members.FindOrAdd(map[group], value, out _)] == 0) _counts.Pointer[map[group]]--;
        }
    }

    public override ColumnVector Emit(int* groups, int count, Arena arena, List<int> overflowed)
    {
        var values = arena.Allocate<long>(Math.Max(1, count));
        for (var i = 0; i < count; i++) values[i] = _counts.Pointer[groups[i]];
        return new ColumnVector(DataType.Int64, count, (byte*)values);
    }

    public override void Dispose()
    {
        _counts.Dispose();
        _holders.Dispose();
        _members.Dispose();
    }
}
