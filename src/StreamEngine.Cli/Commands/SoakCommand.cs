using System.CommandLine;
using System.Globalization;
using StreamEngine.Cli.Soak;

namespace StreamEngine.Cli.Commands;

/// <summary>soak: a campaign of faults against real processes, for as long as one likes.</summary>
internal static class SoakCommand
{
    private static readonly string All = string.Join(',', Enum.GetNames<SoakFault>()).ToLowerInvariant();

    public static Command Create()
    {
        var minutes = new Option<double>("--minutes") { Description = "How long faults happen; parts of a minute too.", DefaultValueFactory = _ => 10 };
        var faults = new Option<string?>("--faults") { Description =
            $"Which, separated by commas: {All}, or none. All by default; broker and proxy need the campaign's own broker." };
        var seed = new Option<int?>("--seed") { Description = "What decides which fault happens when. Without it one is taken from the clock, and printed." };
        var rate = new Option<int>("--rate") { Description = "Flights a second.", DefaultValueFactory = _ => 2000 };
        var bootstrap = new Option<string?>("--bootstrap") { Description =
            "A cluster, HOST:PORT; without it an embedded broker in a process of its own. Topics have names of this campaign, and are deleted in the end." };
        minutes.Validators.Add(r =>
        {
            if (r.Tokens.Count > 0 && double.TryParse(r.Tokens[0].Value, CultureInfo.InvariantCulture, out var n) && n is not (> 0 and <= 1e6))
                r.AddError("--minutes is a number above 0");
        });
        rate.Validators.Add(r =>
        {
            if (r.Tokens.Count > 0 && int.TryParse(r.Tokens[0].Value, CultureInfo.InvariantCulture, out var n) && n < 1) r.AddError("--rate is a number from 1");
        });
        faults.Validators.Add(r =>
        {
            if (r.Tokens.Count > 0 && Parse(r.Tokens[0].Value, null) is null) r.AddError($"--faults is some of {All}, separated by commas, or none");
        });
        var command = new Command("soak",
            "Runs a pipeline for a time while workers, broker and network fail by a seed, and checks what is committed. flights.conf in a process of its own, an embedded broker in another behind a proxy, a feed without end, and an independent read_committed consumer that holds each "
            + "record, while all goes on, against rows that plain C# makes of the same input. A line a minute; in the end a verdict, and memory over time. Ctrl-C ends it early and in order. "
            + "The exit code is 1 where a row was lost, doubled or wrong.\n\nExample:\n  ./engine soak --minutes 30\n  ./engine soak --minutes 5 --faults kill,stop --seed 42 --bootstrap 127.0.0.1:9092") { minutes, faults, seed, rate, bootstrap };
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            var cluster = parsed.GetValue(bootstrap);
            var chosen = Parse(parsed.GetValue(faults) ?? All, parsed.GetValue(faults) is null ? cluster : null)!;
            if (cluster is not null && chosen.FirstOrDefault(SoakOptions.NeedsOwnBroker) is var f && SoakOptions.NeedsOwnBroker(f))
                throw new Core.StartupException($"'{f.ToString().ToLowerInvariant()}' is a fault of the campaign's own broker: leave out --bootstrap, or name other faults with --faults");
            var options = new SoakOptions(TimeSpan.FromMinutes(parsed.GetValue(minutes)), chosen,
                parsed.GetValue(seed) ?? (int)(TimeProvider.System.GetUtcNow().Ticks / 10_000 % 1_000_000), parsed.GetValue(rate), cluster);
            return await RunAsync(options, signal.Token);
        }));
        return command;
    }

    /// <summary>The faults of a list; null where one of them is none. On a cluster that was named only those that can be.</summary>
    private static IReadOnlyList<SoakFault>? Parse(string text, string? cluster)
    {
        var parsed = new List<SoakFault>();
        foreach (var name in text == "none" ? [] : text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (name.Length == 0 || char.IsDigit(name[0]) || !Enum.TryParse<SoakFault>(name, ignoreCase: true, out var fault)) return null;
            if (!parsed.Contains(fault) && (cluster is null || !SoakOptions.NeedsOwnBroker(fault))) parsed.Add(fault);
        }
        return parsed;
    }

    private static async Task<int> RunAsync(SoakOptions options, CancellationToken stop)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"seed {options.Seed}, {options.Length.TotalMinutes:0.##} minutes, {options.Rate:N0} flights a second, faults: {options.FaultNames.Replace(",", ", ", StringComparison.Ordinal)}"));
        await using var run = await SoakRun.StartAsync(options, Console.WriteLine, stop);
        string? wrong = null;
        try
        {
            await run.PlayAsync(stop);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            wrong = e.Message;
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"faults: {run.Happened}; recovery to the first new commit: {run.Recovery}{(stop.IsCancellationRequested ? "; stopped early" : "")}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"rows:   {run.Oracle.Fed:N0} fed, {run.Oracle.Dirty:N0} of them spoilt; {run.Check?.Read:N0} read in {run.Check?.Epochs:N0} epochs of {run.Check?.Claims:N0} incarnations; {run.Check?.Checked:N0} committed records checked, {run.Oracle.Missing:N0} missing"));
        Console.WriteLine($"worker: {run.WorkerMemory}");
        if (run.OwnsBroker) Console.WriteLine($"broker: {run.BrokerMemory}");
        Console.WriteLine(wrong is null ? "nothing was lost, nothing was doubled"
            : $"FAILED: {wrong}\n\nto run it again:    {options.Command}");
        return wrong is null ? ExitCodes.Done : ExitCodes.Failed;
    }
}
