using Akka.Actor;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Plan.Physical;
using StreamEngine.Sql.Planning;

namespace StreamEngine;

/// <summary>Runs pipelines inside of any program.</summary>
public sealed class StreamEngineHost
{
    private readonly IReadOnlyList<(Pipeline Pipeline, PhysicalPlan Plan)> _pipelines;
    private readonly ILoggerFactory _loggers;
    private readonly TimeProvider _time;

    /// <summary>Plans the pipelines.</summary>
    /// <param name="pipelines">One or more, of different names.</param>
    /// <param name="loggers">Where logs go; null for nowhere.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <exception cref="ArgumentException">A pipeline has errors: all of them, with the text that they are in.</exception>
    public StreamEngineHost(IEnumerable<Pipeline> pipelines, ILoggerFactory? loggers = null, TimeProvider? time = null)
    {
        _loggers = loggers ?? NullLoggerFactory.Instance;
        _time = time ?? TimeProvider.System;
        _pipelines = [.. pipelines.Select(p => (p, PlanOf(p)))];
        if (_pipelines.Select(p => p.Pipeline.Name).Distinct().Count() < _pipelines.Count)
            throw new ArgumentException("two pipelines have the same name: their state and offsets would be the same");
    }

    private static PhysicalPlan PlanOf(Pipeline pipeline)
    {
        try
        {
            return PhysicalPlanner.Plan(pipeline.Definition, SqlPlanner.Plan);
        }
        catch (PlanException e)
        {
            throw new ArgumentException($"pipeline '{pipeline.Name}':\n{string.Join('\n', e.Errors.Select(x => $"  {x.Text.ToString().ToLowerInvariant()} {x.Owner} {x.Name} at {x.Error.Offset}: {x.Error.Message}{(x.Error.Hint is null ? "" : $"\n    {x.Error.Hint}")}"))}", e);
        }
    }

    /// <summary>Runs until the cancellation, which drains: what was read is committed, open windows stay in state.</summary>
    /// <exception cref="Core.StartupException">A pipeline cannot start or go on; the message says what to do.</exception>
    /// <exception cref="Core.FencedException">Another process has taken over a pipeline; this one must not be started again.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        var system = EngineSystem.Start(PipelineFile.Defaults(), _loggers);
        try
        {
            var connectors = new KafkaConnectors(_time, _loggers);
            await WorkerGroup.RunAsync(_pipelines.Select(p =>
                new PipelineWorker(p.Pipeline.Definition, p.Plan, connectors, system, _time, _loggers.CreateLogger<PipelineWorker>())), stop);
        }
        finally
        {
            await system.Terminate();
        }
    }
}
