using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Replay;

namespace StreamEngine.Pipelines.Tests.Replay;

/// <summary>A replay whose manifests no topic would take is refused by its size, and by nothing else.</summary>
public class ReplaySizeTests
{
    private static readonly EventTimeRange Range = new(100, 200);

    private static ReplayDefinition Replay(int maxMessageSize) => new(PipelineFile.Parse($$"""
        pipeline {
          name = p
          max-message-size = {{maxMessageSize}}
          sources.s { topic = a-topic-of-some-name, schema = "at TIMESTAMP, k STRING", event-time.column = at }
          sql = "INSERT INTO out SELECT window_start, k, count(*) AS n FROM TUMBLE(s, at, INTERVAL '1' HOUR) GROUP BY window_start, k"
          sinks.out { topic = out, key = k }
        }
        """, "p.conf"), Range, "shadow");

    /// <summary>As found in the live pipeline's manifests.</summary>
    private static ReplayBounds Bounds(int partitions, int moves)
    {
        var scan = new ReplayScan(Range, new Dictionary<string, bool> { ["s"] = false });
        foreach (var (epoch, from, to) in new[] { (1, 0, 0), (2, 0, moves) })
            scan.Add(new EpochManifest
            {
                Pipeline = "hash", Slot = 0, Incarnation = 1, Epoch = epoch, At = default, Inserts = new Dictionary<string, ConservationLine>(),
                State = new StatePositions([], 0),
                Sources = new Dictionary<string, SourcePosition>
                {
                    ["s"] = new("a-topic-of-some-name", "id", 50, Enumerable.Range(0, partitions).ToDictionary(p => p, p => new PartitionPosition(
                        epoch == 1 ? 5 : 5_000_000_000, epoch == 1 ? 50 : 250,
                        [.. Enumerable.Range(from, to).Select(i => new WatermarkMove(1_000 + 700L * i, 978_339_600_000_000 + 45_000_123L * i))]))),
                },
            });
        return scan.ToBounds("p", "shadow");
    }

    [Fact]
    public void Thousands_of_moves_of_one_partition_fit() => ReplaySize.Check(Replay(1_000_000), Bounds(1, 40_000));

    [Fact]
    public void Many_moves_of_many_partitions_are_refused_with_what_to_do()
    {
        var bounds = Bounds(100, 1_900);
        var refused = Assert.Throws<StartupException>(() => ReplaySize.Check(Replay(1_000_000), bounds));
        Assert.StartsWith("in this range the live run lifted the watermarks of partitions that had been idle 190,000 times, 1,900 of them that of s-0;", refused.Message,
            StringComparison.Ordinal);
        Assert.Contains("more than max-message-size = 1,000,000\n", refused.Message, StringComparison.Ordinal);
        Assert.Contains("--from .. --to ..", refused.Message, StringComparison.Ordinal);
        // What it asks for is enough, and not much more than is needed.
        var asked = int.Parse(refused.Message.Split("max-message-size=")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        ReplaySize.Check(Replay(asked), bounds);
        Assert.Throws<StartupException>(() => ReplaySize.Check(Replay(asked - 1), bounds));
        Assert.InRange(asked, 190_000 * 12, 190_000 * 15);
    }

    [Fact]
    public void A_manifest_after_a_restart_which_lifts_every_partition_once_is_no_larger_than_was_asked_for()
    {
        var (replay, bounds) = (Replay(1_000_000), Bounds(100, 1_900));
        var refused = Assert.Throws<StartupException>(() => ReplaySize.Check(replay, bounds));
        var asked = int.Parse(refused.Message.Split("max-message-size=")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        const long number = long.MaxValue;
        var written = ManifestJson.Write(new EpochManifest
        {
            Pipeline = replay.Plan.Hash, Slot = 0, Incarnation = number, Epoch = number, At = DateTimeOffset.UnixEpoch, Replay = bounds,
            Inserts = new Dictionary<string, ConservationLine> { ["out"] = new(number, number, number, number, number, number, number) },
            State = new StatePositions([number, number], number),
            Sources = new Dictionary<string, SourcePosition>
            {
                ["s"] = new("a-topic-of-some-name", "id", number, bounds.Sources["s"].Partitions.ToDictionary(p => p.Key, _ =>
                    new PartitionPosition(number, number, [new WatermarkMove(number, number)]) { LeaderEpoch = int.MaxValue })),
            },
        });
        Assert.InRange(written.Length, 1, asked);
    }
}
