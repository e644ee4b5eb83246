using Akka.Actor;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Pipelines.Testing;
using StreamEngine.Plan.Definitions;

namespace StreamEngine;

/// <summary>
/// A partition that is added to a topic while its pipeline runs: the next incarnation reads it from its beginning, also where the pipeline started at the end.
/// </summary>
public sealed class AddedPartitionTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly PipelineFile File = PipelineFile.Parse("""
        pipeline {
          name = p
          sources.t { topic = t, schema = "n INT", start-from = latest }
          sql = "INSERT INTO out SELECT n FROM t"
          sinks.out { topic = out }
        }
        """, "p.conf");

    private readonly MemoryLog _log = new();
    private ActorSystem _system = null!;

    public Task InitializeAsync()
    {
        _system = EngineSystem.Start(PipelineFile.Defaults(), NullLoggerFactory.Instance);
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => _system.Terminate();

    [Fact]
    public async Task It_is_read_from_its_beginning()
    {
        _log.Create("t", 2);
        _log.Append("t", 0, new MemoryRecord(null, """{"n":0}"""u8.ToArray(), [], 1000));
        _log.Append("t", 1, new MemoryRecord(null, """{"n":1}"""u8.ToArray(), [], 1000));
        var connectors = new GrowingConnectors(new MemoryConnectors(_log, Batch.DefaultRows, TimeProvider.System));
        var worker = new PipelineWorker(File.Definition, File.Plan, connectors, _system, TimeProvider.System, NullLogger.Instance)
        {
            FirstPause = TimeSpan.Zero,
            OnRunning = _ =>
            {
                if (connectors.Partitions == 2) _log.Finish();
            },
        };
        var run = worker.RunAsync(CancellationToken.None).WaitAsync(Patience);
        while (!_log.ReadAll("p.epochs").Any(r => ManifestJson.Read(r.Value).Manifest is not null) && !run.IsCompleted) await Task.Delay(1);
        connectors.Partitions = 2;
        worker.Crash();
        await run;
        // What lay in the first partition was before its start.
        Assert.Equal("""{"n":1}"""u8.ToArray(), Assert.Single(_log.ReadAll("out")).Value);
    }

    /// <summary>Sources that have the first partitions of their topic.</summary>
    private sealed class GrowingConnectors(IConnectors inner) : IConnectors
    {
        private volatile int _partitions = 1;

        public int Partitions
        {
            get => _partitions;
            set => _partitions = value;
        }

        public ISource CreateSource(PipelineDefinition pipeline, SourceDefinition source, MemoryScope scope) =>
            new FirstPartitions((IBoundedSource)inner.CreateSource(pipeline, source, scope), Partitions);

        public ICommitLog CreateLog(PipelineDefinition pipeline, int slot) => inner.CreateLog(pipeline, slot);
    }

    private sealed class FirstPartitions(IBoundedSource inner, int count) : IBoundedSource
    {
        public string Name => inner.Name;

        public async Task<SourceLayout> OpenAsync(CancellationToken cancellation)
        {
            var all = await inner.OpenAsync(cancellation);
            var begins = all.Starts.Where(s => s.Key < count).ToDictionary();
            return new SourceLayout(all.Topic, all.TopicId, count, begins.ToDictionary(b => b.Key, _ => 1L)) { Begins = begins };
        }

        public void Start(IReadOnlyDictionary<int, OffsetAndEpoch> positions, ISourceListener listener) => inner.Start(positions, listener);

        public bool TryTake(int partition, out Batch? batch) => inner.TryTake(partition, out batch);

        public void QueryEnds(int partition) => inner.QueryEnds(partition);

        public long EndOf(int partition) => inner.EndOf(partition);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
