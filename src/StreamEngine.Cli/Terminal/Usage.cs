using System.CommandLine;
using System.CommandLine.Parsing;
using StreamEngine.Config;

namespace StreamEngine.Cli.Terminal;

/// <summary>Says what is wrong with a command line, and what was probably meant.</summary>
internal static class Usage
{
    public static void Explain(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var unknown = parsed.UnmatchedTokens.FirstOrDefault();
        if (unknown is not null && command.Subcommands.Count > 0)
        {
            Console.Error.WriteLine($"unknown command '{unknown}'");
            if (Nearest.Hint(unknown, command.Subcommands.Select(c => c.Name)) is { } near) Console.Error.WriteLine($"  {near}");
        }
        else if (unknown is not null && unknown.StartsWith('-'))
        {
            Console.Error.WriteLine($"unknown option '{unknown}' of {PathOf(parsed)}");
            if (Nearest.Hint(unknown, command.Options.Select(o => o.Name)) is { } near) Console.Error.WriteLine($"  {near}");
        }
        else foreach (var error in parsed.Errors) Console.Error.WriteLine(error.Message);
        Console.Error.WriteLine($"  more:    ./engine {(PathOf(parsed) is { Length: > 0 } path ? path + " " : "")}--help");
    }

    private static string PathOf(ParseResult parsed)
    {
        var names = new List<string>();
        for (SymbolResult? result = parsed.CommandResult; result is CommandResult { Command: not RootCommand } c; result = c.Parent) names.Insert(0, c.Command.Name);
        return string.Join(' ', names);
    }
}
