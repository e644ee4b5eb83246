using Akka.Actor;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Simulation.Clients;
using StreamEngine.Simulation.Scheduling;
using StreamEngine.Streams;

namespace StreamEngine.Simulation.Runs;

/// <summary>One worker process of a run: its actor system, its clients and its worker.</summary>
internal sealed class SimulatedProcess
{
    private readonly CancellationTokenSource _drain = new();
    private readonly List<LoggedError> _errors;

    public SimulatedProcess(int number, SimulatedSystem system, PipelineFile file, SimulatedClient client, SimulatedConnectors connectors, List<LoggedError> errors,
        long? snapshotBytes)
    {
        (Number, System, Client, Connectors, _errors) = (number, system, client, connectors, errors);
        Worker = new PipelineWorker(file.Definition, file.Plan, connectors, system.System, system.Clock, new ErrorLog(number, errors)) { SnapshotBytes = snapshotBytes };
        Run = system.Tasks.Start(() => Worker.RunAsync(_drain.Token));
    }

    public int Number { get; }

    public SimulatedSystem System { get; }

    public SimulatedClient Client { get; }

    public SimulatedConnectors Connectors { get; }

    public PipelineWorker Worker { get; }

    public Task<RunEnd?> Run { get; }

    public bool IsDraining => _drain.IsCancellationRequested;

    public bool HasFinished => Run is { IsCompletedSuccessfully: true, Result.Finished: true };

    /// <summary>Ends by itself because another one has taken over.</summary>
    public bool IsFenced => Run.Exception?.InnerException is FencedException;

    /// <summary>It found no broker when it started: a process that ends so is started again by whoever watches over it.</summary>
    public bool MissedBroker => Run.Exception?.InnerException is StartupException { Message: SimulatedClient.NoBroker };

    /// <summary>
    /// Why it ended where that is no way to end; null for all regular ways. A worker that a fault hits while it drains does not start again: its process ends with an
    /// error, and the next one goes on.
    /// </summary>
    public string? Failure => Run.Exception is { } failure && !IsFenced && !(IsDraining && IsStruck(failure)) && !MissedBroker
        ? $"process {Number} ended: {failure.InnerException}" : null;

    public override string ToString() =>
        $"process {Number}: {Worker.Phase}, epoch {Worker.Progress?.Epoch}, ended {Worker.Progress?.Ended}, {Worker.Restarts} restarts, {Run.Status} {Run.Exception?.InnerException?.Message}";

    private bool IsStruck(Exception failure) => LoggedError.IsFaultOf(failure) || (Crashes > 0 && LoggedError.IsStopOf(failure));

    /// <summary>How often its graph was stopped by a blow.</summary>
    public int Crashes { get; private set; }

    public void Crash()
    {
        Crashes++;
        Worker.Crash();
    }

    public void Drain() => _drain.Cancel();

    /// <summary>Keeps what the worker logs as an error.</summary>
    private sealed class ErrorLog(int process, List<LoggedError> errors) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) errors.Add(new LoggedError(process, formatter(state, exception), exception));
        }
    }
}
