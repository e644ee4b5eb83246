using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Runs;
using StreamEngine.Simulation.Campaigns;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>The flights pipeline's real graph and worker on the seeded system, over the embedded broker's core.</summary>
public class PipelineSimulationTests
{
    private const int Rows = 600;

    private static readonly Dictionary<int, Lazy<SimulationResult>> FaultFree = new[] { 1, 3 }.ToDictionary(p => p,
        p => new Lazy<SimulationResult>(() => Run([FlightsScenario.Pipeline(p)], 1000, NetworkPlan.None)));

    private static SimulationResult Run(Pipelines.Files.PipelineFile[] files, ulong seed, NetworkPlan network, params Blow[] blows) =>
        PipelineSimulation.Run(files, FlightsScenario.Input(7, Rows), new SimulationOptions { Seed = seed, Network = network, Blows = blows });

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void One_seed_gives_one_trace_and_other_seeds_give_others_with_the_same_rows(int parallelism)
    {
        Pipelines.Files.PipelineFile[] files = [FlightsScenario.Pipeline(parallelism)];
        Blow[] blows = [new(400, BlowKind.Crash), new(1200, BlowKind.Drain), new(2000, BlowKind.Kill), new(2500, BlowKind.BrokerKill, For: TimeSpan.FromSeconds(1))];
        var first = Run(files, 1, NetworkPlan.Rough, blows);
        var again = Run(files, 1, NetworkPlan.Rough, blows);
        Assert.Equal((first.Trace, first.Steps, first.Elapsed), (again.Trace, again.Steps, again.Elapsed));
        Assert.All(FlightsScenario.Topics, t => Assert.Equal(first.Rows(t), again.Rows(t)));
        var free = FaultFree[parallelism].Value;
        Assert.All(FlightsScenario.Topics, t => Assert.NotEmpty(free.Rows(t)));
        Assert.Equal(0, free.Restarts);
        var others = Enumerable.Range(2, 4).Select(seed => Run(files, (ulong)seed, NetworkPlan.None)).ToList();
        Assert.All(others, other => Assert.Empty(RunChecks.Compare(other, free, FlightsScenario.Topics, Rows)));
        Assert.Equal(others.Count + 1, others.Select(o => o.Trace).Append(free.Trace).Distinct().Count());
    }

    [Fact]
    public void Lanes_do_not_change_the_rows() => Assert.Empty(RunChecks.Compare(FaultFree[3].Value, FaultFree[1].Value, FlightsScenario.Topics, Rows));

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 20)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Crashes_kills_drains_and_a_bad_network_change_nothing_that_is_committed(int seed)
    {
        var random = new Random(seed);
        var parallelism = seed % 2 == 0 ? 1 : 3;
        var free = FaultFree[parallelism].Value;
        // Short epochs: there are crashes within a whole snapshot, and restores from one.
        var files = new[] { parallelism, 1 + random.Next(4) }.Select(p =>
            FlightsScenario.Pipeline(p, random.Next(3) == 0 ? "commit-interval=30ms" : "commit-interval=1s")).ToArray();
        // The first one early: a drain that comes when the end is read already changes nothing.
        var blows = Enumerable.Range(0, 2 + random.Next(4))
            .Select(i => new Blow(random.NextInt64(1, i == 0 ? free.BusySteps / 2 : free.Steps), (BlowKind)random.Next(3))).ToArray();
        var run = Run(files, (ulong)seed, NetworkPlan.Rough, blows);
        Assert.True(run.Manifests[^1].Incarnation > 1, "nothing hit the run");
        Assert.Empty(RunChecks.Compare(run, free, FlightsScenario.Topics, Rows));
    }
}
