using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Pipelines.Testing;
using StreamEngine.Simulation.Faults;
using StreamEngine.Simulation.Scheduling;

namespace StreamEngine.Simulation.Runs;

/// <summary>
/// Runs a pipeline's real graph by its real worker on a seeded system, over a memory log behind a bad network, while the world appends its input, until the input is read and the last window is committed. Crashes and
/// kills come at the steps asked for.
/// </summary>
internal sealed class PipelineSimulation
{
    private readonly PipelineFile _file;
    private readonly IReadOnlyList<InputRecord> _input;
    private readonly SimulationOptions _options;
    private readonly MemoryLog _log = new();
    private readonly VirtualClock _clock = new();
    private readonly FaultyBroker _broker;
    private readonly Random _feed;
    private readonly List<string> _errors = [];
    private readonly Queue<(long Step, bool Kill)> _faults;
    private int _fed;
    private int _restarts;
    private long _steps;
    private ulong _trace;
    private TimeSpan _elapsed;

    private PipelineSimulation(PipelineFile file, IReadOnlyList<InputRecord> input, SimulationOptions options)
    {
        _file = file;
        _input = input;
        _options = options;
        _broker = new FaultyBroker(options.Faults, Mixing.Mix(options.Seed ^ 1), _clock);
        _feed = new Random(unchecked((int)Mixing.Mix(options.Seed ^ 2)));
        _faults = new Queue<(long, bool)>(options.CrashAt.Select(s => (s, false)).Concat(options.KillAt.Select(s => (s, true))).OrderBy(f => f.Item1).ThenBy(f => f.Item2));
        foreach (var source in file.Definition.Sources) _log.Create(source.Topic, options.Partitions);
    }

    /// <exception cref="SimulationException">The run hung or cannot be repeated.</exception>
    public static SimulationResult Run(PipelineFile file, IReadOnlyList<InputRecord> input, SimulationOptions options) => new PipelineSimulation(file, input, options).Run();

    private SimulationResult Run()
    {
        for (var process = 0; ; process++)
            if (RunProcess(process)) return Result();
    }

    /// <summary>One process; false when it was killed.</summary>
    private bool RunProcess(int process)
    {
        var connectors = new FaultyConnectors(_log, _options.BatchRows, _broker, _clock);
        var system = SimulatedSystem.Boot(Mixing.Mix(_options.Seed ^ (ulong)process << 32), _clock);
        var worker = new PipelineWorker(_file.Definition, _file.Plan, connectors, system.System, _clock, new ErrorLog(_errors));
        var run = system.Tasks.Start(() => worker.RunAsync(CancellationToken.None));
        var feed = system.Tasks.Start(FeedAsync);
        bool killed;
        try
        {
            killed = !RunToEnd(system, worker, () => run.IsCompleted);
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
        if (!killed)
        {
            if (feed.IsFaulted) throw new SimulationException($"seed {_options.Seed}: the feed failed: {feed.Exception}");
            run.GetAwaiter().GetResult();
            system.Dispose();
        }
        connectors.FreeMemory();
        return !killed;
    }

    private bool RunToEnd(SimulatedSystem system, PipelineWorker worker, Func<bool> goal)
    {
        while (_faults.TryPeek(out var fault))
        {
            if (system.Run(goal, fault.Step - _steps)) return true;
            _faults.Dequeue();
            if (fault.Kill) return false;
            worker.Crash();
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
        var manifests = _log.ReadAll($"{_file.Definition.QualifiedName}.epochs").Select(r => ManifestJson.Read(r.Value).Manifest).OfType<EpochManifest>().ToList();
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
