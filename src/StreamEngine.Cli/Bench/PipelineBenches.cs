using StreamEngine.Cli.Processes;
using StreamEngine.Core;
using StreamEngine.Formats.Json;
using StreamEngine.Operators.Decoding;
using StreamEngine.Operators.EventTime;
using StreamEngine.Operators.Sinks;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;
using StreamEngine.Streams;

namespace StreamEngine.Cli.Bench;

/// <summary>
/// A filter and a window through the whole graph that a pipeline runs as (source, lanes, exchange, commit), between a source and a log that cost nothing: what the graph
/// adds to its operators, and what a second lane gives.
/// </summary>
internal static class PipelineBenches
{
    private const int Partitions = 4;
    private const long Lateness = OperatorBenches.Lateness;

    private const string Sql =
        "INSERT INTO results SELECT window_start, auction, count(*) AS bids, sum(price) AS total FROM TUMBLE(bids, date_time, INTERVAL '10' SECOND) "
        + "WHERE price > 3160000 AND bidder % 2 = 1 GROUP BY window_start, auction";

    /// <summary>Columns to windows, one lane: the ratio is to the same operators in a loop.</summary>
    public static BenchResult Graph(long rows)
    {
        using var scope = new MemoryScope("bench");
        var plan = Plan();
        var batches = BidBatches.Columns(rows, plan.Sources[0].Columns, scope);
        IDecoder Decoder() => new PreparedDecoder(plan.Sources[0].Columns, batches);
        var result = InSystem(system => Measurement.Against("graph", rows, () => RunAlone(plan, batches, Decoder(), scope),
            () => RunAsync(system, plan, [batches], _ => Decoder(), scope, lanes: 1).GetAwaiter().GetResult()));
        Release([batches]);
        return result;
    }

    /// <summary>JSON records of four partitions to windows, two lanes and a hash exchange: the ratio is to one lane.</summary>
    public static BenchResult Lanes(long rows)
    {
        using var scope = new MemoryScope("bench");
        var plan = Plan();
        var partitions = Enumerable.Range(0, Partitions).Select(p => BidBatches.Raw(rows / Partitions, scope, p, Partitions)).ToList();
        IDecoder Decoder(PhysicalSource source) => DecoderOf(source, scope);
        var result = InSystem(system => Measurement.Against("lanes", rows, () => RunAsync(system, plan, partitions, Decoder, scope, lanes: 1).GetAwaiter().GetResult(),
            () => RunAsync(system, plan, partitions, Decoder, scope, lanes: 2).GetAwaiter().GetResult()));
        Release(partitions);
        return result;
    }

    /// <summary>
    /// What two lanes can reach on this machine at most: the same records in two graphs of one lane, two partitions each, that share nothing but the process. The ratio
    /// is of both at once to one after the other.
    /// </summary>
    public static BenchResult LanesApart(long rows)
    {
        using MemoryScope first = new("bench"), second = new("bench");
        var plan = Plan();
        List<List<Batch>> Half(int half, MemoryScope scope) =>
            [.. Enumerable.Range(0, Partitions / 2).Select(p => BidBatches.Raw(rows / Partitions, scope, p, Partitions, half * Partitions / 2))];
        var (one, other) = (Half(0, first), Half(1, second));
        var result = InSystem(system => InSystem(apart =>
        {
            Task One() => RunAsync(system, plan, one, s => DecoderOf(s, first), first, lanes: 1);
            Task Other() => RunAsync(apart, plan, other, s => DecoderOf(s, second), second, lanes: 1);
            return Measurement.Against("lanes-apart", rows, () =>
            {
                One().GetAwaiter().GetResult();
                Other().GetAwaiter().GetResult();
            }, () => Task.WhenAll(One(), Other()).GetAwaiter().GetResult());
        }));
        Release(one);
        Release(other);
        return result;
    }

    private static JsonDecoder DecoderOf(PhysicalSource source, MemoryScope scope) => new(source.Declared, source.Read, new JsonDecoderOptions(), scope);

    private static PhysicalPlan Plan() => OperatorBenches.Plan(Sql, out _);

    private static EventTimeSpec TimeOf(PhysicalPlan plan) => new(plan.Sources[0].EventTime!.Value, "date_time", Lateness, long.MaxValue / 4);

    private static SinkSpec SinkOf(PhysicalInsert insert) =>
        new("results", "results", FormatBinding.CreateEncoder(new JsonFormatDefinition(), insert.Output, insert.Written), null, 1_000_000);

    private static void RunAlone(PhysicalPlan plan, List<Batch> batches, IDecoder decoder, MemoryScope scope)
    {
        var (source, insert) = (plan.Sources[0], plan.Inserts[0]);
        var times = new EventTimeOperator("time", "bids", source.Columns, TimeOf(plan), new EventTimeFeedback([Watermark.None]), new Dictionary<int, long>());
        using var chain = new OperatorChain([new DecodeOperator("decode", decoder), times, .. insert.Before.Concat(insert.After).Select(f => f.Create()),
            new EncodeOperator("sink", insert.Output, SinkOf(insert))], new OperatorContext(scope, new RowCounts(), KeyGroupRange.All), new NoFaults(), (_, _) => { });
        foreach (var batch in batches)
        {
            Drive(chain, RawOf(batch, scope));
            Drive(chain, new Watermark(Bids.At(batch.Records!.NextOffset - 1).Time - Lateness));
        }
        Drive(chain, new Watermark(Watermark.Finished));
    }

