using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using StreamEngine.Cli.Terminal;
using StreamEngine.Pipelines.Files;
using StreamEngine.Simulation.Campaigns;

namespace StreamEngine.Cli.Commands;

/// <summary>simulate: seeds against the exactly-once promise, without a broker and faster than time passes.</summary>
internal static class SimulateCommand
{
    public static Command Create()
    {
        var file = new Argument<string?>("file") { Description = "A pipeline file, whose input is made from its schemas; without one flights and generated pipelines.",
            Arity = ArgumentArity.ZeroOrOne };
        var seeds = new Option<int?>("--seeds") { Description = "How many seeds, one after the other: 100 by default, 1 where --seed is given." };
        var seed = new Option<ulong?>("--seed") { Description = "The first seed. Without it one is taken from the clock, and printed." };
        var (environment, settings, json) = (PipelineCommands.Environment(), PipelineCommands.Settings(), CommonOptions.Json());
        seeds.Validators.Add(r =>
        {
            if (r.Tokens.Count > 0 && int.TryParse(r.Tokens[0].Value, CultureInfo.InvariantCulture, out var n) && n < 1) r.AddError("--seeds is a number from 1");
        });
        var command = new Command("simulate",
            "Runs pipelines on simulated processes, network and broker, with faults by a seed, and checks that nothing is lost, doubled or late without cause. The worker, its graph and the broker's core are the real ones; time is virtual, and a seed gives the same run each time. "
            + "A failure prints its seed and the smallest scenario that still fails, and the exit code is 1.\n\nExample:\n  ./engine simulate --seeds 1000\n  ./engine simulate hocon/pipelines/flights.conf --seeds 100\n  ./engine simulate --seed 42 --json") { file, seeds, seed, environment, settings, json };
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            var first = parsed.GetValue(seed) ?? (ulong)TimeProvider.System.GetUtcNow().Ticks % 1_000_000_000;
            var count = parsed.GetValue(seeds) ?? (parsed.GetValue(seed) is null ? 100 : 1);
            var path = parsed.GetValue(file);
            var (name, sets) = (parsed.GetValue(environment), parsed.GetValue(settings) ?? []);
            var subject = path is null ? new CampaignSubject() : OfFile(path, name, sets);
            var again = string.Concat(path is null ? "" : $" {path}", name is null ? "" : $" --env {name}", string.Concat(sets.Select(s => $" --set '{s}'")));
            return await RunAsync(first, count, subject, again, parsed.GetValue(json), signal.Token);
        }));
        return command;
    }

    private static CampaignSubject OfFile(string path, string? environment, string[] settings)
    {
        var subject = new CampaignSubject(more => PipelineFile.Load(path, environment, [.. settings, .. more]));
        // All errors of the file are said before the first seed.
        _ = subject.Text!([]);
        return subject;
    }

    private static async Task<int> RunAsync(ulong first, int count, CampaignSubject subject, string again, bool json, CancellationToken stop)
    {
        if (!json) Console.WriteLine($"seeds {first} to {first + (ulong)count - 1}");
        var begin = TimeProvider.System.GetTimestamp();
        var passed = 0;
        ScenarioOutcome? failed;
        await using (StatusLine.Start(seconds => string.Create(CultureInfo.InvariantCulture,
            $"{passed} of {count} seeds passed, {passed / Math.Max(seconds, 0.001):0.0} a second")))
        {
            failed = Campaign.Run(first, count, subject, outcome =>
            {
                Interlocked.Increment(ref passed);
                if (json) Console.WriteLine(JsonSerializer.Serialize(new { seed = outcome.Scenario.Options.Seed, passed = true, trace = Trace(outcome),
                    steps = outcome.Result!.Steps, epochs = outcome.Result.Manifests.Count, processes = outcome.Result.Processes }));
            }, stop);
        }
        var rate = passed / Math.Max(TimeProvider.System.GetElapsedTime(begin).TotalSeconds, 0.001);
        if (failed is null)
        {
            if (json) Console.WriteLine(JsonSerializer.Serialize(new { seeds = count, passed, perSecond = Math.Round(rate, 1) }));
            else Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{passed} seeds passed, {rate:0.0} a second{(stop.IsCancellationRequested ? "; stopped before it was done" : "")}"));
            return stop.IsCancellationRequested ? ExitCodes.Failed : ExitCodes.Done;
        }
        if (!json) Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"seed {failed.Scenario.Options.Seed} FAILED after {passed} that passed, {rate:0.0} a second; looking for the smallest scenario that fails .."));
        Report(failed, Shrinking.Shrink(failed), again, json);
        return ExitCodes.Failed;
    }

    private static void Report(ScenarioOutcome failed, ScenarioOutcome smallest, string again, bool json)
    {
        var seed = failed.Scenario.Options.Seed;
        if (json) Console.WriteLine(JsonSerializer.Serialize(new { seed, passed = false, wrong = failed.Wrong,
            blows = smallest.Scenario.Options.Blows.Select(b => b.ToString()), records = smallest.Scenario.Input.Count, text = Campaign.Describe(smallest) }));
        else Console.WriteLine($"{Campaign.Describe(smallest)}\n\nto run it again:    ./engine simulate{again} --seed {seed}");
    }

    private static string Trace(ScenarioOutcome outcome) => outcome.Result!.Trace.ToString("x16", CultureInfo.InvariantCulture);
}
