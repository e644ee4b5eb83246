using System.CommandLine;
using System.Text.Json;
using StreamEngine.Cli.Bench;
using StreamEngine.Cli.Processes;
using StreamEngine.Cli.Terminal;
using StreamEngine.Config;

namespace StreamEngine.Cli.Commands;

/// <summary>bench: the figures.</summary>
internal static class BenchCommand
{
    private sealed record Entry(string Name, long Rows, Func<long, string?, CancellationToken, Task<BenchResult>> Run)
    {
        public Entry(string name, long rows, Func<long, BenchResult> run)
            : this(name, rows, (n, _, _) => Task.FromResult(run(n)))
        {
        }
    }

    private static readonly Entry[] All =
    [
        new("json-decode", 4_000_000, OperatorBenches.JsonDecode),
        new("filter", 100_000_000, OperatorBenches.Filter),
        new("group-window", 8_000_000, OperatorBenches.GroupWindow),
        new("group-window-2", 4_000_000, OperatorBenches.GroupWindowTwo),
        new("sliding", 8_000_000, OperatorBenches.Sliding),
        new("sliding-emit", 2_000_000, OperatorBenches.SlidingEmit),
        new("snapshot", 1_000_000, StateBenches.Snapshot),
        new("restore", 1_000_000, StateBenches.Restore),
        new("topic-to-topic", 6_000_000, TopicBenches.TopicToTopicAsync),
        new("pass", 6_000_000, TopicBenches.PassAsync),
        new("latency", 400_000, (rows, bootstrap, cancellation) => LatencyBenches.LatencyAsync("latency", "1s", rows, bootstrap, cancellation)),
        new("latency-100ms", 400_000, (rows, bootstrap, cancellation) => LatencyBenches.LatencyAsync("latency-100ms", "100ms", rows, bootstrap, cancellation)),
        new("latency-25ms", 400_000, (rows, bootstrap, cancellation) => LatencyBenches.LatencyAsync("latency-25ms", "25ms", rows, bootstrap, cancellation)),
        new("start", 100_000, LatencyBenches.StartAsync),
        new("recovery", 1_000_000, RecoveryBenches.RecoveryAsync),
        new("graph", 20_000_000, PipelineBenches.Graph),
        new("lanes", 8_000_000, PipelineBenches.Lanes),
        new("lanes-apart", 8_000_000, PipelineBenches.LanesApart),
        new("graph-chain", 200_000_000, GraphBenches.Chain),
        new("graph-async", 200_000_000, GraphBenches.Async),
        new("graph-exchange", 20_000_000, GraphBenches.Exchange),
    ];

    public static Command Create()
    {
        var names = new Argument<string[]>("name") { Description = $"Which: {string.Join(", ", All.Select(b => b.Name))}. All of them by default.",
            Arity = ArgumentArity.ZeroOrMore };
        var rows = new Option<long?>("--rows") { Description = "Rows a round; each benchmark has its own default." };
        var bootstrap = new Option<string?>("--bootstrap") { Description =
            "A cluster for the benchmarks with topics, HOST:PORT; without it an embedded broker in a process of its own." };
        var plot = new Option<string?>("--plot") { Description = "An SVG file that is made of the figures, beside what was asked, the hardware's limit and other systems." };
        var json = CommonOptions.Json();
        rows.Validators.Add(r =>
        {
            if (r.Tokens.Count > 0 && long.TryParse(r.Tokens[0].Value, out var n) && n < 1) r.AddError("--rows is a number from 1");
        });
        names.Validators.Add(r =>
        {
            foreach (var token in r.Tokens.Where(t => !t.Value.StartsWith('-') && All.All(b => b.Name != t.Value)))
                r.AddError($"there is no benchmark '{token.Value}'\n  {Nearest.Hint(token.Value, All.Select(b => b.Name)) ?? string.Join(", ", All.Select(b => b.Name))}");
        });
        var command = new Command("bench",
            "Measures what the engine does on this machine. Each benchmark runs in a process of its own: some rounds to warm up, then the median of several. Rows, seconds, processor time, bytes allocated per row, and the most memory in use.\n\nExample:\n  ./engine bench json-decode group-window\n  ./engine bench topic-to-topic --rows 500000 --json") { names, rows, bootstrap, plot, json };
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            var chosen = parsed.GetValue(names) is { Length: > 0 } given ? given : [.. All.Select(b => b.Name)];
            var results = new List<BenchResult>();
            foreach (var name in chosen.Distinct())
            {
                var result = chosen.Length == 1 ? await RunHereAsync(name, parsed.GetValue(rows), parsed.GetValue(bootstrap), signal.Token)
                    : await RunApartAsync(name, parsed.GetValue(rows), parsed.GetValue(bootstrap), signal.Token);
                Console.WriteLine(parsed.GetValue(json) ? result.ToJson() : result.ToString());
                results.Add(result);
            }
            if (parsed.GetValue(plot) is { } file) await File.WriteAllTextAsync(file, BenchPlot.Draw(results), signal.Token);
            return ExitCodes.Done;
        }));
        return command;
    }

    private static Task<BenchResult> RunHereAsync(string name, long? rows, string? bootstrap, CancellationToken cancellation)
    {
        var entry = All.First(b => b.Name == name);
        return entry.Run(rows ?? entry.Rows, bootstrap, cancellation);
    }

    // One benchmark's heap and compiled code would be the next one's.
    private static async Task<BenchResult> RunApartAsync(string name, long? rows, string? bootstrap, CancellationToken cancellation)
    {
        using var process = EngineProcess.Start(Directory.GetCurrentDirectory(),
            ["bench", name, "--json", .. rows is null ? Array.Empty<string>() : ["--rows", $"{rows}"],
                .. bootstrap is null ? Array.Empty<string>() : ["--bootstrap", bootstrap]]);
        await process.WaitForEndAsync(cancellation);
        return JsonSerializer.Deserialize<BenchResult>(process.Lines.Split('\n').Last(l => l.StartsWith('{'))) ?? throw new IOException($"benchmark {name} said nothing");
    }
}
