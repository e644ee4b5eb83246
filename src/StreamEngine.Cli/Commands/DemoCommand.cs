using System.CommandLine;
using StreamEngine.Cli.Demo;
using StreamEngine.Cli.Terminal;

namespace StreamEngine.Cli.Commands;

/// <summary>demo: the first minute.</summary>
internal static class DemoCommand
{
    // Far more than it takes: for a machine that hangs, not for a slow one.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(3);

    public static Command Create()
    {
        var keep = new Option<bool>("--keep") { Description = "Leave broker and pipeline running afterwards, until Ctrl-C." };
        var port = new Option<int>("--port") { Description = "The broker's port; a free one by default.", DefaultValueFactory = _ => 0 };
        var command = new Command("demo",
            "The first minute: real flights through an exactly-once pipeline whose worker is killed. It needs nothing else: broker, worker and data are its own, in a temporary folder, and end with it.\n\nExample:\n  ./engine demo\n  ./engine demo --keep --port 9092") { keep, port };
        command.SetAction((parsed, _) => Guarded.RunAsync(async signal =>
        {
            using var limit = new CancellationTokenSource(Longest, TimeProvider.System);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(signal.Token, limit.Token);
            var screen = new DemoScreen();
            await using var run = await DemoRun.StartAsync(screen, parsed.GetValue(port), stop.Token);
            var expected = await run.PlayAsync(stop.Token);
            var good = await new DemoReport(run, screen).ShowAsync(expected, stop.Token);
            if (good) await ReplayAsync(screen, run, stop.Token);
            screen.Say(good ? "nothing was lost, nothing was doubled" : "THE RESULT IS NOT AS IT HAS TO BE");
            screen.Print("");
            Next(screen, run, parsed.GetValue(keep));
            if (parsed.GetValue(keep) && good) await signal.Task;
            return good ? ExitCodes.Done : ExitCodes.Failed;
        }));
        return command;
    }

    private static async Task ReplayAsync(DemoScreen screen, DemoRun run, CancellationToken stop)
    {
        screen.Say($"replays a week of it through the same graph: ./engine replay start hocon/pipelines/flights.conf --from {DemoRun.ReplayedFrom} --to {DemoRun.ReplayedTo} --diff");
        foreach (var line in await run.ReplayAsync(stop)) screen.Print($"         {line}");
    }

    private static void Next(DemoScreen screen, DemoRun run, bool keep)
    {
        var at = $"--bootstrap {run.Broker.Bootstrap}";
        screen.Print(keep ? $"broker and pipeline go on on {run.Broker.Bootstrap} until Ctrl-C; in another terminal:" : "next:");
        if (keep)
        {
            screen.Print($"  ./engine consume --topic {run.Definition.Sinks[1].Topic} --read-committed --max 5 {at}");
            screen.Print($"  ./engine dlq show hocon/pipelines/flights.conf --rule plausible-delay --max 3 {at}");
            screen.Print($"  ./engine topic describe {run.Definition.Sinks[0].Topic} {at}");
            return;
        }
        screen.Print("  ./engine demo --keep --port 9092                            the same, and leaves broker and pipeline running");
        screen.Print("  ./engine pipeline explain hocon/pipelines/flights.conf      what ran");
        screen.Print("  ./engine --help                                             everything else");
    }
}
