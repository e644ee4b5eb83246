using System.Text;
using StreamEngine.Pipelines.Redrive;
using StreamEngine.Simulation.Campaigns;
using StreamEngine.Simulation.Network;
using StreamEngine.Simulation.Runs;

namespace StreamEngine.Simulation.Tests.Runs;

/// <summary>
/// Redriven rows while everything is done to the run. Their event times lie behind all others, since whether a window is closed when a row comes is the run's to say: so
/// the same rows have to come out, whatever happened.
/// </summary>
public class RedriveSimulationTests
{
    private const int Rows = 500;

    private static readonly List<InputRecord> Redriven = Redrive(150);

    private static readonly Lazy<SimulationResult> FaultFree = new(() => Run([FlightsScenario.Pipeline(1)], 1000, NetworkPlan.None));

    private static List<InputRecord> Redrive(int count)
    {
        var random = new Random(3);
        string?[] inserts = [null, "hourly", "delayed", "routes", "removed"];
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var letter = new LetterIdentity("dlq", "id", 0, i);
            var mark = new RedriveMark("flights", inserts[random.Next(inserts.Length)], "flights", random.Next(3), 10_000 + i, 982_000_000_000, letter);
            // Some fail again: they are no JSON, break a rule, or fail in an expression.
            var delay = random.Next(8) switch { 0 => "100", 1 => "9999", var n => $"{n * 10}" };
            var text = random.Next(9) == 0 ? "{again" : $$"""{"date":"2001/02/01 0{{random.Next(8)}}:10","delay":{{delay}},"distance":7,"origin":"ATL","destination":"D{{random.Next(3)}}"}""";
            return new InputRecord("flights.redrive", 0, Encoding.UTF8.GetBytes(text), 1) { Headers = RedriveHeaders.Write([], mark) };
        })];
    }

    private static SimulationResult Run(Pipelines.Files.PipelineFile[] files, ulong seed, NetworkPlan network, params Blow[] blows)
    {
        // Among the others, in their own order.
        var random = new Random(11);
        var left = new Queue<InputRecord>(Redriven);
        var input = FlightsScenario.Input(7, Rows).SelectMany(r => left.Count > 0 && random.Next(3) == 0 ? [r, left.Dequeue()] : new[] { r }).ToList();
        input.AddRange(left);
        return PipelineSimulation.Run(files, input, new SimulationOptions { Seed = seed, Network = network, Blows = blows });
    }

    private static int RowsOf(string insert) => Rows + Redriven.Count(r => RedriveHeaders.Read(r.Headers, out _, out _)!.Insert is var i && (i is null || i == insert));

    [Fact]
    public void The_run_without_a_fault_has_them_all()
    {
        var free = FaultFree.Value;
        Assert.Empty(RunChecks.Alone(free, RowsOf));
        var removed = Redriven.Count(r => RedriveHeaders.Read(r.Headers, out _, out _)!.Insert == "removed");
        Assert.Equal(removed, free.Rows("flights.dlq").Count(r => r.Contains("no INSERT INTO removed", StringComparison.Ordinal)));
        Assert.Contains(free.Rows("flights.hourly"), r => r.Contains("2001-02-01", StringComparison.Ordinal));
        Assert.DoesNotContain(free.Rows("flights.late"), r => r.Contains("redrive", StringComparison.Ordinal));
    }

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 12)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Redriven_rows_are_counted_once_whatever_is_done_to_the_run(int seed)
    {
        var random = new Random(seed);
        var free = FaultFree.Value;
        var files = new[] { 1, 3 }.Select(p => FlightsScenario.Pipeline(p, random.Next(2) == 0 ? "commit-interval=30ms" : "commit-interval=1s")).ToArray();
        var blows = Enumerable.Range(0, 2 + random.Next(4)).Select(_ => new Blow(random.NextInt64(1, free.Steps), (BlowKind)random.Next(3))).ToArray();
        var run = Run(files, (ulong)seed, NetworkPlan.Rough, blows);
        Assert.True(run.Manifests[^1].Incarnation > 1, "nothing hit the run");
        Assert.Empty(RunChecks.SameRows(run, free, FlightsScenario.Topics));
        Assert.Empty(RunChecks.Alone(run, RowsOf));
    }
}
