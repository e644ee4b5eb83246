using StreamEngine.Compute.Filters;
using StreamEngine.Compute.Syntax;
using StreamEngine.Core;
using StreamEngine.Formats.Json;
using StreamEngine.Operators.Windows;
using StreamEngine.Plan.Definitions;
using StreamEngine.Plan.Physical;
using StreamEngine.Sql.Planning;
using StreamEngine.Streams;

namespace StreamEngine.Cli.Bench;

/// <summary>Decoding and operators on one thread, without Akka and Kafka.</summary>
internal static class OperatorBenches
{
    // As much as fits into the second-level cache several times over, and no more: what is measured is the work, not the memory.
    private const int DecodedAtOnce = 64 * Batch.DefaultRows;
    public const long Lateness = 4_000_000;

    public static BenchResult JsonDecode(long rows)
    {
        using var scope = new MemoryScope("bench");
        var raw = BidBatches.Raw(Math.Min(rows, DecodedAtOnce), scope);
        var schema = TypeParser.ParseSchema(Bids.Schema);
        var decoder = new JsonDecoder(schema, [.. schema.Select(_ => true)], new JsonDecoderOptions(), scope);
        var emitter = new NoFaults();
        return Repeat("json-decode", rows, raw, batch => decoder.Decode(batch, emitter).Dispose());
    }

    /// <summary>22% of the rows pass, and of those two columns are read.</summary>
    public static BenchResult Filter(long rows)
    {
        using var scope = new MemoryScope("bench");
        var plan = Plan("INSERT INTO results SELECT auction, price FROM bids WHERE price > 3160000 AND bidder % 2 = 1", out var source);
        var batches = BidBatches.Columns(Math.Min(rows, DecodedAtOnce), source.Columns, scope);
        using var chain = Chain(plan, scope);
        var sum = 0L;
        return Repeat("filter", rows, batches, batch =>
        {
            chain.Push(batch);
            while (chain.TryPull(out var result))
            {
                if (result is not Batch passed) continue;
                sum += SumOfTwo(passed);
                passed.Dispose();
            }
        });
    }

    private static unsafe long SumOfTwo(Batch batch)
    {
        var sum = 0L;
        var first = batch[0].As<long>();
        var second = batch[1].As<long>();
        var selection = batch.Selection;
        for (var i = 0; i < batch.Count; i++)
        {
            var row = selection is null ? i : selection[i];
            sum += first[row] + second[row];
        }
        return sum;
    }

    public static BenchResult GroupWindow(long rows) => Windows("group-window", rows,
        "INSERT INTO results SELECT window_start, auction, count(*) AS bids, sum(price) AS total FROM TUMBLE(bids, date_time, INTERVAL '10' SECOND) GROUP BY window_start, auction");

    public static BenchResult GroupWindowTwo(long rows) => Windows("group-window-2", rows,
        "INSERT INTO results SELECT window_start, auction, bidder, count(*) AS bids, sum(price) AS total "
        + "FROM TUMBLE(bids, date_time, INTERVAL '10' SECOND) GROUP BY window_start, auction, bidder");

    /// <summary>The windows are kept and close, but nobody asks for their rows.</summary>
    public static BenchResult Sliding(long rows) => Windows("sliding", rows, Hop, emits: false);

    public static BenchResult SlidingEmit(long rows) => Windows("sliding-emit", rows, Hop);

    private const string Hop =
        "INSERT INTO results SELECT window_end, auction, count(*) AS bids, sum(price) AS total "
        + "FROM HOP(bids, date_time, INTERVAL '1' SECOND, INTERVAL '60' SECOND) GROUP BY window_end, auction";

    private static BenchResult Windows(string name, long rows, string sql, bool emits = true)
    {
        using var scope = new MemoryScope("bench");
        var plan = Plan(sql, out var source);
        var batches = BidBatches.Columns(rows, source.Columns, scope);
        var result = Measurement.Of(name, rows, () =>
        {
            using var chain = Chain(plan, scope);
            foreach (var window in chain.Operators.OfType<WindowAggregateOperator>()) window.Emits = emits;
            long n = 0;
            foreach (var batch in batches)
            {
                n += batch.Rows;
                Drive(chain, batch.Share());
                Drive(chain, new Watermark(Bids.At(n - 1).Time - Lateness));
            }
            Drive(chain, new Watermark(Watermark.Finished));
        });
        foreach (var batch in batches) batch.Dispose();
        return result;
    }

    /// <summary>The same batches over and over, until there were as many rows as asked for.</summary>
    private static BenchResult Repeat(string name, long rows, List<Batch> batches, Action<Batch> work)
    {
        var total = 0L;
        var result = Measurement.Of(name, rows, () =>
        {
            for (total = 0; total < rows;)
                foreach (var batch in batches)
                {
                    work(batch.Share());
                    total += batch.Rows;
                    if (total >= rows) break;
                }
        });
        foreach (var batch in batches) batch.Dispose();
        return result with { Rows = total };
    }

    /// <summary>A query over bids, as a pipeline would plan it.</summary>
    public static PhysicalPlan Plan(string sql, out PhysicalSource source)
    {
        var plan = PhysicalPlanner.Plan(new PipelineDefinition
        {
            Name = "bench",
            Sql = sql,
            DeadLetterTopic = "bench.dlq",
            LateTopic = "bench.late",
            Sinks = [new SinkDefinition { Name = "results", Topic = "results" }],
            Sources = [new SourceDefinition { Name = "bids", Topic = "bids", Schema = TypeParser.ParseSchema(Bids.Schema),
                EventTime = new EventTimeDefinition { Column = "date_time", OutOfOrderness = TimeSpan.FromMicroseconds(Lateness) } }],
        }, SqlPlanner.Plan);
        source = plan.Sources[0];
        return plan;
    }

    private static OperatorChain Chain(PhysicalPlan plan, MemoryScope scope) => new([.. plan.Inserts[0].Before.Concat(plan.Inserts[0].After).Select(f => f.Create())],
        new OperatorContext(scope, new RowCounts(), KeyGroupRange.All), new NoFaults(), (_, _) => { });

    private static void Drive(OperatorChain chain, StreamElement element)
    {
        chain.Push(element);
        while (chain.TryPull(out var result)) (result as Batch)?.Dispose();
    }
}

/// <summary>Every row of a benchmark is a good one.</summary>
internal sealed class NoFaults : IEmitter, ISideOutputs
{
    public void Emit(Batch batch) => batch.Dispose();

    public void Fault(Batch batch, int row, in Fault fault) => throw new InvalidOperationException($"row {row} of the benchmark failed: {fault.Message}");

    public void Add(Batch batch, int row, in Fault fault) => Fault(batch, row, fault);

    public bool TryTake(out Batch? batch)
    {
        batch = null;
        return false;
    }

    public void Dispose()
    {
    }
}
