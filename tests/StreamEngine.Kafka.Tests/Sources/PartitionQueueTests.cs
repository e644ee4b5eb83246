using StreamEngine.Core;

namespace StreamEngine.Kafka.Sources;

/// <summary>Batches between the client's thread and the graph: who is woken, and where the end is told.</summary>
public sealed class PartitionQueueTests : IDisposable
{
    private readonly MemoryScope _scope = new();
    private readonly PartitionQueue _queue = new(3, 100);

    public void Dispose()
    {
        _queue.Dispose();
        Assert.Equal(0, _scope.BlocksOut);
        _scope.Dispose();
    }

    private Batch Records(long next) => Batch.OfRecords(new LogRecords(1, "t") { Partition = 3, NextOffset = next }, _scope.RentArena(), BatchRole.Raw);

    private (long? Next, long End) Take()
    {
        var taken = _queue.TryTake(out var batch, out var end);
        var next = taken ? batch!.Records!.NextOffset : (long?)null;
        batch?.Dispose();
        return (next, end);
    }

    [Fact]
    public void Only_a_batch_that_somebody_looked_for_wakes()
    {
        Assert.True(_queue.Add(Records(101)));
        Assert.False(_queue.Add(Records(102)));
        Assert.Equal((101, -1), Take());
        Assert.False(_queue.Add(Records(103)));
        Assert.Equal((102, -1), Take());
        Assert.Equal((103, -1), Take());
        // Emptied, but nobody found it empty: the stage will look again by itself.
        Assert.False(_queue.Add(Records(104)));
        Assert.Equal((104, -1), Take());
        Assert.Equal((null, -1), Take());
        Assert.True(_queue.Add(Records(105)));
    }

    [Fact]
    public void The_end_is_told_with_the_last_batch_before_it_and_moves_it_over_control_records()
    {
        _queue.Add(Records(101));
        _queue.Add(Records(102));
        Assert.False(_queue.ReachedEnd(105));
        Assert.Equal((101, -1), Take());
        Assert.Equal((105, 105), Take());
        Assert.Equal(105, _queue.Offset);
        Assert.True(_queue.ReachedEnd(106));
        Assert.Equal(106, _queue.Offset);
    }

    [Fact]
    public void A_batch_behind_the_end_takes_it_back()
    {
        _queue.Add(Records(101));
        _queue.ReachedEnd(101);
        _queue.Add(Records(102));
        Assert.Equal((101, -1), Take());
        Assert.Equal((102, -1), Take());
    }

    [Fact]
    public void What_was_not_taken_is_freed()
    {
        _queue.Add(Records(101));
        _queue.Add(Records(102));
        Assert.Equal(2, _queue.Waiting);
    }
}
