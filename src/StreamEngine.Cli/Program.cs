using System.CommandLine;
using StreamEngine.Cli.Commands;
using StreamEngine.Cli.Terminal;

namespace StreamEngine.Cli;

/// <summary>The command line: parses, runs one command, and answers with 0 (done), 1 (failed) or 2 (wrong usage); 3 is a worker that another one has fenced.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        var root = CommandTree.Create();
        var parsed = root.Parse(args);
        if (!Usage.IsRight(parsed))
        {
            Usage.Explain(parsed);
            return ExitCodes.Usage;
        }
        // The commands that run long end by their own signal handling: a drain takes as long as it takes.
        return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
    }
}
