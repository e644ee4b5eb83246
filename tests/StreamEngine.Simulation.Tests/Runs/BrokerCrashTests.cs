using StreamEngine.Broker.Protocol;
using StreamEngine.Simulation.Campaigns;
using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Runs;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>The broker dies in the middle of the requests of a transaction, at every point between its writes.</summary>
public class BrokerCrashTests
{
    private const int Rows = 300;

    private static readonly Lazy<SimulationResult> FaultFree = new(() => Run(1000, []));

    private static SimulationResult Run(ulong seed, IReadOnlyList<Blow> blows) =>
        PipelineSimulation.Run([FlightsScenario.Pipeline(1 + (int)seed % 2, "commit-interval=200ms", "sources.flights.event-time.idle-timeout=infinite")],
        FlightsScenario.Input(3, Rows),
        new SimulationOptions { Seed = seed, Network = NetworkPlan.Rough with { LateRequests = 0, LateAnswers = 0 }, Blows = blows });

    // The last three met power cuts that tore a transaction while its decision was not forced to the disk before its markers.
    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 9), 60, 79, 144];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_broker_that_dies_within_a_commit_comes_back_with_all_of_it_or_nothing(int seed)
    {
        var free = FaultFree.Value;
        var random = new Random(seed);
        // The worker that asked dies too, in some: then nobody asks again, and what the broker made of it stays.
        var blows = Enumerable.Range(0, 3).SelectMany(_ =>
        {
            var step = random.NextInt64(1, free.BusySteps);
            var crash = new Blow(step, random.Next(2) == 0 ? BlowKind.PowerCut : BlowKind.BrokerKill, random.Next(3) == 0 ? ApiKey.TxnOffsetCommit : ApiKey.EndTxn,
                TimeSpan.FromMilliseconds(random.Next(2000)));
            return random.Next(2) == 0 ? new[] { crash } : [crash, new Blow(step + random.Next(200), BlowKind.Kill)];
        }).ToList();
        var run = Run((ulong)seed, blows);
        Assert.Empty(RunChecks.Compare(run, free, FlightsScenario.Topics, Rows));
    }
}
