using System.Text;

namespace StreamEngine.Core.Epochs;

/// <summary>One of each record of the epochs topic as version 1 wrote it: every later version has to read them.</summary>
public class ManifestVersionTests
{
    private const string ManifestOne = """
        {"v":1,"kind":"manifest","pipeline":"9f2c","slot":0,"incarnation":7,"epoch":8121,"at":"2026-11-28T10:00:00.123Z",
         "sources":{"flights":{"topic":"flights","topicId":"id","watermark":978339600000000,"partitions":{"0":{"offset":5120,"newest":978343200000000,"moves":[{"offset":5000,"to":978336000000000}]},"1":{"offset":7,"moves":[]}}}},
         "inserts":{"hourly":{"in":200,"heldBefore":40,"done":150,"filtered":0,"late":1,"deadLettered":2,"heldAfter":87}},
         "state":{"full":[81002,84410],"end":88120},"prepared":[]}
        """;

    private const string ClaimOne = """{"v":1,"kind":"claim","slot":0,"incarnation":8,"host":"h","process":4711,"at":"2026-11-28T10:00:00Z"}""";

    [Fact]
    public void A_manifest_of_version_1_is_read()
    {
        var manifest = ManifestJson.Read(Encoding.UTF8.GetBytes(ManifestOne)).Manifest!;
        Assert.Equal((8121, 7, "9f2c", false), (manifest.Epoch, manifest.Incarnation, manifest.Pipeline, manifest.Finished));
        var source = manifest.Sources["flights"];
        Assert.Equal(978339600000000, source.Watermark);
        Assert.Equal((5120, 978343200000000), (source.Partitions[0].Offset, source.Partitions[0].Newest));
        Assert.Equal([new WatermarkMove(5000, 978336000000000)], source.Partitions[0].Moves);
        Assert.Equal(Watermark.None, source.Partitions[1].Newest);
        Assert.True(manifest.Inserts["hourly"].Holds);
        Assert.Equal([81002, 84410], manifest.State.Full);
    }

    [Fact]
    public void The_leaders_epoch_of_a_position_is_written_where_it_is_known()
    {
        var manifest = ManifestJson.Read(Encoding.UTF8.GetBytes(ManifestOne)).Manifest!;
        var source = manifest.Sources["flights"];
        Assert.Equal(-1, source.Partitions[0].LeaderEpoch);
        Assert.DoesNotContain("leaderEpoch", Encoding.UTF8.GetString(ManifestJson.Write(manifest)), StringComparison.Ordinal);
        var (first, second) = (source.Partitions[0], source.Partitions[1]);
        var partitions = new Dictionary<int, PartitionPosition> { [0] = first with { LeaderEpoch = 12 }, [1] = second with { LeaderEpoch = 0 } };
        var with = manifest with { Sources = new Dictionary<string, SourcePosition> { ["flights"] = source with { Partitions = partitions } } };
        var text = Encoding.UTF8.GetString(ManifestJson.Write(with));
        Assert.Contains("\"0\":{\"offset\":5120,\"leaderEpoch\":12,", text, StringComparison.Ordinal);
        var again = ManifestJson.Read(Encoding.UTF8.GetBytes(text)).Manifest!.Sources["flights"].Partitions;
        Assert.Equal((12, 0), (again[0].LeaderEpoch, again[1].LeaderEpoch));
    }

