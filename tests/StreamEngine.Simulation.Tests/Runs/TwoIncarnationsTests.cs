using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Pipelines.Running;
using StreamEngine.Pipelines.Testing;
using StreamEngine.Simulation.Faults;
using StreamEngine.Simulation.Runs;
using StreamEngine.Simulation.Scheduling;
using StreamEngine.Simulation.Tests.Suite;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>Two workers of one slot alive at once: the later claim wins, the other one ends for good, and nothing is written twice.</summary>
public class TwoIncarnationsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task A_worker_that_is_alive_when_another_one_claims_its_slot_is_fenced(int seed)
    {
        var input = Flights.Input(7, 600);
        var file = Flights.Pipeline(1 + seed % 2 * 2);
        var free = PipelineSimulation.Run([file], input, new SimulationOptions { Seed = 1000 });
        var (log, clock) = (new MemoryLog(), new VirtualClock());
        log.Create("flights", 3);
        var broker = new FaultyBroker(FaultPlan.Rough with { LostCommits = 0, UnknownCommits = 0 }, (ulong)seed, clock);
        var connectors = new FaultyConnectors(log, 16, broker, clock);
        using var system = SimulatedSystem.Boot((ulong)seed, clock);
        foreach (var record in input.Take(300)) log.Append(record.Topic, record.Partition, new MemoryRecord(null, record.Value, [], record.Timestamp));
        var first = system.Tasks.Start(() => NewWorker().RunAsync(CancellationToken.None));
        system.Run(() => Manifests().Count >= 2);
        system.Run(() => first.IsCompleted, system.Tasks.Steps + new Random(seed).NextInt64(200));
        Assert.False(first.IsCompleted);
        var second = system.Tasks.Start(() => NewWorker().RunAsync(CancellationToken.None));
        system.Run(() => second.IsCompleted, system.Tasks.Steps + 200);
        foreach (var record in input.Skip(300)) log.Append(record.Topic, record.Partition, new MemoryRecord(null, record.Value, [], record.Timestamp));
        log.Finish();
        system.Run(() => first.IsCompleted && second.IsCompleted);
        Assert.IsType<FencedException>(first.Exception!.InnerException);
        Assert.True((await second)!.Finished);
        var run = new SimulationResult(0, 0, clock.Elapsed, 0, log, Manifests(), broker, []);
        Assert.Empty(RunChecks.Compare(run, free, Flights.Topics, input.Count));
        connectors.FreeMemory();

        List<EpochManifest> Manifests() => [.. log.ReadAll("flights.epochs").Select(r => ManifestJson.Read(r.Value).Manifest).OfType<EpochManifest>()];

        PipelineWorker NewWorker() => new(file.Definition, file.Plan, connectors, system.System, clock, NullLogger.Instance);
    }
}
