using StreamEngine.Core;
using StreamEngine.Pipelines.Replay;

namespace StreamEngine.Pipelines.Tests.Replay;

/// <summary>Where a replay begins and ends, found in the manifests.</summary>
public class ReplayScanTests
{
    private static readonly EventTimeRange Range = new(100, 200);

    private static EpochManifest Manifest(long epoch, long watermark, params PartitionPosition[] partitions) => new()
    {
        Pipeline = "hash", Slot = 0, Incarnation = 1, Epoch = epoch, At = DateTimeOffset.UnixEpoch, Inserts = new Dictionary<string, ConservationLine>(),
            State = new StatePositions([], 0),
        Sources = new Dictionary<string, SourcePosition> { ["s"] = new("topic", "id", watermark, partitions.Index().ToDictionary(p => p.Index, p => p.Item)) },
    };

    private static PartitionPosition At(long offset, long newest, params WatermarkMove[] moves) => new(offset, newest, moves);

    private static Dictionary<string, bool> Reads(bool windowsAlone, params string[] sources) =>
        (sources.Length == 0 ? ["s"] : sources).ToDictionary(s => s, _ => windowsAlone);

    private static ReplayPartition[] Bound(bool windowsAlone, params EpochManifest[] manifests)
    {
        var scan = new ReplayScan(Range, Reads(windowsAlone));
        foreach (var manifest in manifests) scan.Add(manifest);
        return [.. scan.ToBounds("p", "shadow").Sources["s"].Partitions.OrderBy(p => p.Key).Select(p => p.Value)];
    }

    private static readonly EpochManifest[] History =
    [
        Manifest(1, 40, At(10, 50), At(5, 60)),
        Manifest(2, 85, At(20, 99), At(9, 110)),
        Manifest(3, 150, At(30, 170), At(12, 180)),
        Manifest(4, 201, At(40, 230), At(20, 260)),
        Manifest(5, 300, At(50, 330), At(25, 360)),
    ];

    [Fact]
    public void Each_partition_starts_where_nothing_of_the_range_lies_before_and_ends_where_its_windows_were_closed()
    {
        var partitions = Bound(windowsAlone: true, History);
        Assert.Equal((20, 40, 99), (partitions[0].Start, partitions[0].End, partitions[0].Newest));
        Assert.Equal((5, 20, 60), (partitions[1].Start, partitions[1].End, partitions[1].Newest));
    }

    [Fact]
    public void Rows_without_a_window_are_read_as_far_as_the_live_run_is()
    {
        var partitions = Bound(windowsAlone: false, History);
        Assert.Equal([50, 25], partitions.Select(p => p.End));
    }

    [Fact]
    public void Without_an_old_manifest_the_beginning_is_read_and_said()
    {
        var scan = new ReplayScan(Range, Reads(true, "s", "empty"));
        foreach (var manifest in History.Skip(1)) scan.Add(manifest);
        Assert.Equal([("s", 1)], scan.Unseeded);
        var partition = scan.ToBounds("p", "shadow").Sources["s"].Partitions[1];
        Assert.Equal((0, Watermark.None), (partition.Start, partition.Newest));
    }

    [Fact]
    public void A_partition_without_an_old_manifest_starts_where_its_topic_begins_now()
    {
        var scan = new ReplayScan(Range, Reads(true));
        foreach (var manifest in History.Skip(1)) scan.Add(manifest);
        scan.Begin("s", 1, 7);
        Assert.Equal(7, scan.ToBounds("p", "shadow").Sources["s"].Partitions[1].Start);
        // All of the range is gone: there is nothing to be read.
        scan.Begin("s", 1, 1_000);
        Assert.Equal((20, 20), (scan.ToBounds("p", "shadow").Sources["s"].Partitions[1].Start, scan.ToBounds("p", "shadow").Sources["s"].Partitions[1].End));
    }

    [Fact]
    public void A_source_that_the_pipeline_no_longer_reads_closes_nothing_and_one_that_it_never_read_is_known_to_be_so()
    {
        var old = Manifest(1, 40, At(10, 50));
        old = old with { Sources = new Dictionary<string, SourcePosition>(old.Sources)
        {
            ["removed"] = new("other", "id2", 40, new Dictionary<int, PartitionPosition> { [0] = At(1, 50) }),
        } };
        var scan = new ReplayScan(Range, Reads(true, "s", "new"));
        foreach (var manifest in new[] { old, History[^1] }) scan.Add(manifest);
        Assert.Equal(300, scan.ClosedTo);
        Assert.Equal(["s"], scan.ToBounds("p", "shadow").Sources.Keys);
        Assert.Equal(["new"], scan.Unknown);
    }

    [Fact]
    public void Moves_are_kept_from_the_last_one_before_the_start_to_the_end()
    {
        var partitions = Bound(windowsAlone: true,
            Manifest(1, 40, At(10, 50, new WatermarkMove(2, 20), new WatermarkMove(8, 40))),
            Manifest(2, 85, At(20, 99, new WatermarkMove(15, 30))),
            Manifest(3, 150, At(30, 170, new WatermarkMove(25, 120))),
            Manifest(4, 201, At(40, 230, new WatermarkMove(33, 160), new WatermarkMove(40, 201))));
        Assert.Equal([new(8, 40), new(25, 120), new(33, 160)], partitions[0].Moves);
    }

    [Fact]
    public void A_topic_that_was_made_anew_has_no_history_of_before()
    {
        var anew = Manifest(6, 150, At(3, 120));
        anew = anew with { Sources = anew.Sources.ToDictionary(s => s.Key, s => s.Value with { TopicId = "other" }) };
        var partitions = Bound(true, [.. History, anew]);
        Assert.Equal((0, 3), (partitions[0].Start, partitions[0].End));
        Assert.Single(partitions);
    }

    [Fact]
    public void A_source_without_rows_does_not_make_open_windows_closed()
    {
        var both = Manifest(1, 150, At(10, 170));
        both = both with { Sources = new Dictionary<string, SourcePosition>(both.Sources)
        {
            ["empty"] = new("other", "id2", Watermark.None, new Dictionary<int, PartitionPosition> { [0] = At(0, Watermark.None) }),
        } };
        var scan = new ReplayScan(Range, Reads(true, "s", "empty"));
        scan.Add(both);
        Assert.Equal(150, scan.ClosedTo);
        // One with rows of which nothing is closed holds everything open.
        scan.Add(both with { Sources = new Dictionary<string, SourcePosition>(both.Sources)
        {
            ["empty"] = new("other", "id2", Watermark.None, new Dictionary<int, PartitionPosition> { [0] = At(1, 120) }),
        } });
        Assert.Equal(Watermark.None, scan.ClosedTo);
        Assert.Null(new ReplayScan(Range, Reads(true)).ClosedTo);
    }
}