    [Fact]
    public void A_replays_manifest_of_version_1_is_read()
    {
        const string Replay = """
            "replay":{"pipeline":"flights","into":"shadow","from":100,"to":200,"sources":{"flights":{"topicId":"id","partitions":{"0":{"start":5,"end":90,"newest":99,"moves":[{"offset":3,"to":40}]},"1":{"start":0,"end":7,"moves":[]}}}}}
            """;
        var manifest = ManifestJson.Read(Encoding.UTF8.GetBytes(ManifestOne.Replace("\"prepared\":[]}", $"\"prepared\":[],{Replay}}}",
            StringComparison.Ordinal))).Manifest!;
        Assert.Equal(("flights", "shadow", new EventTimeRange(100, 200)), (manifest.Replay!.Pipeline, manifest.Replay.Into, manifest.Replay.Range));
        var partition = manifest.Replay.Sources["flights"].Partitions[0];
        Assert.Equal((5, 90, 99), (partition.Start, partition.End, partition.Newest));
        Assert.Equal([new WatermarkMove(3, 40)], partition.Moves);
        Assert.Equal(Watermark.None, manifest.Replay.Sources["flights"].Partitions[1].Newest);
        // Without a move there is nothing that version 1 could not say, and it is written the same.
        Assert.EndsWith(Replay.Replace("""{"offset":3,"to":40}""", "", StringComparison.Ordinal) + "}",
            Encoding.UTF8.GetString(ManifestJson.Write(manifest with { Replay = Moving() })), StringComparison.Ordinal);
        Assert.StartsWith("{\"v\":1,", Encoding.UTF8.GetString(ManifestJson.Write(manifest with { Replay = Moving() })), StringComparison.Ordinal);

        ReplayBounds Moving(params WatermarkMove[] moves) => manifest.Replay! with
        {
            Sources = manifest.Replay!.Sources.ToDictionary(s => s.Key, s => s.Value with { Partitions = s.Value.Partitions.ToDictionary(p => p.Key, p =>
                p.Value with { Moves = moves }) }),
        };
    }

    private static ReplayBounds Bounds(int partitions, int moves)
    {
        var of = Enumerable.Range(0, partitions).ToDictionary(p => p, p => new ReplayPartition(1_000_000, 90_000_000, 978_339_600_000_000,
            [.. Enumerable.Range(0, moves).Select(i => new WatermarkMove(999_000 + p + 1234L * i, 978_339_600_000_000 + 45_000_123L * i))]));
        return new ReplayBounds("flights", "shadow", new EventTimeRange(100, 200), new Dictionary<string, ReplaySource> { ["flights"] = new("id", of) });
    }

    [Fact]
    public void A_replays_moves_are_packed_in_version_3_and_read_back()
    {
        var manifest = ManifestJson.Read(Encoding.UTF8.GetBytes(ManifestOne)).Manifest!;
        WatermarkMove[][] some = [[new(3, 40)], [new(3, 40), new(3, 41), new(7, 978_339_600_000_000)], [new(0, -5), new(long.MaxValue, long.MaxValue - 1)]];
        foreach (var moves in some)
        {
            var partitions = new Dictionary<int, ReplayPartition> { [2] = new(1, 9, 5, moves) };
            var bounds = Bounds(1, 0) with { Sources = new Dictionary<string, ReplaySource> { ["s"] = new("id", partitions) } };
            var text = ManifestJson.Write(manifest with { Replay = bounds });
            Assert.StartsWith("{\"v\":3,", Encoding.UTF8.GetString(text), StringComparison.Ordinal);
            Assert.Equal(moves, ManifestJson.Read(text).Manifest!.Replay!.Sources["s"].Partitions[2].Moves);
        }
    }

    /// <summary>As written by version 3.</summary>
    [Fact]
    public void A_replays_manifest_of_version_3_is_read()
    {
        const string Replay = """
            "replay":{"pipeline":"flights","into":"shadow","from":100,"to":200,"sources":{"flights":{"topicId":"id","partitions":{"0":{"start":5,"end":90,"newest":99,"moves":[3,40,0,1,9,100]}}}}}
            """;
        string Of(string replay) => ManifestOne.Replace("\"v\":1", "\"v\":3", StringComparison.Ordinal).Replace("\"prepared\":[]}", $"\"prepared\":[],{replay}}}",
            StringComparison.Ordinal);
        var manifest = ManifestJson.Read(Encoding.UTF8.GetBytes(Of(Replay))).Manifest!;
        Assert.Equal([new(3, 40), new(3, 41), new(12, 141)], manifest.Replay!.Sources["flights"].Partitions[0].Moves);
        Assert.EndsWith(Replay + "}", Encoding.UTF8.GetString(ManifestJson.Write(manifest)), StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => ManifestJson.Read(Encoding.UTF8.GetBytes(Of(Replay.Replace(",100]", "]", StringComparison.Ordinal)))));
    }

