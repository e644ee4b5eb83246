using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;
using StreamEngine.Cli.Logging;
using StreamEngine.Cli.Terminal;
using StreamEngine.Core;
using StreamEngine.Pipelines.Connectors;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Replay;
using StreamEngine.Pipelines.Running;
using StreamEngine.Streams;

namespace StreamEngine.Cli.Commands;

/// <summary>replay start, status, diff, promote, cancel.</summary>
internal static class ReplayCommands
{
    private const string Example = "./engine replay start hocon/pipelines/flights.conf --from 2001-01-02 --to 2001-01-03 --diff";

    public static Command Create()
    {
        var command = new Command("replay",
            $"Runs a pipeline's graph again over a stretch of its history, into topics of its own, and compares or promotes the result.\n\nExample:\n  {Example}");
        command.Subcommands.Add(Start());
        command.Subcommands.Add(Status());
        command.Subcommands.Add(Diff());
        command.Subcommands.Add(Promote());
        command.Subcommands.Add(Cancel());
        return command;
    }

    /// <summary>The pipeline file and how it is read: the same for all of them.</summary>
    private sealed class Target
    {
        private readonly Argument<string> _file = new("file") { Description = "The pipeline file." };
        private readonly Option<string?> _bootstrap =
            new("--bootstrap") { Description = "The Kafka brokers, HOST:PORT[,HOST:PORT..]; the file's or 127.0.0.1:9092 by default." };
        private readonly Option<string?> _environment = PipelineCommands.Environment();
        private readonly Option<string[]> _settings = PipelineCommands.Settings();
        private readonly Option<string?> _id = new("--id") { Description = "Which replay, where the pipeline has more than one; replay status lists them." };

        public void AddTo(Command command, bool withId)
        {
            command.Arguments.Add(_file);
            foreach (var option in new Option[] { _bootstrap, _environment, _settings }) command.Options.Add(option);
            if (withId) command.Options.Add(_id);
        }

        public PipelineFile File(ParseResult parsed)
        {
            var settings = new List<string>(parsed.GetValue(_settings) ?? []);
            if (parsed.GetValue(_bootstrap) is { } address) settings.Add($"kafka.bootstrap={address}");
            return PipelineFile.Load(parsed.GetValue(_file)!, parsed.GetValue(_environment), settings);
        }

        public async Task<(ReplayDefinition Definition, ReplayState State)> FindAsync(ParseResult parsed, CancellationToken cancellation)
        {
            var file = File(parsed);
            var state = await ReplayCatalog.FindAsync(KafkaConnectors.ConnectionOf(file.Definition), file.Definition.QualifiedName, parsed.GetValue(_id),
                TimeProvider.System, NullLogger.Instance, cancellation);
            return (new ReplayDefinition(file, state.Bounds.Range, state.Bounds.Into), state);
        }
    }

