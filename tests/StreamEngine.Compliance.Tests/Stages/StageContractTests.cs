using Akka.Streams;
using StreamEngine.Compliance.Tests.Suite;
using StreamEngine.Core;
using StreamEngine.Streams;

namespace StreamEngine.Compliance.Tests.Stages;

/// <summary>
/// What every stage between ports has to keep: nothing lost, doubled or reordered within a key, barriers in line, everything given back at the end, and no way to end in
/// which a port is left waiting. Each is run fused and as an island, with small and large buffers, in seeded interleavings of what its ports do.
/// </summary>
public class StageContractTests
{
    private static readonly int[] Keys = [0];

    public static TheoryData<Setting, string> Settings()
    {
        var data = new TheoryData<Setting, string>();
        foreach (var row in Setting.All)
            foreach (var stage in new[] { "chain", "fork", "exchange", "align", "records", "async records", "check" }) data.Add(row, stage);
        return data;
    }

    public sealed record Pair(long Key, long Number);

    // Goes on in a message of the simulated system's own: other elements and stops come in between.
    private static async Task<Pair> Later(Pair pair)
    {
        await Task.Yield();
        return pair;
    }

    private static void Run(StageLab lab, string stage)
    {
        switch (stage)
        {
            case "chain":
                lab.Run(new ChainStage("chain", () => new OperatorChain([new HalvingOperator("a"), new HalvingOperator("b")],
                    new OperatorContext(lab.Scope, new RowCounts(), KeyGroupRange.All), new NoSideOutputs(), (_, _) => { })));
                break;
            case "fork":
                lab.Run(new ForkStage("fork", ["a", "b", "c"]));
                break;
            case "records":
                lab.Run(Records.Select<Pair, Pair>(p => p).Flow);
                break;
            case "async records":
                lab.Run(Records.SelectAsync<Pair, Pair>(3, Later).Flow);
                break;
            case "check":
                lab.Run(FlowCheck.Around("check", Records.SelectMany<Pair, Pair>(p => [p]).Flow, "dlq", 1 << 20));
                break;
            case "exchange":
                lab.Run(new ExchangeStage("exchange", 3, Keys, lab.Scope));
                break;
            default:
                lab.Run(new AlignStage("align", 3));
                break;
        }
    }

