using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Runs;
using StreamEngine.Simulation.Campaigns;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>With partitions that fall idle and wake, which rows are late depends on when: but the log and the manifests' moves have to say all of it.</summary>
public class LatenessTests
{
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
        var scenario = new Scenario
        {
            Name = "idle flights",
            Files = [FlightsScenario.Pipeline(parallelism, "sources.flights.event-time.idle-timeout=2s", "sources.flights.event-time.out-of-orderness=10m")],
            Input = input,
            Options = new SimulationOptions { Seed = (ulong)seed, Network = NetworkPlan.Rough with { LateRequests = 0, LateAnswers = 0 }, Blows = blows,
                Feed = new FeedPlan { Pause = TimeSpan.FromSeconds(4), Rows = 30 } },
            Windows = FlightsScenario.Windows(FlightsScenario.Hour / 6),
        };
        var run = PipelineSimulation.Run(scenario.Files, scenario.Input, scenario.Options);
        Assert.Contains(run.Manifests, m => m.Sources["flights"].Partitions.Values.Any(p => p.Moves.Count > 0));
        Assert.NotEmpty(run.ReadAll("flights.late"));
        Assert.Empty(RunChecks.Compare(run, run, FlightsScenario.Topics, Rows));
        Assert.Empty(LatenessOracle.Check(scenario, run));
    }
}