    private static Command Start()
    {
        var target = new Target();
        var from = Time("--from", "The event time that it begins with: 2001-01-02 or 2001-01-02T06:00:00Z.");
        var to = Time("--to", "The event time that it ends before; not behind the live watermark.");
        var into = new Option<string>("--into") { Description = "Put before the names of the topics that it writes.", DefaultValueFactory = _ =>
            ReplayDefinition.DefaultInto };
        var diff = new Option<bool>("--diff") { Description = "Compare the result with what is in production; exit code 1 where it differs." };
        var promote = new Option<bool>("--promote") { Description = "Write the rows that differ into production; needs upsert sinks." };
        var json = CommonOptions.Json();
        var command = new Command("start",
            $"Replays the windows that lie wholly between two event times, through the pipeline's own graph, with a group, transactional id and outputs of its own. Stopped or killed, the same command goes on with it.\n\nExample:\n  {Example}")
        {
            from, to, into, diff, promote, json,
        };
        target.AddTo(command, withId: false);
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            var replay = new ReplayDefinition(target.File(parsed), new EventTimeRange(MicrosOf("--from", parsed.GetValue(from)!), MicrosOf("--to", parsed.GetValue(to)!)),
                parsed.GetValue(into)!);
            using var logs = Logs.Create("information", "", console: !ProgressDisplay.IsPossible);
            if (parsed.GetValue(promote)) new ReplayPromotion(replay, logs).Check();
            if (parsed.GetValue(diff) || parsed.GetValue(promote)) ReplayDiff.Check(replay);
            // Stopped, it has not done what was asked for: what follows in a script must not take it for done.
            if (!await RunAsync(replay, parsed.GetValue(json), logs, signal.Token)) return ExitCodes.Failed;
            if (!parsed.GetValue(diff) && !parsed.GetValue(promote)) return ExitCodes.Done;
            var state = await ReplayCatalog.FindAsync(KafkaConnectors.ConnectionOf(replay.Definition), replay.Live.Definition.QualifiedName, replay.Id,
                TimeProvider.System, NullLogger.Instance, signal.Token);
            return await CompareAsync(replay, state, parsed.GetValue(promote), parsed.GetValue(json), logs, signal.Token);
        }));
        return command;
    }

    /// <summary>Runs it to its end; false when it was stopped before.</summary>
    private static async Task<bool> RunAsync(ReplayDefinition replay, bool json, ILoggerFactory logs, CancellationToken stop)
    {
        var system = EngineSystem.Start(replay.Live.Document, logs);
        try
        {
            var run = new ReplayRun(replay, TimeProvider.System, logs);
            var worker = await run.PrepareAsync(system, stop);
            foreach (var note in run.Notes) await Console.Error.WriteLineAsync($"note: {note}");
            if (worker is null)
            {
                Console.WriteLine(json ? JsonSerializer.Serialize(new { replay = replay.Id, finished = true, records = 0 }) : $"replay {replay.Id} is finished already");
                return true;
            }
            var began = TimeProvider.System.GetTimestamp();
            RunEnd? end;
            await using (StatusLine.Start(_ => Line(replay, worker)))
                end = await worker.RunAsync(stop);
            var seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
            if (end is not { Finished: true })
            {
                Console.WriteLine(json ? JsonSerializer.Serialize(new { replay = replay.Id, finished = false, records = worker.RowsIn })
                    : $"replay {replay.Id} was stopped; the same command goes on with it");
                return false;
            }
            var rows = worker.RowsIn;
            if (json) Console.WriteLine(JsonSerializer.Serialize(new { replay = replay.Id, from = Watermark.TextOf(replay.Range.From),
                to = Watermark.TextOf(replay.Range.To), into = replay.Into, finished = true, records = rows, written = worker.Progress?.RecordsOut ?? 0,
                seconds = Math.Round(seconds, 3) }));
            else Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"replay {replay.Id}: {rows:N0} records read, {worker.Progress?.RecordsOut ?? 0:N0} rows written into {replay.Into}.*, {seconds:0.0} s"));
            return true;
        }
        finally
        {
            await system.Terminate();
        }
    }

    private static string Line(ReplayDefinition replay, PipelineWorker worker)
    {
        var manifest = worker.Progress?.LastManifest;
        if (manifest?.Replay is not { } bounds) return $"replay {replay.Id}  {worker.Phase.ToString().ToLowerInvariant()}";
        return Of(new ReplayState(replay.Id, worker.Name, bounds, manifest, manifest.At), worker);
    }

    private static string Of(ReplayState state, PipelineWorker worker) => string.Create(CultureInfo.InvariantCulture,
        $"replay {state.Id}  {worker.Phase.ToString().ToLowerInvariant()}  event time {Watermark.TextOf(state.Watermark)} ({state.EventTimeDone:P0})  {state.RecordsDone:N0} of {state.Records:N0} records");

    private static Command Status()
    {
        var file = new Argument<string?>("file") { Description = "A pipeline file: only its replays.", Arity = ArgumentArity.ZeroOrOne };
        var (cluster, json) = (new ClusterOptions(), CommonOptions.Json());
        var command = new Command("status",
            "Lists replays with their progress by event time and how long they will still take at their pace so far.\n\nExample:\n  ./engine replay status") { file, json };
        cluster.AddTo(command);
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            string[] settings = cluster.GivenBootstrap(parsed) is { } given ? [$"kafka.bootstrap={given}"] : [];
            var pipeline = parsed.GetValue(file) is { } path ? PipelineFile.Load(path, null, settings).Definition : null;
            var connection = pipeline is null ? cluster.Of(parsed) : KafkaConnectors.ConnectionOf(pipeline);
            var replays = await ReplayCatalog.ListAsync(connection, pipeline?.QualifiedName, TimeProvider.System, NullLogger.Instance, signal.Token);
            if (parsed.GetValue(json))
            {
                foreach (var r in replays)
                    Console.WriteLine(JsonSerializer.Serialize(new { replay = r.Id, pipeline = r.Bounds.Pipeline, from = Watermark.TextOf(r.Bounds.Range.From),
                        to = Watermark.TextOf(r.Bounds.Range.To), into = r.Bounds.Into, finished = r.IsFinished, watermark = Watermark.TextOf(r.Watermark),
                        done = Math.Round(r.EventTimeDone, 4), records = r.RecordsDone, of = r.Records, left_seconds = r.Left?.TotalSeconds,
                        epoch = r.Last?.Epoch, cancelled = r.IsCancelled, at = r.At }));
                return ExitCodes.Done;
            }
            var table = Tables.Create(("replay", false), ("pipeline", false), ("from", false), ("to", false), ("into", false), ("event time", false), ("done", true),
                ("records", true), ("left", true));
            foreach (var r in replays)
                table.AddRow(new[] { r.Id, r.Bounds.Pipeline, Watermark.TextOf(r.Bounds.Range.From), Watermark.TextOf(r.Bounds.Range.To), r.Bounds.Into,
                    Watermark.TextOf(r.Watermark), r.EventTimeDone.ToString("P0", CultureInfo.InvariantCulture),
                    string.Create(CultureInfo.InvariantCulture, $"{r.RecordsDone:N0} of {r.Records:N0}"), LeftOf(r) }.Select(t => new Text(t)).ToArray());
            if (replays.Count > 0) Console.Write(Tables.Render(table));
            Console.WriteLine($"{replays.Count} replay{(replays.Count == 1 ? "" : "s")}");
            return ExitCodes.Done;
        }));
        return command;
    }

    private static string LeftOf(ReplayState state) => state switch
    {
        { IsCancelled: true } => "cancelled in part",
        { Last: null } => "nothing committed yet",
        { IsFinished: true } => "finished",
        { Left: { } left } => string.Create(CultureInfo.InvariantCulture, $"{left.TotalSeconds:0} s"),
        _ => "-",
    };

    private static Command Diff()
    {
        var target = new Target();
        var json = CommonOptions.Json();
        var command = new Command("diff",
            "Compares what a replay has written with what is in production: as multisets of rows, or the last row per key of upsert sinks. Exit code 1 where they differ.\n\nExample:\n  ./engine replay diff hocon/pipelines/flights.conf") { json };
        target.AddTo(command, withId: true);
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            var (definition, state) = await target.FindAsync(parsed, signal.Token);
            return await CompareAsync(definition, state, promote: false, parsed.GetValue(json), NullLoggerFactory.Instance, signal.Token);
        }));
        return command;
    }

    private static Command Promote()
    {
        var target = new Target();
        var json = CommonOptions.Json();
        var command = new Command("promote",
            "Writes the rows in which a replay differs into production, and tombstones for those it does not have, in one transaction. It needs upsert sinks.\n\nExample:\n  ./engine replay promote hocon/pipelines/flights.conf") { json };
        target.AddTo(command, withId: true);
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            var (definition, state) = await target.FindAsync(parsed, signal.Token);
            new ReplayPromotion(definition, NullLoggerFactory.Instance).Check();
            return await CompareAsync(definition, state, promote: true, parsed.GetValue(json), NullLoggerFactory.Instance, signal.Token);
        }));
        return command;
    }

    private static Command Cancel()
    {
        var target = new Target();
        var command = new Command("cancel",
            "Stops a replay wherever it runs and forgets it, with the topics that it has written. Production is not touched.\n\nExample:\n  ./engine replay cancel hocon/pipelines/flights.conf") { };
        target.AddTo(command, withId: true);
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            var (definition, state) = await target.FindAsync(parsed, signal.Token);
            await ReplayCancellation.CancelAsync(definition.Live.Definition, state, TimeProvider.System, NullLoggerFactory.Instance, signal.Token);
            Console.WriteLine($"replay {state.Id} is cancelled; its topics are deleted");
            return ExitCodes.Done;
        }));
        return command;
    }

    private static async Task<int> CompareAsync(ReplayDefinition replay, ReplayState state, bool promote, bool json, ILoggerFactory logs, CancellationToken cancellation)
    {
        var diffs = await ReplayDiff.CompareAsync(replay, state, cancellation);
        foreach (var line in diffs.SelectMany(d => json ? [ReplayDiffOutput.Json(d)] : ReplayDiffOutput.Text(d))) Console.WriteLine(line);
        if (!promote) return diffs.All(d => d.Differences.Count == 0) ? ExitCodes.Done : ExitCodes.Failed;
        var end = await new ReplayPromotion(replay, logs).PromoteAsync(diffs, state.Bounds, cancellation);
        Console.WriteLine(json ? JsonSerializer.Serialize(new { promoted = end.Written, left_alone = end.LeftAlone })
            : string.Create(CultureInfo.InvariantCulture, $"{end.Written:N0} rows promoted{(end.LeftAlone == 0 ? "" : $"; {end.LeftAlone:N0} were left alone, since the live pipeline has written their keys meanwhile")}"));
        return ExitCodes.Done;
    }

    private static Option<string> Time(string name, string description) => new(name) { Description = description, Required = true };

    private static long MicrosOf(string option, string text) =>
        TimeText.TryParseTimestamp(Encoding.UTF8.GetBytes(text.Length == 10 ? text + "T00:00:00Z" : text), out var micros, out _) ? micros
            : throw new StartupException($"{option} {text} is no time\n  write it as 2001-01-02 or 2001-01-02T06:00:00Z");
}
