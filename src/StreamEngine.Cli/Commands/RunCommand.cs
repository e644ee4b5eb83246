using System.CommandLine;
using Microsoft.Extensions.Logging;
using StreamEngine.Broker;
using StreamEngine.Cli.Logging;
using StreamEngine.Cli.Processes;
using StreamEngine.Cli.Terminal;
using StreamEngine.Core;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;

namespace StreamEngine.Cli.Commands;

/// <summary>run: pipelines in the foreground until SIGTERM.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var files = new Argument<string[]>("file") { Description = "The pipeline files.", Arity = ArgumentArity.OneOrMore };
        var environment = PipelineCommands.Environment();
        var settings = PipelineCommands.Settings();
        var bootstrap = CommonOptions.WithAddresses(new Option<string?>("--bootstrap") { Description =
            "The Kafka brokers, HOST:PORT[,HOST:PORT..]; the file's or 127.0.0.1:9092 by default." });
        var ready = new Option<string?>("--ready-file") { Description = "A file that is made when all pipelines run." };
        var embedded = new Option<bool>("--embedded") { Description = "Host the embedded broker in this process, at the port of the bootstrap address." };
        var data = new Option<string?>("--data") { Description = "With --embedded: the broker's folder (default: .streamengine/broker)." };
        var startFrom = new Option<string?>("--start-from") { Description =
            "earliest, latest or a time: where a pipeline that never committed starts, whatever its file and its consumer group say." };
        var reset = new Option<bool>("--reset") { Description =
            "Forget the pipeline's state, manifests and offsets before it starts; its outputs stay, and will be written again." };
        var preview = new Option<long?>("--preview") { Description = "Show so many rows of each output, and as many faults at most, and end; nothing is written, no topic or group is made." };
        preview.Validators.Add(r =>
        {
            if (r.Tokens.Count > 0 && long.TryParse(r.Tokens[0].Value, out var rows) && rows < 1) r.AddError("--preview is a number of rows from 1");
        });
        var command = new Command("run",
            "Runs pipelines in the foreground. SIGTERM and Ctrl-C drain them: what was read is committed, open windows stay in state, the exit code is 0.\n\nExample:\n  ./engine run hocon/pipelines/flights.conf --bootstrap 127.0.0.1:9092")
        {
            files, environment, settings, bootstrap, ready, embedded, data, startFrom, reset, preview,
        };
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            var all = new List<string>(parsed.GetValue(settings) ?? []);
            if (parsed.GetValue(bootstrap) is { } address) all.Add($"kafka.bootstrap={address}");
            var pipelines = parsed.GetValue(files)!.Select(f => PipelineFile.Load(f, parsed.GetValue(environment), all)).ToList();
            if (pipelines.GroupBy(p => p.Definition.QualifiedName).FirstOrDefault(g => g.Count() > 1) is { } twice)
                throw new StartupException($"two of the files are named '{twice.Key}': their state and offsets would be the same");
            if (parsed.GetValue(startFrom) is { } place)
                pipelines = [.. pipelines.Select(p => p with { Definition = p.Definition with { StartDecided = true,
                Sources = [.. p.Definition.Sources.Select(s => s with { StartFrom = place })] } })];
            var display = ProgressDisplay.IsPossible && parsed.GetValue(preview) is null;
            using var logs = Logs.Create(Setting(pipelines[0], "logging.level"), Setting(pipelines[0], "logging.folder"), console: !display);
            await using var broker = parsed.GetValue(embedded) ? await StartBrokerAsync(pipelines[0].Definition.Bootstrap, parsed.GetValue(data), logs) : null;
            if (parsed.GetValue(preview) is { } rows) return await PreviewRun.ShowAsync(pipelines, rows, signal);
            if (parsed.GetValue(reset))
                foreach (var pipeline in pipelines) await new KafkaConnectors(TimeProvider.System, logs).ResetAsync(pipeline.Definition, CancellationToken.None);
            try
            {
                return await RunAsync(pipelines, parsed.GetValue(ready), display, signal, logs);
            }
            catch (FencedException e) when (broker is not null)
            {
                // The one that took over may well be a client of this process's broker: it goes on until it is asked to end.
                await Console.Error.WriteLineAsync($"{e.Message}\nthe embedded broker stays until SIGTERM or Ctrl-C");
                await signal.Task;
                return ExitCodes.Fenced;
            }
        }));
        return command;
    }

    private static string Setting(PipelineFile pipeline, string path) => pipeline.Document.Root.Find(path.Split('.')) is Config.ConfigText text ? text.Text : "";

    private static async Task<BrokerHost> StartBrokerAsync(string bootstrap, string? data, ILoggerFactory logs)
    {
        var port = int.TryParse(bootstrap[(bootstrap.LastIndexOf(':') + 1)..], out var p) ? p : 9092;
        return await BrokerHost.StartAsync(new BrokerOptions { Port = port, DataDirectory = data ?? Path.Combine(".streamengine", "broker") }, logs, TimeProvider.System);
    }

    private static async Task<int> RunAsync(List<PipelineFile> pipelines, string? readyFile, bool display, StopSignal signal, ILoggerFactory logs)
    {
        using var ready = readyFile is null ? null : new ReadyFile(readyFile);
        var system = EngineSystem.Start(pipelines[0].Document, logs);
        try
        {
            var waiting = pipelines.Count;
            // A pipeline counts once, however many incarnations it takes.
            Action<long> Started()
            {
                var started = 0;
                return _ =>
                {
                    if (Interlocked.Exchange(ref started, 1) == 0 && Interlocked.Decrement(ref waiting) == 0) ready?.Write($"{Environment.ProcessId}\n");
                };
            }
            var connectors = new KafkaConnectors(TimeProvider.System, logs);
            var workers = pipelines.Select(p => new PipelineWorker(p.Definition, p.Plan, connectors, system, TimeProvider.System,
                logs.CreateLogger<PipelineWorker>()) { OnRunning = Started() }).ToList();
            await using var progress = display ? new ProgressDisplay(workers, TimeProvider.System) : null;
            await WorkerGroup.RunAsync(workers, signal.Token);
            return ExitCodes.Done;
        }
        finally
        {
            await system.Terminate();
        }
    }
}
