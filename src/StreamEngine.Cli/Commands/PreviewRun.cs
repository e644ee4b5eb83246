using Microsoft.Extensions.Logging;
using StreamEngine.Cli.Logging;
using StreamEngine.Cli.Terminal;
using StreamEngine.Core;
using StreamEngine.Pipelines.Commands.Preview;
using StreamEngine.Pipelines.Commands.Topics;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;

namespace StreamEngine.Cli.Commands;

/// <summary>run --preview: rows and faults on the screen, nothing written.</summary>
internal static class PreviewRun
{
    public static async Task<int> ShowAsync(List<PipelineFile> pipelines, long rows, StopSignal signal)
    {
        using var logs = Logs.Create("warning");
        using var output = RecordOutput.Open();
        foreach (var pipeline in pipelines)
        {
            var log = new PreviewLog(rows, pipeline.Definition.Sinks.Select(s => s.Topic).Distinct().Count(), row => Show(output, row));
            await RunAsync(pipeline, log, signal, logs);
            output.Flush();
            if (!Console.IsErrorRedirected)
                await Console.Error.WriteLineAsync($"{log.Rows} rows and {log.Faults} faults shown{(log.Full.IsCompleted ? "" : ", which is all there is up to now")}; nothing was written");
        }
        return ExitCodes.Done;
    }

    private static async Task RunAsync(PipelineFile pipeline, PreviewLog log, StopSignal signal, ILoggerFactory logs)
    {
        var system = EngineSystem.Start(pipeline.Document, logs);
        try
        {
            using var end = CancellationTokenSource.CreateLinkedTokenSource(signal.Token);
            var worker = new PipelineWorker(pipeline.Definition, pipeline.Plan, new PreviewConnectors(new KafkaConnectors(TimeProvider.System, logs), log), system,
                TimeProvider.System, logs.CreateLogger<PipelineWorker>());
            var running = worker.RunAsync(end.Token);
            if (await Task.WhenAny(running, log.Full) != running) await end.CancelAsync();
            await running;
        }
        finally
        {
            await system.Terminate();
        }
    }

    private static void Show(RecordOutput output, PreviewRow row)
    {
        output.Line(row.Role == BatchRole.Output ? $"{row.Topic}  {RecordText.Of(row.Value)}"
            : $"{row.Topic}  {row.Position}  {row.Stage}: {row.Reason}  {RecordText.Of(row.Value)}");
    }
}
