using System.Globalization;
using System.Text;
using System.Text.Json;
using StreamEngine.Core;
using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Runs;
using StreamEngine.Simulation.Campaigns;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>With partitions that fall idle and wake, which rows are late depends on when: but the log and the manifests' moves have to say all of it.</summary>
public class LatenessTests
{
    private const long Hour = 3_600_000_000;
    private const int Rows = 400;

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 6)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void No_row_is_late_that_the_log_and_the_moves_of_the_manifests_do_not_make_late(int seed)
    {
        var random = new Random(seed);
        var parallelism = 1 + seed % 3;
        var blows = seed % 2 == 0 ? [] : Enumerable.Range(0, 3).Select(_ => new Blow(random.NextInt64(1, 6000L), (BlowKind)random.Next(3))).ToArray();
        // Partitions rest in turns for longer than the timeout.
        var input = FlightsScenario.Input(seed, Rows).Select((r, i) => r with { Partition = i / 50 % 3 == r.Partition ? (r.Partition + 1) % 3 : r.Partition }).ToList();
        var run = PipelineSimulation.Run([FlightsScenario.Pipeline(parallelism, "sources.flights.event-time.idle-timeout=2s",
            "sources.flights.event-time.out-of-orderness=10m")], input,
            new SimulationOptions { Seed = (ulong)seed, Network = NetworkPlan.Rough with { LateRequests = 0, LateAnswers = 0 }, Blows = blows,
                Feed = new FeedPlan { Pause = TimeSpan.FromSeconds(4), Rows = 30 } });
        Assert.Contains(run.Manifests, m => m.Sources["flights"].Partitions.Values.Any(p => p.Moves.Count > 0));
        Assert.Empty(RunChecks.Compare(run, run, FlightsScenario.Topics, Rows));
        Assert.Equal(Expected(run).Order(StringComparer.Ordinal), Actual(run).Order(StringComparer.Ordinal));
    }

    private static IEnumerable<string> Expected(SimulationResult run)
    {
        for (var partition = 0; partition < 3; partition++)
        {
            var moves = run.Manifests.SelectMany(m => m.Sources["flights"].Partitions[partition].Moves).ToList();
            var newest = long.MinValue;
            foreach (var record in run.Topics["flights"][partition])
            {
                var offset = record.Offset;
                if (TimeOf(record) is not { } time) continue;
                var watermark = Math.Max(newest == long.MinValue ? newest : newest - Hour / 6,
                    moves.Where(m => m.Offset <= offset).Select(m => m.To).DefaultIfEmpty(long.MinValue).Max());
                var start = time - time % Hour;
                if (start + Hour <= watermark) yield return $"hourly {partition}@{offset}";
                if (start + 6 * Hour <= watermark) yield return $"routes {partition}@{offset}";
                newest = Math.Max(newest, time);
            }
        }
    }

    /// <summary>The event time of a record that is a good flight.</summary>
    private static long? TimeOf(LogRecord record)
    {
        if (record.Value is null || record.Value.AsSpan().StartsWith("{broken"u8)) return null;
        using var flight = JsonDocument.Parse(record.Value);
        var delay = flight.RootElement.GetProperty("delay");
        if (delay.ValueKind != JsonValueKind.Number || delay.GetInt32() is < -120 or > 2000 || flight.RootElement.GetProperty("distance").GetInt32() <= 0) return null;
        var date = DateTime.ParseExact(flight.RootElement.GetProperty("date").GetString()!, "yyyy/MM/dd HH:mm", CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
        return (date - DateTime.UnixEpoch).Ticks / 10;
    }

    private static IEnumerable<string> Actual(SimulationResult run) => run.ReadAll("flights.late")
        .Select(r => $"{Header(r, "streamengine.insert")} {Header(r, "__streams.errors.partition")}@{Header(r, "__streams.errors.offset")}");

    private static string Header(LogRecord record, string name) => RecordHeaders.TryGetLast(record.Headers, Encoding.UTF8.GetBytes(name), out var value)
        ? Encoding.UTF8.GetString(value) : "";
}
