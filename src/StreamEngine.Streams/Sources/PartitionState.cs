using StreamEngine.Core;

namespace StreamEngine.Streams;

/// <summary>What a source stage knows of one of its partitions.</summary>
internal sealed class PartitionState(int partition, int lane, PartitionPosition start)
{
    private List<WatermarkMove> _moves = [];

    public int Partition => partition;

    public int Lane => lane;

    /// <summary>The next offset to read: everything before it has been sent down the lane.</summary>
    public long Offset { get; private set; } = start.Offset;

    /// <summary>The offset behind the last batch that was sent down the lane; 0 before the first.</summary>
    public long SentTo { get; private set; }

    /// <summary>Everything that is in the partition has been taken.</summary>
    public bool AtEnd { get; set; }

    /// <summary>No row moved its watermark for the timeout, and it was at its end meanwhile.</summary>
    public bool Idle { get; set; } = start.Idle;

    /// <summary>A bounded source's partition that has come to its bound.</summary>
    public bool Finished { get; set; }

    /// <summary>An answer to an offset query is awaited.</summary>
    public bool Asked { get; set; }

    /// <summary>The newest event time when its watermark last moved, and when that was.</summary>
    public long SeenNewest { get; set; } = start.Newest;

    public long MovedAt { get; set; }

    /// <summary>How many of a replay's watermark moves were made.</summary>
    public int MovesDone { get; set; }

    /// <summary>The floor that was last put on its rows.</summary>
    public long Floor { get; private set; } = Watermark.None;

    /// <summary>A batch was sent down the lane.</summary>
    public void Took(long nextOffset)
    {
        SentTo = nextOffset;
        Passed(nextOffset);
    }

    /// <summary>The position moved, also over records that no batch carries.</summary>
    public void Passed(long nextOffset)
    {
        Offset = nextOffset;
        AtEnd = false;
    }

    /// <summary>From its next row on the partition's watermark is at least this, which its next position notes.</summary>
    public void Lift(long floor)
    {
        if (floor <= Floor) return;
        Floor = floor;
        _moves.Add(new WatermarkMove(Offset, floor));
    }

    /// <summary>
    /// The same where a replay makes a move of the live run again. It is not noted: the replay's bounds, which stand in the same manifest, have it, and at the speed of a
    /// replay, or after its restart, one epoch may hold all of them.
    /// </summary>
    public void LiftAgain(long floor) => Floor = Math.Max(Floor, floor);

    /// <summary>Its position for the manifest; the moves start anew.</summary>
    public PartitionPosition TakePosition(long newest, ISource source)
    {
        var moves = _moves;
        _moves = [];
        return new PartitionPosition(Offset, newest, moves, Idle) { LeaderEpoch = source.LeaderEpochBefore(partition, Offset) };
    }
}
