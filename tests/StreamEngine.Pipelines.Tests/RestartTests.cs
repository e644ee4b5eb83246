using Akka.Actor;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Pipelines.Testing;
using StreamEngine.Plan.Definitions;

namespace StreamEngine;

/// <summary>Which failures end a worker and which are followed by a new incarnation.</summary>
public sealed class RestartTests : IAsyncLifetime
{
    private static readonly PipelineFile File = PipelineFile.Parse("""
        pipeline {
          name = p
          sources.t { topic = t, schema = "n INT" }
          sql = "INSERT INTO out SELECT n FROM t"
          sinks.out { topic = out }
        }
        """, "p.conf");

    private readonly MemoryLog _log = new();
    private readonly ManualTime _time = new();
    private ActorSystem _system = null!;

    public Task InitializeAsync()
    {
        _system = EngineSystem.Start(PipelineFile.Defaults(), NullLoggerFactory.Instance);
        _log.Create("t", 1);
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => _system.Terminate();

    /// <summary>Logs whose openings fail as told, one after the other; then they open.</summary>
    private sealed class FailingConnectors(IConnectors inner, params Exception?[] failures) : IConnectors
    {
        private int _opened;

        public int Opened => _opened;

        public ISource CreateSource(PipelineDefinition pipeline, SourceDefinition source, MemoryScope scope) => inner.CreateSource(pipeline, source, scope);

        public ICommitLog CreateLog(PipelineDefinition pipeline, int slot)
        {
            var n = _opened++;
            return new FailingLog(inner.CreateLog(pipeline, slot), n < failures.Length ? failures[n] : null);
        }
    }

    private sealed class FailingLog(ICommitLog inner, Exception? failure) : ICommitLog
    {
        public EpochClaim? Claim => inner.Claim;

        public long StateEnd => inner.StateEnd;

        public Task<CommitLogState> OpenAsync(EpochClaim? before, CancellationToken cancellation) => failure is null ? inner.OpenAsync(before, cancellation)
            : Task.FromException<CommitLogState>(failure);

        public Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation) => inner.ReadStateAsync(from, apply, cancellation);

        public void Listen(ICommitLogListener listener) => inner.Listen(listener);

        public bool TryAppend(Batch records) => inner.TryAppend(records);

        public void Commit(EpochManifest manifest) => inner.Commit(manifest);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }

    private (PipelineWorker Worker, FailingConnectors Connectors) Worker(params Exception?[] failures)
    {
        var connectors = new FailingConnectors(new MemoryConnectors(_log, Batch.DefaultRows, _time), failures);
        return (new PipelineWorker(File.Definition, File.Plan, connectors, _system, _time, NullLogger.Instance) { FirstPause = TimeSpan.Zero }, connectors);
    }

    private static StartupException Outage() => new("no broker answers") { MayPass = true };

    [Fact]
    public async Task An_outage_ends_a_worker_that_never_ran()
    {
        var (worker, connectors) = Worker(Outage());
        await Assert.ThrowsAsync<StartupException>(() => worker.RunAsync(CancellationToken.None));
        Assert.Equal(1, connectors.Opened);
    }

    [Fact]
    public async Task An_outage_is_waited_out_by_one_that_ran()
    {
        var crashed = false;
        PipelineWorker worker = null!;
        var connectors = new FailingConnectors(new MemoryConnectors(_log, Batch.DefaultRows, _time), null, Outage(), Outage());
        worker = new PipelineWorker(File.Definition, File.Plan, connectors, _system, _time, NullLogger.Instance)
        {
            FirstPause = TimeSpan.Zero,
            OnRunning = _ =>
            {
                // The source comes to its end only then: what is finished cannot crash.
                if (crashed) _log.Finish();
                else worker.Crash();
                crashed = true;
            },
        };
        await worker.RunAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal((4, 3), (connectors.Opened, worker.Restarts));
    }

    [Fact]
    public async Task A_reason_for_a_person_and_a_successor_end_it()
    {
        var (worker, connectors) = Worker(new InvalidOperationException("once"), new FencedException("another"));
        await Assert.ThrowsAsync<FencedException>(() => worker.RunAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(2, connectors.Opened);
        (worker, connectors) = Worker(new InvalidOperationException("once"), new StartupException("rows are not conserved"));
        await Assert.ThrowsAsync<StartupException>(() => worker.RunAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(2, connectors.Opened);
    }
}
