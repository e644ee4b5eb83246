using StreamEngine.Cli.Processes;
using StreamEngine.Cli.Terminal;

namespace StreamEngine.Cli;

/// <summary>Runs one command, and answers with 0 (done), 1 (failed) or 2 (wrong usage); 3 is a worker that another one has fenced.</summary>
internal static class Program
{
    private static Task<int> Main(string[] args)
    {
        StopSignal.CatchEarly();
        ParentWatch.Start();
        return CommandLine.RunAsync(args);
    }
}
