using StreamEngine.Simulation.Faults;
using StreamEngine.Simulation.Runs;
using StreamEngine.Simulation.Tests.Suite;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>The flights pipeline's real graph and worker on the seeded system.</summary>
public class PipelineSimulationTests
{
    private const int Rows = 600;

    private static SimulationResult Run(int parallelism, ulong seed, FaultPlan? faults = null, long[]? crashAt = null, long[]? killAt = null) => PipelineSimulation.Run(Flights.Pipeline(parallelism), Flights.Input(7, Rows),
        new SimulationOptions { Seed = seed, Faults = faults ?? FaultPlan.None, CrashAt = crashAt ?? [], KillAt = killAt ?? [] });

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void One_seed_gives_one_trace_and_other_seeds_give_others_with_the_same_rows(int parallelism)
    {
        var first = Run(parallelism, 1);
        Assert.All(Flights.Topics, t => Assert.NotEmpty(first.Rows(t)));
        Assert.Equal(0, first.Restarts);
        Assert.Empty(RunChecks.Compare(first, first, Flights.Topics, Rows));
        var again = Run(parallelism, 1);
        Assert.Equal((first.Trace, first.Steps, first.Elapsed), (again.Trace, again.Steps, again.Elapsed));
        var others = Enumerable.Range(2, 4).Select(seed => Run(parallelism, (ulong)seed)).ToList();
        Assert.All(others, other => Assert.Empty(RunChecks.Compare(other, first, Flights.Topics, Rows)));
        Assert.Equal(others.Count + 1, others.Select(o => o.Trace).Append(first.Trace).Distinct().Count());
    }

    [Fact]
    public void Lanes_do_not_change_the_rows() => Assert.Empty(RunChecks.Compare(Run(3, 11), Run(1, 12), Flights.Topics, Rows));

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 20)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Crashes_kills_and_a_bad_network_change_nothing_that_is_committed(int seed)
    {
        var parallelism = seed % 2 == 0 ? 1 : 3;
        var faultFree = Run(parallelism, 1000);
        var random = new Random(seed);
        var run = Run(parallelism, (ulong)seed, FaultPlan.Rough, Moments(random, faultFree.Steps), Moments(random, faultFree.Steps));
        Assert.True(run.Restarts > 0 || run.Broker.Settled > 0 || run.Manifests[^1].Incarnation > 1, "no fault hit the run");
        Assert.Empty(RunChecks.Compare(run, faultFree, Flights.Topics, Rows));
    }

    private static long[] Moments(Random random, long steps) => [.. Enumerable.Range(0, 1 + random.Next(3)).Select(_ => random.NextInt64(1, steps))];
}
