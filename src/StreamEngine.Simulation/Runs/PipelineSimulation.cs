using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Pipelines.Testing;
using StreamEngine.Simulation.Faults;
using StreamEngine.Simulation.Scheduling;

namespace StreamEngine.Simulation.Runs;

/// <summary>
/// Runs a pipeline's real graph by its real worker on a seeded system, over a memory log behind a bad network, while the world appends its input, until the input is read and the last window is committed. Blows
/// come at the steps asked for.
/// </summary>
internal sealed class PipelineSimulation
{
    private readonly IReadOnlyList<PipelineFile> _files;
    private readonly IReadOnlyList<InputRecord> _input;
    private readonly SimulationOptions _options;
    private readonly MemoryLog _log = new();
    private readonly VirtualClock _clock = new();
    private readonly FaultyBroker _broker;
    private readonly Random _feed;
    private readonly List<string> _errors = [];
    private readonly Queue<(long Step, Blow Blow)> _blows;
    private int _fed;
    private int _restarts;
    private long _steps;
    private ulong _trace;
    private TimeSpan _elapsed;

    private PipelineSimulation(IReadOnlyList<PipelineFile> files, IReadOnlyList<InputRecord> input, SimulationOptions options)
    {
        _files = files;
        _input = input;
        _options = options;
        _broker = new FaultyBroker(options.Faults, Mixing.Mix(options.Seed ^ 1), _clock);
        _feed = new Random(unchecked((int)Mixing.Mix(options.Seed ^ 2)));
        _blows = new Queue<(long, Blow)>(options.Blows.OrderBy(b => b.Step));
        foreach (var source in files[0].Definition.Sources) _log.Create(source.Topic, options.Partitions);
    }

    /// <param name="files">The pipeline; each process takes the next one in turn, which may differ in parallelism and the like.</param>
    /// <param name="input">What the world writes.</param>
    /// <param name="options">Seed, faults and blows.</param>
    /// <exception cref="SimulationException">The run hung or cannot be repeated.</exception>
    public static SimulationResult Run(IReadOnlyList<PipelineFile> files, IReadOnlyList<InputRecord> input, SimulationOptions options) => new PipelineSimulation(files, input, options).Run();

    private SimulationResult Run()
    {
        for (var process = 0; ; process++)
            if (RunProcess(process)) return Result();
    }

    /// <summary>One process; false when it was killed or drained.</summary>
    private bool RunProcess(int process)
    {
        var connectors = new FaultyConnectors(_log, _options.BatchRows, _broker, _clock);
        var system = SimulatedSystem.Boot(Mixing.Mix(_options.Seed ^ (ulong)process << 32), _clock);
        var file = _files[process % _files.Count];
        var worker = new PipelineWorker(file.Definition, file.Plan, connectors, system.System, _clock, new ErrorLog(_errors));
        using var drain = new CancellationTokenSource();
        var run = system.Tasks.Start(() => worker.RunAsync(drain.Token));
        var feed = system.Tasks.Start(FeedAsync);
        bool killed;
        try
        {
            killed = !RunToEnd(system, worker, drain, () => run.IsCompleted);
        }
        catch (SimulationException e)
        {
            throw new SimulationException($"seed {_options.Seed}, {process} kills before, {worker.Restarts} restarts: {e.Message}\n{string.Join("\n", _errors)}");
        }
        finally
        {
            _steps += system.Tasks.Steps;
            _elapsed = _clock.Elapsed;
            _trace = Mixing.Mix(_trace ^ system.Tasks.Trace);
            _restarts += worker.Restarts;
        }
        if (feed.IsFaulted) throw new SimulationException($"seed {_options.Seed}: the feed failed: {feed.Exception}");
        // A worker that fails while it drains does not start again: its process ends with an error, and the next one goes on.
        if (run.Exception is { } failure && !drain.IsCancellationRequested) throw new SimulationException($"seed {_options.Seed}: the worker ended: {failure}");
        // The system is left as it stands, also behind a regular end: its own termination needs the thread pool and could not be repeated, and the world would go on meanwhile.
        var ended = run is { IsCompletedSuccessfully: true, Result: { Finished: true } };
        connectors.FreeMemory();
        return ended;
    }

    private bool RunToEnd(SimulatedSystem system, PipelineWorker worker, CancellationTokenSource drain, Func<bool> goal)
    {
        while (_blows.TryPeek(out var blow))
        {
            if (system.Run(goal, blow.Step - _steps)) return true;
            _blows.Dequeue();
            switch (blow.Blow)
            {
                case Blow.Kill:
                    return false;
                case Blow.Crash:
                    worker.Crash();
                    break;
                default:
                    drain.Cancel();
                    break;
            }
        }
        return system.Run(goal);
    }

    /// <summary>The world does not stop for a process that dies.</summary>
    private async Task<bool> FeedAsync()
    {
        while (_fed < _input.Count)
        {
            var end = Math.Min(_input.Count, _fed + 1 + _feed.Next(_options.FeedRows));
            while (_fed < end)
            {
                var record = _input[_fed++];
                _log.Append(record.Topic, record.Partition, new MemoryRecord(null, record.Value, [], record.Timestamp));
            }
            await Task.Delay(new TimeSpan(_feed.NextInt64(_options.FeedPause.Ticks + 1)), _clock);
        }
        _log.Finish();
        return true;
    }

    private SimulationResult Result()
    {
        var manifests = _log.ReadAll($"{_files[0].Definition.QualifiedName}.epochs").Select(r => ManifestJson.Read(r.Value).Manifest).OfType<EpochManifest>().ToList();
        return new SimulationResult(_trace, _steps, _elapsed, _restarts, _log, manifests, _broker, _errors);
    }

    /// <summary>Keeps what the worker logs as an error.</summary>
    private sealed class ErrorLog(List<string> errors) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) errors.Add($"{formatter(state, exception)}: {exception}");
        }
    }
}