    private static void Drive(OperatorChain chain, StreamElement element)
    {
        chain.Push(element);
        while (chain.TryPull(out var result)) (result as Batch)?.Dispose();
    }

    /// <summary>The records of a prepared batch of columns, or the raw batch itself.</summary>
    private static Batch RawOf(Batch batch, MemoryScope scope) => batch.Role == BatchRole.Raw ? batch.Share()
        : Batch.OfRecords(batch.Records!, scope.RentArena(), BatchRole.Raw);

    private static BenchResult InSystem(Func<Akka.Actor.ActorSystem, BenchResult> measure)
    {
        var system = EngineSystem.Start(PipelineFile.Load(Project.File("hocon/pipelines/flights.conf")).Document,
            Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);
        try
        {
            return measure(system);
        }
        finally
        {
            system.Terminate().GetAwaiter().GetResult();
        }
    }

    private static async Task RunAsync(Akka.Actor.ActorSystem system, PhysicalPlan plan, List<List<Batch>> partitions, Func<PhysicalSource, IDecoder> decoder,
        MemoryScope scope, int lanes)
    {
        await using var source = new PreparedSource(partitions, batch => RawOf(batch, scope));
        await using var log = new DiscardingLog();
        var layout = await source.OpenAsync(CancellationToken.None);
        var positions = layout.Starts.ToDictionary(s => s.Key, s => new PartitionPosition(s.Value, Watermark.None, []));
        var (graph, _, _) = PipelineGraph.Build(new GraphSpec
        {
            Plan = plan,
            Sources = new Dictionary<string, SourceRun>
            {
                ["bids"] = new(source, layout, positions, Watermark.None)
                {
                    EventTime = new EventTimeSettings(Lateness, TimeSpan.MaxValue, long.MaxValue / 4),
                },
            },
            EventTimes = new Dictionary<string, EventTimeSpec> { ["bids"] = TimeOf(plan) },
            CreateDecoder = decoder,
            SinkOf = SinkOf,
            CreateSideOutputs = () => new NoFaults(),
            DeadLetterTopic = "bench.dlq",
            Log = log,
            Commit = new CommitSettings(plan.Hash, 0, [("results", "bids")], 1, TimeSpan.FromSeconds(1), new CommitLogState(1, null)),
            State = RestoredState.Empty,
            Scope = scope,
            Time = TimeProvider.System,
            Lanes = lanes,
        });
        using var materializer = await StageStart.CreateAsync(system, "bench");
        await graph.Run(materializer);
        materializer.Shutdown();
        await StageEnd.WaitAsync(materializer, system);
    }

    private static void Release(List<List<Batch>> partitions)
    {
        foreach (var batch in partitions.SelectMany(p => p)) batch.Dispose();
    }

    /// <summary>Columns that were made before stand for what a decoder would make of the records.</summary>
    private sealed class PreparedDecoder(Schema schema, List<Batch> batches) : IDecoder
    {
        public Schema Output => schema;

        public unsafe Batch Decode(Batch raw, IEmitter output)
        {
            var index = (int)(raw.Records!.Offsets[0] / Batch.DefaultRows);
            raw.Dispose();
            return batches[index].Share();
        }
    }

    /// <summary>Batches that lie in memory, all of them ready.</summary>
    private sealed class PreparedSource(List<List<Batch>> partitions, Func<Batch, Batch> raw) : IBoundedSource
    {
        private readonly int[] _next = new int[partitions.Count];
        private ISourceListener? _listener;

        public string Name => "bids";

        public Task<SourceLayout> OpenAsync(CancellationToken cancellation) =>
            Task.FromResult(new SourceLayout("bids", "bids", partitions.Count, Enumerable.Range(0, partitions.Count).ToDictionary(p => p, _ => 0L)));

        public void Start(IReadOnlyDictionary<int, OffsetAndEpoch> positions, ISourceListener listener)
        {
            _listener = listener;
            for (var partition = 0; partition < partitions.Count; partition++) listener.OnReady(partition);
        }

        public bool TryTake(int partition, out Batch? batch)
        {
            batch = null;
            if (_next[partition] == partitions[partition].Count) return false;
            batch = raw(partitions[partition][_next[partition]++]);
            if (_next[partition] == partitions[partition].Count) _listener!.OnEndOfPartition(partition, EndOf(partition));
            return true;
        }

        public long EndOf(int partition) => partitions[partition][^1].Records!.NextOffset;

        public void QueryEnds(int partition) => _listener!.OnEnds(partition, EndOf(partition), EndOf(partition));

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    /// <summary>Takes everything and keeps nothing.</summary>
    private sealed class DiscardingLog : ICommitLog
    {
        private ICommitLogListener? _listener;

        public EpochClaim? Claim => null;

        public long StateEnd { get; private set; }

        public Task<CommitLogState> OpenAsync(EpochClaim? before, CancellationToken cancellation) => Task.FromResult(new CommitLogState(1, null));

        public Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation) => Task.CompletedTask;

        public void Listen(ICommitLogListener listener) => _listener = listener;

        public bool TryAppend(Batch records)
        {
            if (records.Role == BatchRole.Changelog) StateEnd += records.Records!.Count;
            records.Dispose();
            return true;
        }

        public void Commit(EpochManifest manifest) => _listener!.OnCommitted(manifest.Epoch);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