    [Fact]
    public void Where_the_live_topics_ended_is_kept_with_a_replay_and_absent_where_nobody_looked()
    {
        var manifest = ManifestJson.Read(Encoding.UTF8.GetBytes(ManifestOne)).Manifest! with { Replay = Bounds(1, 0) };
        Assert.Null(ManifestJson.Read(ManifestJson.Write(manifest)).Manifest!.Replay!.LiveEnds);
        var ends = new Dictionary<string, IReadOnlyList<long>> { ["flights.delayed"] = [5, 0, long.MaxValue], ["other"] = [] };
        var read = ManifestJson.Read(ManifestJson.Write(manifest with { Replay = Bounds(1, 0) with { LiveEnds = ends } })).Manifest!.Replay!.LiveEnds!;
        Assert.Equal(ends.OrderBy(e => e.Key), read.OrderBy(e => e.Key));
    }

    [Fact]
    public void Packed_moves_take_a_third_of_the_bytes()
    {
        var manifest = ManifestJson.Read(Encoding.UTF8.GetBytes(ManifestOne)).Manifest!;
        var bytes = ManifestJson.Write(manifest with { Replay = Bounds(32, 1500) }).Length;
        Assert.InRange(bytes, 32 * 1500 * 8, 32 * 1500 * 15);
    }

    [Fact]
    public void Only_a_manifest_that_tells_of_redriven_rows_is_of_version_2()
    {
        var manifest = ManifestJson.Read(Encoding.UTF8.GetBytes(ManifestOne)).Manifest!;
        Assert.StartsWith("{\"v\":1,", Encoding.UTF8.GetString(ManifestJson.Write(manifest)), StringComparison.Ordinal);
        var redrive = new RedrivePosition("redrive", 3, 17);
        var with = manifest with { Sources = new Dictionary<string, SourcePosition> { ["flights"] = manifest.Sources["flights"] with { Redrive = redrive } } };
        var text = Encoding.UTF8.GetString(ManifestJson.Write(with));
        // An engine that passed over it would count these rows again.
        Assert.StartsWith("{\"v\":2,", text, StringComparison.Ordinal);
        Assert.Equal(redrive, ManifestJson.Read(Encoding.UTF8.GetBytes(text)).Manifest!.Sources["flights"].Redrive);
        var bounds = new ReplayBounds("p", "shadow", new EventTimeRange(1, 2), new Dictionary<string, ReplaySource>()) { Redrive = new ReplayRedrive("redrive", 3, 9) };
        text = Encoding.UTF8.GetString(ManifestJson.Write(manifest with { Replay = bounds }));
        Assert.StartsWith("{\"v\":2,", text, StringComparison.Ordinal);
        Assert.Equal(bounds.Redrive, ManifestJson.Read(Encoding.UTF8.GetBytes(text)).Manifest!.Replay!.Redrive);
    }

    [Fact]
    public void A_claim_of_version_1_is_read()
    {
        var claim = ManifestJson.Read(Encoding.UTF8.GetBytes(ClaimOne)).Claim!;
        Assert.Equal((8, "h", 4711), (claim.Incarnation, claim.Host, claim.Process));
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        var manifest = ManifestJson.Read(Encoding.UTF8.GetBytes(ManifestOne)).Manifest!;
        var again = ManifestJson.Read(ManifestJson.Write(manifest)).Manifest!;
        Assert.Equal(Encoding.UTF8.GetString(ManifestJson.Write(manifest)), Encoding.UTF8.GetString(ManifestJson.Write(again)));
    }

    [Theory]
    [InlineData("""{"v":4,"kind":"manifest"}""", "version 4")]
    [InlineData("""{"v":0,"kind":"manifest"}""", "version 0")]
    [InlineData("""{"v":1,"kind":"else"}""", "kind 'else'")]
    [InlineData("""{"v":1,"kind":"manifest"}""", "neither a manifest nor a claim")]
    [InlineData("no json", "neither a manifest nor a claim")]
    [InlineData("[]", "neither a manifest nor a claim")]
    public void What_is_neither_is_refused_with_the_reason(string record, string reason) =>
        Assert.Contains(reason, Assert.Throws<FormatException>(() => ManifestJson.Read(Encoding.UTF8.GetBytes(record))).Message, StringComparison.Ordinal);
}
