using StreamEngine.Broker.Protocol;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Runs;
using StreamEngine.Simulation.Campaigns;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>Two workers of one slot alive at once: the later claim wins, the other one ends for good, and nothing is written twice.</summary>
public class TwoIncarnationsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_worker_that_is_alive_when_another_one_claims_its_slot_is_fenced(int seed)
    {
        var input = FlightsScenario.Input(7, 600);
        var file = FlightsScenario.Pipeline(1 + seed % 2 * 2);
        var free = PipelineSimulation.Run([file], input, new SimulationOptions { Seed = 1000 });
        var options = new SimulationOptions { Seed = (ulong)seed, Network = NetworkPlan.Rough with { LostRequests = 0, LostAnswers = 0 } };
        var run = PipelineSimulation.Run([file], input, options with { Blows = [new(InTheMiddle(file, input, options), BlowKind.Twin)] });
        Assert.Equal(2, run.Processes);
        IsFencedBySuccessor(run);
        Assert.Empty(RunChecks.Compare(run, free, FlightsScenario.Topics, input.Count));
    }

    /// <summary>A step at which work is going on: until a blow a run is the same as without one.</summary>
    private static long InTheMiddle(PipelineFile file, IReadOnlyList<InputRecord> input, SimulationOptions options)
    {
        var busy = PipelineSimulation.Run([file], input, options).BusySteps;
        return new Random((int)options.Seed).NextInt64(busy / 4, busy / 2);
    }

    /// <summary>The first process ended because the second one had taken over, and nothing of an earlier process stands behind a claim of a later one.</summary>
    private static void IsFencedBySuccessor(SimulationResult run)
    {
        var ends = Assert.Single(run.Story, s => s.Contains("process 0 ends", StringComparison.Ordinal));
        Assert.Matches(@"process 0 ends: incarnation \d+ of slot 0 was fenced by incarnation \d+, process 1 on simulation, claimed at", ends);
        var processes = new Dictionary<long, int>();
        var writers = new List<int>();
        foreach (var record in run.ReadAll("flights.epochs"))
        {
            var (manifest, claim) = ManifestJson.Read(record.Value);
            if (claim is not null) processes.Add(claim.Incarnation, claim.Process);
            writers.Add(processes[claim?.Incarnation ?? manifest!.Incarnation]);
        }
        Assert.Equal(writers.Order(), writers);
        Assert.Contains(0, writers);
        Assert.Contains(1, writers);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_process_that_stood_still_while_another_one_took_over_writes_nothing_when_it_wakes(int seed)
    {
        var input = FlightsScenario.Input(7, 400);
        var file = FlightsScenario.Pipeline(1 + seed % 2 * 2, "commit-interval=200ms");
        var free = PipelineSimulation.Run([file], input, new SimulationOptions { Seed = 1000 });
        var options = new SimulationOptions { Seed = (ulong)seed, Network = NetworkPlan.Rough };
        var random = new Random(seed);
        // Long enough for the other one to claim the slot, whatever the network loses.
        var run = PipelineSimulation.Run([file], input, options with
        {
            Blows = [new(InTheMiddle(file, input, options), BlowKind.Freeze, random.Next(2) == 0 ? ApiKey.EndTxn : ApiKey.Produce,
                TimeSpan.FromSeconds(random.Next(60, 200)))],
        });
        IsFencedBySuccessor(run);
        var wakes = run.Story.Index().Single(s => s.Item.Contains("process 0 wakes", StringComparison.Ordinal)).Index;
        Assert.Contains(run.Story.Skip(wakes), s => s.Contains("process 0 ends", StringComparison.Ordinal));
        Assert.Empty(RunChecks.Compare(run, free, FlightsScenario.Topics, input.Count));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_process_that_stood_still_between_claim_and_restore_takes_no_later_state_for_its_own(int seed)
    {
        var input = FlightsScenario.Input(7, 400);
        var file = FlightsScenario.Pipeline(1 + seed % 2 * 2, "commit-interval=200ms");
        var free = PipelineSimulation.Run([file], input, new SimulationOptions { Seed = 1000 });
        // The first transaction that ends after the kill is the claim of the next process.
        var run = PipelineSimulation.Run([file], input, new SimulationOptions
        {
            Seed = (ulong)seed,
            Blows = [new(free.BusySteps / 2, BlowKind.Kill), new(free.BusySteps / 2 + 1, BlowKind.Freeze, ApiKey.EndTxn, TimeSpan.FromMinutes(5))],
        });
        Assert.Contains(run.Story, s => s.Contains("process 1 ends: incarnation", StringComparison.Ordinal) && s.Contains("was fenced by", StringComparison.Ordinal));
        Assert.Empty(RunChecks.Compare(run, free, FlightsScenario.Topics, input.Count));
    }
}
