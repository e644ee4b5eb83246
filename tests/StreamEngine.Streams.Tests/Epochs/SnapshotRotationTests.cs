using FsCheck.Xunit;
using StreamEngine.Core;

namespace StreamEngine.Streams.Epochs;

/// <summary>Which key groups are written whole, and where snapshots begin: always enough to restore from, never much in one epoch.</summary>
public class SnapshotRotationTests
{
    private const long Bound = 1_000;

    /// <summary>A state topic beside the rotation: each record is a delta or a whole group, at its offset.</summary>
    private sealed class Topic(SnapshotRotation rotation)
    {
        private readonly List<(long Offset, int Group)> _whole = [];

        public long End { get; private set; }

        public StatePositions Positions { get; private set; } = new([], 0);

        public int Groups { get; private set; }

        public long WholeBytes { get; private set; }

        /// <summary>One epoch: deltas of so many bytes, then the groups that it asks for.</summary>
        public void Epoch(Func<int, long> sizeOf, params long[] deltas)
        {
            var (from, to) = rotation.NextRange();
            (Groups, WholeBytes) = (to - from, 0);
            var records = 0;
            foreach (var delta in deltas)
            {
                rotation.Wrote(delta);
                records++;
            }
            for (var group = from; group < to; group++)
            {
                rotation.Wrote(sizeOf(group));
                WholeBytes += sizeOf(group);
                _whole.Add((End + records++, group));
            }
            Positions = rotation.AtBarrier(new EpochReport(from, to), End + records);
            End += records;
            if (records == 0) return;
            // The control record.
            rotation.Committed();
            End++;
        }

        /// <summary>Every group was written whole at or behind a snapshot's begin.</summary>
        public bool IsWhole(long begin) => _whole.Where(w => w.Offset >= begin && w.Offset < Positions.End).Select(w => w.Group).Distinct()
            .Count() == KeyGroupRange.Count;
    }

    [Fact]
    public void A_worker_that_starts_again_after_every_epoch_still_writes_a_round()
    {
        var (deltas, rounds) = (0L, 0);
        for (var start = 0; start < 30; start++)
        {
            var topic = new Topic(new SnapshotRotation(null, new StateBytes(0, deltas), 100, Bound));
            topic.Epoch(_ => 1, 10);
            if (topic.Groups > 0) rounds++;
            deltas += 10;
        }
        Assert.Equal(20, rounds);
    }

    [Fact]
    public void Without_deltas_nothing_is_written_whole()
    {
        var topic = new Topic(new SnapshotRotation(null, default, 100, Bound));
        for (var i = 0; i < 1_000; i++) topic.Epoch(_ => 1);
        Assert.Equal((0, 0), (topic.Groups, topic.End));
    }

    [Fact]
    public void A_round_begins_with_enough_bytes_of_deltas_however_many_records_they_are()
    {
        var rotation = new SnapshotRotation(null, default, 100, Bound);
        var topic = new Topic(rotation);
        for (var i = 0; i < 99; i++) topic.Epoch(_ => 1, 1);
        topic.Epoch(_ => 1);
        Assert.Equal(0, topic.Groups);
        topic.Epoch(_ => 1, 1);
        topic.Epoch(_ => 1);
        Assert.True(topic.Groups > 0);
    }

    [Fact]
    public void A_snapshot_begins_with_the_first_epoch_of_its_round()
    {
        var topic = new Topic(new SnapshotRotation(null, default, 100, Bound));
        topic.Epoch(_ => 1, 50, 50);
        var begin = topic.End;
        while (topic.Positions.Full.Count == 0) topic.Epoch(_ => 1, 1);
        Assert.Equal(begin, topic.Positions.Full[0]);
        Assert.True(topic.IsWhole(begin));
        Assert.False(topic.IsWhole(begin + 10));
    }

    [Fact]
    public void The_next_round_waits_until_the_deltas_weigh_as_much_as_the_last_one()
    {
        var topic = new Topic(new SnapshotRotation(null, default, 100, 1 << 20));
        topic.Epoch(_ => 1_000, 100);
        while (topic.Positions.Full.Count == 0) topic.Epoch(_ => 1_000);
        for (long sum = 0; sum < 128_000; sum += 1_000)
        {
            topic.Epoch(_ => 1_000, 1_000);
            Assert.Equal(0, topic.Groups);
        }
        topic.Epoch(_ => 1_000, 1_000);
        Assert.True(topic.Groups > 0);
    }

    [Fact]
    public void A_restart_goes_on_from_the_positions_of_the_manifest()
    {
        var topic = new Topic(new SnapshotRotation(new StatePositions([10, 20], 30), default, 100, Bound));
        topic.Epoch(_ => 1, 1);
        Assert.Equal([10, 20], topic.Positions.Full);
    }

    [Property(MaxTest = 300, EndSize = Seeds.All)]
    public void Every_snapshot_is_whole_two_are_kept_and_an_epoch_is_bounded(int seed)
    {
        var random = new Random(seed);
        var topic = new Topic(new SnapshotRotation(null, default, random.Next(1, 5_000), Bound));
        var sizes = Enumerable.Range(0, KeyGroupRange.Count).Select(_ => (long)random.Next(1, 400)).ToArray();
        var snapshots = new List<long>();
        for (var epoch = 0; epoch < 1_500; epoch++)
        {
            topic.Epoch(g => sizes[g], [.. Enumerable.Range(0, random.Next(3)).Select(_ => (long)random.Next(200))]);
            // The groups of an epoch are chosen by what those before them held: no more than a few times what an average one does over the bound.
            Assert.True(topic.WholeBytes <= 3 * Bound, $"{topic.WholeBytes} bytes of {topic.Groups} groups");
            if (topic.Positions.Full.Count > 0 && (snapshots.Count == 0 || snapshots[^1] != topic.Positions.Full[^1]))
            {
                snapshots.Add(topic.Positions.Full[^1]);
                Assert.True(topic.IsWhole(snapshots[^1]), $"the snapshot at {snapshots[^1]} is not whole");
            }
            Assert.Equal(snapshots.TakeLast(2), topic.Positions.Full);
            Assert.Equal(topic.Positions.Full.Order(), topic.Positions.Full);
        }
        Assert.True(snapshots.Count > 1);
    }

    [Fact]
    public void A_group_that_is_larger_than_the_bound_comes_alone()
    {
        var topic = new Topic(new SnapshotRotation(null, default, 1, Bound));
        topic.Epoch(_ => 50 * Bound, 10);
        while (topic.Positions.Full.Count == 0)
        {
            topic.Epoch(_ => 50 * Bound);
            Assert.Equal(1, topic.Groups);
        }
    }
}