    private static List<Queue<StreamElement>> Input(StageLab lab, bool end = true)
    {
        var barriers = Enumerable.Range(1, 6).Select(i => new Barrier(i, new EpochReport())).ToList();
        return [.. lab.Sources.Select((_, i) => Elements.Stream(lab.Scope, lab.Random, i, barriers, end))];
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void Everything_arrives_once_and_in_order_and_is_given_back(Setting setting, string stage)
    {
        using var lab = new StageLab(setting);
        Run(lab, stage);
        var input = Input(lab);
        var sent = input.ConvertAll(q => Elements.Text(q));
        lab.Play(input);
        foreach (var source in lab.Sources) source.Complete();
        lab.TakeAll();
        Assert.All(lab.Sinks, s => Assert.True(s.Completed, s.Failure?.ToString()));
        var received = lab.Sinks.Select(s => Elements.Text(s.Received)).ToList();
        switch (stage)
        {
            case "chain" or "records" or "async records" or "check":
                Assert.Equal(sent[0], received[0]);
                break;
            case "fork":
                Assert.Equal(sent[0], received[0]);
                Assert.All(received.Skip(1), r => Assert.Equal(sent[0].Where(t => t != "DeadLetter"), r));
                break;
            case "exchange":
                CheckExchange(sent[0], received);
                break;
            default:
                CheckAlign(sent, received[0]);
                break;
        }
        Assert.Equal(0, lab.Lost());
    }

    private static bool IsRow(string text) => text.Contains(':', StringComparison.Ordinal);

    private static string KeyOf(string text) => text[..text.IndexOf(':', StringComparison.Ordinal)];

    private static void CheckExchange(List<string> sent, List<List<string>> received)
    {
        Assert.Equal(sent.Count(t => t == "DeadLetter"), received[0].Count(t => t == "DeadLetter"));
        foreach (var lane in received) Assert.Equal(sent.Where(t => !IsRow(t) && t != "DeadLetter"), lane.Where(t => !IsRow(t) && t != "DeadLetter"));
        foreach (var key in sent.Where(IsRow).Select(KeyOf).Distinct())
        {
            var lane = Assert.Single(received, r => r.Any(t => IsRow(t) && KeyOf(t) == key));
            // With the controls between: no row changes its epoch.
            bool Relevant(string text) => IsRow(text) ? KeyOf(text) == key : text != "DeadLetter";
            Assert.Equal(sent.Where(Relevant), lane.Where(Relevant));
        }
    }

    private static void CheckAlign(List<List<string>> sent, List<string> received)
    {
        Assert.Equal("End", received[^1]);
        Assert.Equal(sent.Sum(s => s.Count(t => t == "DeadLetter")), received.Count(t => t == "DeadLetter"));
        foreach (var (inlet, elements) in sent.Index())
        {
            // Rows of an inlet in their order, in their epoch.
            bool Relevant(string text) => IsRow(text) ? long.Parse(text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..]) / 1_000_000 == inlet
                : text.StartsWith("Barrier", StringComparison.Ordinal);
            Assert.Equal(elements.Where(Relevant), received.Where(Relevant));
        }
        static long TimeOf(string text) => long.Parse(text["Watermark(".Length..^1]);
        var watermarks = received.Where(t => t.StartsWith("Watermark", StringComparison.Ordinal)).Select(TimeOf).ToList();
        Assert.Equal(watermarks.Distinct().Order(), watermarks);
        // At each barrier the watermark is the least of the inlets' before it.
        foreach (var barrier in received.Where(t => t.StartsWith("Barrier", StringComparison.Ordinal)))
        {
            long Last(List<string> elements) => elements.TakeWhile(t => t != barrier).Where(t => t.StartsWith("Watermark", StringComparison.Ordinal)).Select(TimeOf)
                .DefaultIfEmpty(long.MinValue).Last();
            Assert.Equal(sent.Min(Last), Last(received));
        }
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void A_failure_of_an_inlet_reaches_every_port(Setting setting, string stage)
    {
        using var lab = new StageLab(setting);
        Run(lab, stage);
        var input = Input(lab);
        lab.Play(input, lab.Random.Next(30));
        var failing = lab.Random.Next(lab.Sources.Length);
        lab.Sources[failing].Fail(new TimeoutException("the test fails it"));
        lab.TakeAll();
        Assert.All(lab.Sinks, s => Assert.IsType<TimeoutException>(s.Failure));
        Assert.All(lab.Sources.Where((_, i) => i != failing), s => Assert.True(s.Cancelled));
        Assert.Equal(0, lab.Lost());
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void A_cancel_before_the_end_stops_every_port(Setting setting, string stage)
    {
        using var lab = new StageLab(setting);
        Run(lab, stage);
        var input = Input(lab, end: false);
        lab.Play(input, lab.Random.Next(30));
        var cancelled = lab.Random.Next(lab.Sinks.Length);
        lab.Sinks[cancelled].Cancel();
        lab.System.Settle();
        Assert.All(lab.Sources, s => Assert.True(s.Cancelled));
        Assert.All(lab.Sinks.Where((_, i) => i != cancelled), s => Assert.Contains($"outlet {cancelled} cancelled", s.Failure!.Message, StringComparison.Ordinal));
        Assert.Equal(0, lab.Lost());
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void A_stop_at_any_moment_gives_back_what_the_stage_holds(Setting setting, string stage)
    {
        using var lab = new StageLab(setting);
        Run(lab, stage);
        var input = Input(lab);
        lab.Play(input, lab.Random.Next(60));
        lab.Stop();
        Assert.Equal(0, lab.Lost());
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void An_inlet_that_completes_without_an_end_is_an_error_where_others_go_on(Setting setting, string stage)
    {
        using var lab = new StageLab(setting);
        Run(lab, stage);
        var input = Input(lab, end: false);
        lab.Play(input);
        lab.Sources[0].Complete();
        lab.TakeAll();
        if (stage == "align") Assert.Contains("inlet 0 completed without an End", lab.Sinks[0].Failure!.Message, StringComparison.Ordinal);
        else Assert.All(lab.Sinks, s => Assert.True(s.Completed));
        Assert.Equal(0, lab.Lost());
    }
}

/// <summary>Answers More: gives each batch in two halves, and what it was told in between.</summary>
internal sealed unsafe class HalvingOperator(string id) : IOperator
{
    private Batch? _rest;
    private MemoryScope _scope = null!;

    public string Id => id;

    public Schema Output => Elements.Schema;

    public void Open(OperatorContext context) => _scope = context.Scope;

    public Progress Process(Batch batch, IEmitter output)
    {
        if (batch.Count < 2)
        {
            output.Emit(batch);
            return Progress.Done;
        }
        _rest = batch;
        output.Emit(Half(batch.Share(), 0, batch.Count / 2));
        return Progress.More;
    }

    public Progress Continue(IEmitter output)
    {
        var rest = _rest!;
        _rest = null;
        output.Emit(Half(rest, rest.Count / 2, rest.Count));
        return Progress.Done;
    }

    private Batch Half(Batch batch, int from, int to)
    {
        var arena = _scope.RentArena();
        var rows = arena.Allocate<ushort>(to - from);
        for (var i = from; i < to; i++) rows[i - from] = (ushort)batch.RowAt(i);
        return batch.WithSelection(rows, to - from, arena);
    }

    public void Dispose() => _rest?.Dispose();
}

internal sealed class NoSideOutputs : ISideOutputs
{
    public void Add(Batch batch, int row, in Fault fault) => throw new InvalidOperationException("no row fails here");

    public bool TryTake(out Batch? batch)
    {
        batch = null;
        return false;
    }

    public void Dispose()
    {
    }
}
