using StreamEngine.Broker.Protocol;
using StreamEngine.Simulation.Campaigns;
using StreamEngine.Simulation.Runs;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>Every blow is struck, also where several wait for their moment.</summary>
public class BlowTests
{
    private static SimulationResult Run(params Blow[] blows) =>
        PipelineSimulation.Run([FlightsScenario.Pipeline(1, "commit-interval=30ms")], FlightsScenario.Input(7, 200), new SimulationOptions { Seed = 1, Blows = blows });

    [Fact]
    public void Of_blows_that_wait_for_a_request_none_replaces_another()
    {
        var step = Run().BusySteps / 2;
        // The two that wait for the end of a transaction meet the same one; who starts again asks for a producer's id.
        var run = Run(new(step, BlowKind.Kill, ApiKey.InitProducerId), new(step, BlowKind.Crash, ApiKey.EndTxn), new(step, BlowKind.Kill, ApiKey.EndTxn));
        Assert.Equal([$"Crash at step {step}, on the next EndTxn, process 0", $"Kill at step {step}, on the next EndTxn, process 0",
            $"Kill at step {step}, on the next InitProducerId, process 1"], run.Story.Select(s => s[(s.IndexOf(": ", StringComparison.Ordinal) + 2)..])
            .Where(s => s.Contains("on the next", StringComparison.Ordinal)));
        Assert.Equal(3, run.Processes);
    }

    [Fact]
    public void Two_crashes_of_the_broker_at_once_are_two()
    {
        var step = Run().BusySteps / 2;
        var run = Run(new(step, BlowKind.BrokerKill, For: TimeSpan.FromSeconds(1)), new(step, BlowKind.PowerCut, For: TimeSpan.FromSeconds(2)));
        Assert.Equal(2, run.BrokerCrashes);
        Assert.Empty(RunChecks.Alone(run, _ => 200));
    }
}
