using Akka;
using Akka.Actor;
using Akka.Streams;
using Akka.Streams.Dsl;
using StreamEngine.Cli.Processes;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Streams;

namespace StreamEngine.Cli.Bench;

/// <summary>
/// What Akka.Streams costs per batch: a fused chain of operators, an island boundary, and a 4 x 4 exchange. Each is a difference between two graphs that differ in this
/// alone.
/// </summary>
internal static class GraphBenches
{
    private const int Lanes = 4;
    private const int Operators = 3;

    private static readonly Schema Columns = new([.. TypeParser.ParseSchema(Bids.Schema).Where(f => f.Name is "auction" or "price")]);

    public static BenchResult Chain(long rows) => Difference("graph-chain", rows, (_, source) => source, (_, source) => source.Via(new ChainStage("bench", PassChain)));

    public static BenchResult Async(long rows) =>
        Difference("graph-async", rows, (_, source) => source.Via(new ChainStage("bench", PassChain)), (_, source) =>
        source.Via(Flow.FromGraph(new ChainStage("bench", PassChain)).Async()));

    public static BenchResult Exchange(long rows) => Run("graph-exchange", rows, (system, batches, scope) =>
    {
        var parts = Enumerable.Range(0, Lanes).Select(lane => batches.Where((_, i) => i % Lanes == lane).ToList()).ToList();
        return () =>
        {
            using var materializer = StageStart.CreateAsync(system, "bench").GetAwaiter().GetResult();
            RunnableGraph.FromGraph(GraphDsl.Create(Sink.ForEach<StreamElement>(Drop), (builder, sink) =>
            {
                var end = builder.Add(new AlignStage("end", Lanes));
                var keyed = Enumerable.Range(0, Lanes).Select(lane => builder.Add(GraphDsl.Create(b => b.Add(new AlignStage($"align {lane}", Lanes))).Async())).ToList();
                for (var from = 0; from < Lanes; from++)
                {
                    var source = builder.Add(Elements(parts[from]).Async());
                    var exchange = builder.Add(new ExchangeStage($"exchange {from}", Lanes, [0], scope));
                    builder.From(source.Outlet).To(exchange.In);
                    for (var to = 0; to < Lanes; to++) builder.From(exchange.Out(to)).To(keyed[to].In(from));
                }
                for (var lane = 0; lane < Lanes; lane++) builder.From(keyed[lane].Out).To(end.In(lane));
                builder.From(end.Out).To(sink.Inlet);
                return ClosedShape.Instance;
            })).Run(materializer).GetAwaiter().GetResult();
        };
    });

    private static BenchResult Difference(string name, long rows, Func<ActorSystem, Source<StreamElement, NotUsed>, Source<StreamElement, NotUsed>> without,
        Func<ActorSystem, Source<StreamElement, NotUsed>, Source<StreamElement, NotUsed>> with)
    {
        var less = RunSource(name, rows, without);
        var more = RunSource(name, rows, with);
        return more with { NanosPerBatch = Math.Round((more.Seconds - less.Seconds) * 1e9 / (rows / Batch.DefaultRows)) };
    }

    private static BenchResult RunSource(string name, long rows, Func<ActorSystem, Source<StreamElement, NotUsed>, Source<StreamElement, NotUsed>> build) =>
        Run(name, rows, (system, batches, _) => () =>
    {
        using var materializer = StageStart.CreateAsync(system, "bench").GetAwaiter().GetResult();
        build(system, Elements(batches)).RunForeach(Drop, materializer).GetAwaiter().GetResult();
    });

    private static BenchResult Run(string name, long rows, Func<ActorSystem, List<Batch>, MemoryScope, Action> prepare)
    {
        var count = (int)Math.Max(Lanes, rows / Batch.DefaultRows);
        using var scope = new MemoryScope("bench");
        var made = BidBatches.Columns(64 * Batch.DefaultRows, Columns, scope);
        var batches = Enumerable.Range(0, count).Select(i => made[i % made.Count]).ToList();
        var system = EngineSystem.Start(PipelineFile.Load(Project.File("hocon/pipelines/flights.conf")).Document,
            Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);
        try
        {
            var result = Measurement.Of(name, (long)count * Batch.DefaultRows, prepare(system, batches, scope));
            return result with { NanosPerBatch = Math.Round(result.Seconds * 1e9 / count) };
        }
        finally
        {
            system.Terminate().GetAwaiter().GetResult();
            foreach (var batch in made) batch.Dispose();
        }
    }

    private static Source<StreamElement, NotUsed> Elements(List<Batch> batches) => Source.From(batches.Select(b => (StreamElement)b.Share()).Append(End.Instance));

    private static void Drop(StreamElement element) => (element as Batch)?.Dispose();

    private static OperatorChain PassChain() => new([.. Enumerable.Range(0, Operators).Select(i => new PassOperator($"pass {i}"))],
        new OperatorContext(new MemoryScope("pass"), new RowCounts(), KeyGroupRange.All), new NoFaults(), (_, _) => { });

    /// <summary>Does nothing: what is left is the cost of being an operator in a chain.</summary>
    private sealed class PassOperator(string id) : IOperator
    {
        public string Id => id;

        public Schema Output => Columns;

        public Progress Process(Batch batch, IEmitter output)
        {
            output.Emit(batch);
            return Progress.Done;
        }

        public void Dispose()
        {
        }
    }
}
