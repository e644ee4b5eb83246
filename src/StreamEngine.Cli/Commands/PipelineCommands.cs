using System.CommandLine;
using System.Text.Json;
using StreamEngine.Config;
using StreamEngine.Pipelines.Files;

namespace StreamEngine.Cli.Commands;

/// <summary>pipeline check, explain.</summary>
internal static class PipelineCommands
{
    public static Command Create()
    {
        var command = new Command("pipeline", "Pipelines as files: check, explain, test.\n\nExample:\n  ./engine pipeline check hocon/pipelines/flights.conf");
        command.Subcommands.Add(Check());
        command.Subcommands.Add(Explain());
        command.Subcommands.Add(PipelineTestCommand.Create());
        return command;
    }

    internal static Option<string?> Environment() => new("--env") { Description = "An environment: hocon/env/NAME.conf over the defaults." };

    internal static Option<string[]> Settings() => new("--set") { Description = "A setting over the file's, key=value; may be repeated." };

    private static Command Check()
    {
        var file = new Argument<string>("file") { Description = "The pipeline file." };
        var (environment, settings, json) = (Environment(), Settings(), CommonOptions.Json());
        var command = new Command("check",
            "Finds all errors of a pipeline file; no broker is needed.\n\nExample:\n  ./engine pipeline check hocon/pipelines/flights.conf") { file, environment,
            settings, json };
        command.SetAction((parsed, _) => Guarded.RunAsync(() =>
        {
            try
            {
                var pipeline = PipelineFile.Load(parsed.GetValue(file)!, parsed.GetValue(environment), parsed.GetValue(settings));
                Console.WriteLine(parsed.GetValue(json) ? JsonSerializer.Serialize(new { pipeline = pipeline.Definition.Name, errors = 0 })
                    : $"{pipeline.Definition.Name}: no errors; {pipeline.Plan.Sources.Count} source(s), {pipeline.Plan.Inserts.Count} INSERT(s)");
                return Task.FromResult(ExitCodes.Done);
            }
            catch (ConfigException e) when (parsed.GetValue(json))
            {
                foreach (var error in e.Errors)
                    Console.WriteLine(JsonSerializer.Serialize(new { file = error.File, line = error.Line, column = error.Column, message = error.Message,
                    hint = error.Hint }));
                return Task.FromResult(ExitCodes.Failed);
            }
        }));
        return command;
    }

    private static object JsonOf(PipelineFile pipeline) => new
    {
        pipeline = pipeline.Definition.Name,
        plan = pipeline.Plan.Hash,
        sources = pipeline.Plan.Sources.Select(s => new { name = s.Name, columns = s.Columns.Select(c => c.Name), rules = s.Rules.Select(r => r.Name) }),
        inserts = pipeline.Plan.Inserts.Select(i => new
        {
            sink = i.Sink, source = i.Source, exchange = i.ExchangeKeys is not null,
            operators = i.Before.Concat(i.After).Select(o => new { id = o.Id, description = o.Description, stateful = o.IsStateful }),
        }),
    };

    private static Command Explain()
    {
        var file = new Argument<string>("file") { Description = "The pipeline file." };
        var (environment, settings, json) = (Environment(), Settings(), CommonOptions.Json());
        var command = new Command("explain",
            "Shows what a pipeline file runs: sources, operators, exchanges, sinks.\n\nExample:\n  ./engine pipeline explain hocon/pipelines/flights.conf") { file,
            environment, settings, json };
        command.SetAction((parsed, _) => Guarded.RunAsync(() =>
        {
            var pipeline = PipelineFile.Load(parsed.GetValue(file)!, parsed.GetValue(environment), parsed.GetValue(settings));
            if (parsed.GetValue(json)) Console.WriteLine(JsonSerializer.Serialize(JsonOf(pipeline)));
            else foreach (var line in Pipelines.Commands.PlanText.Of(pipeline)) Console.WriteLine(line);
            return Task.FromResult(ExitCodes.Done);
        }));
        return command;
    }
}
