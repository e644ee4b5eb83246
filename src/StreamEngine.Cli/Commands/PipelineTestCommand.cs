using System.CommandLine;
using System.Text.Json;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Pipelines.Testing;

namespace StreamEngine.Cli.Commands;

/// <summary>pipeline test: a pipeline against text files of input rows and expected rows, without a broker.</summary>
internal static class PipelineTestCommand
{
    public static Command Create()
    {
        var files = new Argument<string[]>("file") { Description = "The test files. Each names its pipeline, or lies beside it as NAME.test to NAME.conf.",
            Arity = ArgumentArity.OneOrMore };
        var (environment, settings, json) = (PipelineCommands.Environment(), PipelineCommands.Settings(), CommonOptions.Json());
        var command = new Command("test",
            "Runs pipelines against text files of input rows and expected rows: whole, in batches of one row, and with a crash after each row. No broker is needed.\n\nExample:\n  ./engine pipeline test hocon/pipelines/flights.test") { files, environment, settings, json };
        command.SetAction((parsed, _) => Guarded.RunAsync(async () =>
        {
            var failed = false;
            foreach (var file in parsed.GetValue(files)!) failed |= !await RunAsync(file, parsed.GetValue(environment), parsed.GetValue(settings), parsed.GetValue(json));
            return failed ? ExitCodes.Failed : ExitCodes.Done;
        }));
        return command;
    }

    private static async Task<bool> RunAsync(string file, string? environment, string[]? settings, bool json)
    {
        var test = PipelineTestFile.Load(file);
        var pipeline = PipelineFile.Load(test.Pipeline, environment, settings);
        var passed = true;
        var system = EngineSystem.Start(pipeline.Document, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);
        try
        {
            foreach (var mode in Enum.GetValues<TestMode>())
            {
                var differences = await PipelineTestRunner.RunAsync(pipeline, test, mode, system);
                passed &= differences.Count == 0;
                var name = mode switch { TestMode.Whole => "whole", TestMode.OneRow => "one row a batch", _ => "killed after each row" };
                if (json) Console.WriteLine(JsonSerializer.Serialize(new { test = file, mode = name, passed = differences.Count == 0, differences }));
                else Console.WriteLine($"{(differences.Count == 0 ? "passed" : "FAILED")}  {file}  {name}{string.Concat(differences.Take(20).Select(d => $"\n  {d}"))}{(differences.Count > 20 ? $"\n  and {differences.Count - 20} more" : "")}");
            }
        }
        finally
        {
            await system.Terminate();
        }
        return passed;
    }
}
