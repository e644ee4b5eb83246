using System.Text;
using System.Text.Json;
using Akka.Streams;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Pipelines.Testing;
using StreamEngine.Plan.Definitions;
using StreamEngine.Simulation.Scheduling;

namespace StreamEngine.Compliance.Tests.Stages;

/// <summary>A whole pipeline with much to read and a log that takes nothing: what it holds is bounded by lanes, buffers and batches, not by the input.</summary>
public sealed class StalledSinkTests
{
    private const int Partitions = 4;
    private const int BatchRows = 256;
    private const int BatchesOfPartition = 100;
    private const int Keys = 10;

    /// <summary>Elements that one lane's stages hold themselves: each chain, fork, exchange and fan-in at most one per port.</summary>
    private const int HeldByLane = 12;

    /// <summary>A batch as it came, decoded, selected from for an exchange and encoded; rows as short as these fill no arena's first block.</summary>
    private const int BytesOfBatch = 4 * (64 << 10);

    /// <summary>Decoders, and windows of a few keys.</summary>
    private const int BytesOfLane = 2 << 20;

    private sealed class StallingConnectors(IConnectors inner, int takes) : IConnectors
    {
        public StallingLog Log { get; private set; } = null!;

        public CountingSource Source { get; private set; } = null!;

        public ISource CreateSource(PipelineDefinition pipeline, SourceDefinition source, MemoryScope scope) =>
            Source = new CountingSource((IBoundedSource)inner.CreateSource(pipeline, source, scope), scope);

        public ICommitLog CreateLog(PipelineDefinition pipeline, int slot) => Log = new StallingLog(inner.CreateLog(pipeline, slot), takes);
    }

    /// <summary>Counts what is taken of it.</summary>
    private sealed class CountingSource(IBoundedSource inner, MemoryScope scope) : IBoundedSource
    {
        public MemoryScope Scope => scope;

        public int Taken { get; private set; }

        public string Name => inner.Name;

        public Task<SourceLayout> OpenAsync(CancellationToken cancellation) => inner.OpenAsync(cancellation);

        public void Start(IReadOnlyDictionary<int, OffsetAndEpoch> positions, ISourceListener listener) => inner.Start(positions, listener);

        public bool TryTake(int partition, out Batch? batch)
        {
            if (!inner.TryTake(partition, out batch)) return false;
            Taken++;
            return true;
        }

        public void QueryEnds(int partition) => inner.QueryEnds(partition);

        public long EndOf(int partition) => inner.EndOf(partition);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }

    /// <summary>Takes so many batches, then none until it goes on.</summary>
    private sealed class StallingLog(ICommitLog inner, int takes) : ICommitLog
    {
        private ICommitLogListener? _listener;
        private bool _goesOn;

        public int Taken { get; private set; }

        public int Refused { get; private set; }

        public EpochClaim? Claim => inner.Claim;

        public long StateEnd => inner.StateEnd;

        public Task<CommitLogState> OpenAsync(EpochClaim? before, CancellationToken cancellation) => inner.OpenAsync(before, cancellation);

        public Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation) => inner.ReadStateAsync(from, apply, cancellation);

        public void Listen(ICommitLogListener listener) => inner.Listen(_listener = listener);

        public bool TryAppend(Batch records)
        {
            if (!_goesOn && Taken >= takes)
            {
                Refused++;
                return false;
            }
            Taken++;
            return inner.TryAppend(records);
        }

        public void GoOn()
        {
            _goesOn = true;
            _listener!.OnWritable();
        }

        public void Commit(EpochManifest manifest) => inner.Commit(manifest);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }

    private static PipelineFile Pipeline(int lanes) => PipelineFile.Parse(""""
        pipeline {
          name = p
          sources.t { topic = t, schema = "n INT, k STRING", event-time { out-of-orderness = 1h } }
          sql = """
            INSERT INTO all_rows SELECT n, k FROM t;
            INSERT INTO counts SELECT window_start, k, count(*) AS rows FROM TUMBLE(t, _timestamp, INTERVAL '1' HOUR) GROUP BY window_start, k
          """
          sinks.all_rows { topic = all_rows }
          sinks.counts { topic = counts }
        }
        """", "p.conf", [$"parallelism={lanes}"]);

    private static MemoryLog Input()
    {
        var log = new MemoryLog();
        log.Create("t", Partitions);
        for (var i = 0; i < Partitions * BatchesOfPartition * BatchRows; i++)
            log.Append("t", i % Partitions, new MemoryRecord(null, Encoding.UTF8.GetBytes($$"""{"n":{{i}},"k":"key {{i % Keys}}"}"""), [], 1_000_000));
        log.Finish();
        return log;
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 25)]
    [InlineData(3, 0)]
    [InlineData(3, 25)]
    public void What_a_pipeline_holds_before_a_sink_that_stalls_is_bounded_and_all_goes_through_when_it_goes_on(int lanes, int takes)
    {
        var log = Input();
        var clock = new VirtualClock();
        using var system = SimulatedSystem.Boot(7, clock);
        var connectors = new StallingConnectors(new MemoryConnectors(log, BatchRows, clock), takes);
        var file = Pipeline(lanes);
        var worker = new PipelineWorker(file.Definition, file.Plan, connectors, system.System, clock, NullLogger.Instance);
        var run = system.Tasks.Start(() => worker.RunAsync(CancellationToken.None));
        // Nothing can run any more but for timers: ten minutes of those change nothing.
        system.Settle();
        system.Pass(TimeSpan.FromMinutes(10));
        Assert.False(run.IsCompleted);
        Assert.True(connectors.Log.Refused > 0);
        var (scope, taken) = (connectors.Source.Scope, connectors.Source.Taken);
        var buffer = ActorMaterializerSettings.Create(system.System).MaxInputBufferSize;
        // Into the lane, out of it, and to and from each lane behind an exchange.
        var elements = lanes == 1 ? HeldByLane : lanes * (HeldByLane + 2 * buffer + (lanes + 1) * buffer);
        Assert.InRange(taken - connectors.Log.Taken, 1, elements);
        Assert.InRange(scope.BytesOut, 1, (long)elements * BytesOfBatch + lanes * BytesOfLane);

        connectors.Log.GoOn();
        Assert.True(system.Run(() => run.IsCompleted));
        Assert.True(run.IsCompletedSuccessfully, run.Exception?.ToString());
        Assert.Equal(Partitions * BatchesOfPartition, connectors.Source.Taken);
        // Nor is more held at any moment of the whole run.
        Assert.InRange(scope.PeakBytes, 1, (long)elements * BytesOfBatch + lanes * BytesOfLane);
        Assert.Equal(Enumerable.Range(0, Partitions * BatchesOfPartition * BatchRows), log.ReadAll("all_rows").Select(r => Field(r, "n")).Order());
        Assert.Equal(Enumerable.Repeat(Partitions * BatchesOfPartition * BatchRows / Keys, Keys), log.ReadAll("counts").Select(r => Field(r, "rows")));
    }

    private static int Field(MemoryRecord record, string name)
    {
        using var json = JsonDocument.Parse(record.Value);
        return json.RootElement.GetProperty(name).GetInt32();
    }
}
