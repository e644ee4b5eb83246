using Akka.Streams;
using Akka.Streams.Dsl;
using StreamEngine.Core;
using StreamEngine.Simulation.Scheduling;

namespace StreamEngine.Compliance.Tests.Suite;

/// <summary>How a stage is run.</summary>
/// <param name="Async">In an island of its own.</param>
/// <param name="Buffer">Elements per island boundary.</param>
/// <param name="Seed">Of the interleaving.</param>
public sealed record Setting(bool Async, int Buffer, int Seed)
{
    public static IReadOnlyList<Setting> All { get; } =
        [.. from async in new[] { false, true } from buffer in new[] { 1, 16 } from seed in Enumerable.Range(1, 4) select new Setting(async, buffer, seed)];

    public override string ToString() => $"{(Async ? "async" : "fused")}, buffer {Buffer}, seed {Seed}";
}

/// <summary>One stage between probes on a simulated system, with a scope that counts what it does not give back.</summary>
internal sealed class StageLab : IDisposable
{
    private readonly Setting _setting;
    private readonly ActorMaterializer _materializer;
    private readonly List<Queue<StreamElement>> _input = [];
    private EdgeTap[] _inTaps = [];
    private EdgeTap[] _outTaps = [];

    public StageLab(Setting setting)
    {
        _setting = setting;
        Random = new Random(setting.Seed);
        System = SimulatedSystem.Boot((ulong)setting.Seed, Clock);
        _materializer = ActorMaterializer.Create(System.System, ActorMaterializerSettings.Create(System.System).WithInputBuffer(setting.Buffer, setting.Buffer), "lab");
        System.Settle();
    }

    public VirtualClock Clock { get; } = new();

    public SimulatedSystem System { get; }

    public MemoryScope Scope { get; } = new("lab");

    public Random Random { get; }

    public SourceProbe[] Sources { get; private set; } = [];

    public SinkProbe[] Sinks { get; private set; } = [];

    public bool IsOver => Sinks.All(s => s.IsOver);

    /// <summary>Runs the stage between a probe per port.</summary>
    public void Run<TShape, TMat>(IGraph<TShape, TMat> stage)
        where TShape : Shape
    {
        var tapped = GraphDsl.Create(builder =>
        {
            var shape = builder.Add(stage);
            _inTaps = [.. shape.Inlets.Select(_ => new EdgeTap())];
            _outTaps = [.. shape.Outlets.Select(_ => new EdgeTap())];
            var ins = _inTaps.Select(builder.Add).ToArray();
            var outs = _outTaps.Select(builder.Add).ToArray();
            foreach (var (i, inlet) in shape.Inlets.Index()) builder.From(ins[i].Outlet).To((Inlet<StreamElement>)inlet);
            foreach (var (i, outlet) in shape.Outlets.Index()) builder.From((Outlet<StreamElement>)outlet).To(outs[i].Inlet);
            return new AmorphousShape([.. ins.Select(f => (Inlet)f.Inlet)], [.. outs.Select(f => (Outlet)f.Outlet)]);
        });
        RunnableGraph.FromGraph(GraphDsl.Create(builder =>
        {
            var shape = builder.Add(_setting.Async ? tapped.Async() : tapped);
            Sources = [.. shape.Inlets.Select(_ => new SourceProbe())];
            Sinks = [.. shape.Outlets.Select(_ => new SinkProbe())];
            foreach (var (i, inlet) in shape.Inlets.Index()) builder.From(builder.Add(Sources[i]).Outlet).To((Inlet<StreamElement>)inlet);
            foreach (var (i, outlet) in shape.Outlets.Index()) builder.From((Outlet<StreamElement>)outlet).To(builder.Add(Sinks[i]).Inlet);
            return ClosedShape.Instance;
        })).Run(_materializer);
        System.Settle();
    }

    /// <summary>Runs a sink stage and answers its result.</summary>
    public Task<TMat> Run<TMat>(IGraph<SinkShape<StreamElement>, Task<TMat>> stage)
    {
        _inTaps = [new EdgeTap()];
        var tapped = GraphDsl.Create(stage, (builder, sink) =>
        {
            var tap = builder.Add(_inTaps[0]);
            builder.From(tap.Outlet).To(sink.Inlet);
            return new SinkShape<StreamElement>(tap.Inlet);
        });
        var end = RunnableGraph.FromGraph(GraphDsl.Create(_setting.Async ? tapped.Async() : tapped, (builder, sink) =>
        {
            Sources = [new SourceProbe()];
            builder.From(builder.Add(Sources[0]).Outlet).To(sink.Inlet);
            return ClosedShape.Instance;
        })).Run(_materializer);
        System.Settle();
        return end;
    }

    /// <summary>Sends what is left of each inlet's elements in a random interleaving with random demand, until all is sent or so many moves were made.</summary>
    public void Play(IReadOnlyList<Queue<StreamElement>> input, int moves = int.MaxValue)
    {
        _input.AddRange(input.Except(_input));
        for (var i = 0; i < moves && input.Any(q => q.Count > 0); i++)
        {
            var at = Random.Next(Sources.Length + Sinks.Length);
            if (at >= Sources.Length) Sinks[at - Sources.Length].Request(1 + Random.Next(3));
            else
                for (var n = Random.Next(4); n > 0 && input[at].TryDequeue(out var element); n--) Sources[at].Send(element);
            if (Random.Next(3) > 0) System.Settle();
        }
        System.Settle();
    }

    /// <summary>Takes everything that still comes.</summary>
    public void TakeAll()
    {
        foreach (var sink in Sinks) sink.Request(1_000_000);
        System.Settle();
    }

    /// <summary>
    /// What the test itself holds and what was lost on an edge of an island, where nobody owns it, is given back; the blocks that are then still out, the stage lost.
    /// </summary>
    public int Lost()
    {
        foreach (var queue in _input)
            while (queue.TryDequeue(out var element)) (element as Batch)?.Dispose();
        foreach (var (i, tap) in _inTaps.Index()) FreeLost(Sources[i].Sent, tap.Passed);
        foreach (var (i, tap) in _outTaps.Index()) FreeLost(tap.Passed, Sinks[i].Arrived);
        foreach (var source in Sources) source.FreeWaiting();
        foreach (var sink in Sinks) sink.FreeReceived();
        return Scope.BlocksOut;
    }

    // An edge loses its newest elements, as many as it may hold; fused there is no edge.
    private void FreeLost(List<StreamElement> before, List<StreamElement> behind)
    {
        Assert.True(behind.SequenceEqual(before.Take(behind.Count), ReferenceEqualityComparer.Instance), "an edge has reordered its elements");
        Assert.InRange(before.Count - behind.Count, 0, _setting.Async ? _setting.Buffer : 0);
        foreach (var element in before.Skip(behind.Count)) (element as Batch)?.Dispose();
        before.RemoveRange(behind.Count, before.Count - behind.Count);
    }

    public void Stop()
    {
        _materializer.Shutdown();
        System.Settle();
    }

    /// <summary>However a test ends: when the graph has stopped, its stage has given everything back.</summary>
    public void Dispose()
    {
        Stop();
        var lost = Lost();
        System.Dispose();
        Scope.Dispose();
        Assert.True(lost == 0, $"the stage has not given back {lost} blocks");
    }
}
