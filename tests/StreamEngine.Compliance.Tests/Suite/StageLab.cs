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
        RunnableGraph.FromGraph(GraphDsl.Create(builder =>
        {
            var shape = builder.Add(_setting.Async ? stage.Async() : stage);
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
        var end = RunnableGraph.FromGraph(GraphDsl.Create(_setting.Async ? stage.Async() : stage, (builder, sink) =>
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

    /// <summary>What the test itself holds is given back; what is then still out, the stage lost.</summary>
    public int Lost(IEnumerable<Queue<StreamElement>> input)
    {
        foreach (var queue in input)
            while (queue.TryDequeue(out var element)) (element as Batch)?.Dispose();
        foreach (var source in Sources) source.FreeWaiting();
        foreach (var sink in Sinks) sink.FreeReceived();
        return Scope.BlocksOut;
    }

    public void Stop()
    {
        _materializer.Shutdown();
        System.Settle();
    }

    public void Dispose()
    {
        Stop();
        System.Dispose();
        Scope.Dispose();
        Assert.Equal(0, Scope.BlocksOut);
    }
}
