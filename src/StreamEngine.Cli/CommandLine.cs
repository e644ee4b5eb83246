using System.CommandLine;
using StreamEngine.Cli.Commands;
using StreamEngine.Cli.Terminal;

namespace StreamEngine.Cli;

/// <summary>The command line without the process around it.</summary>
internal static class CommandLine
{
    /// <summary>Parses and runs one command; answers with its exit code.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        var parsed = CommandTree.Create().Parse(arguments);
        if (!Usage.IsRight(parsed))
        {
            Usage.Explain(parsed);
            return ExitCodes.Usage;
        }
        // The commands that run long end by their own signal handling: a drain takes as long as it takes.
        return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
    }
}
