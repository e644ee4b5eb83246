using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace StreamEngine;

/// <summary>Adds the engine to a .NET host.</summary>
public static class StreamEngineServices
{
    /// <summary>
    /// Runs pipelines as a hosted service: they start with the host, and its stop drains them. Called again, by another part of the program, it answers the same builder:
    /// a host runs one engine, with all pipelines that were added anywhere.
    /// </summary>
    public static StreamEngineBuilder AddStreamEngine(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.FirstOrDefault(s => !s.IsKeyedService && s.ServiceType == typeof(StreamEngineBuilder))?.ImplementationInstance is StreamEngineBuilder added)
            return added;
        var builder = new StreamEngineBuilder();
        services.AddSingleton(builder);
        services.AddHostedService<EngineService>();
        return builder;
    }

    /// <summary>The process's exit code after a pipeline was taken over by another process: it is not to be started again.</summary>
    public const int FencedExitCode = 3;

    private sealed class EngineService(StreamEngineBuilder builder, ILoggerFactory loggers) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            try
            {
                await new StreamEngineHost(builder.Pipelines, loggers).RunAsync(stoppingToken);
            }
            catch (Core.FencedException)
            {
                // The host stops: a supervisor must see that this one is not to be started again.
                Environment.ExitCode = FencedExitCode;
                throw;
            }
        }
    }
}

/// <summary>The pipelines of a host.</summary>
public sealed class StreamEngineBuilder
{
    internal List<Pipeline> Pipelines { get; } = [];

    /// <summary>Adds a pipeline.</summary>
    public StreamEngineBuilder AddPipeline(Pipeline pipeline)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        Pipelines.Add(pipeline);
        return this;
    }
}
