using System.CommandLine;
using System.CommandLine.Parsing;
using StreamEngine.Config;

namespace StreamEngine.Cli.Terminal;

/// <summary>Says what is wrong with a command line, and what was probably meant.</summary>
internal static class Usage
{
    /// <summary>The command line can be run. A misspelt option is no argument, although a command that takes files would take it for one.</summary>
    public static bool IsRight(ParseResult parsed) => parsed.Action is HelpTexts || (parsed.Errors.Count == 0 && MisspeltOption(parsed) is null);

    private static string? MisspeltOption(ParseResult parsed) =>
        parsed.CommandResult.Tokens.FirstOrDefault(t => t.Type == TokenType.Argument && t.Value.StartsWith("--", StringComparison.Ordinal))?.Value;

    public static void Explain(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var unknown = MisspeltOption(parsed) ?? parsed.UnmatchedTokens.FirstOrDefault();
        if (unknown is not null && command.Subcommands.Count > 0 && !unknown.StartsWith('-'))
        {
            Console.Error.WriteLine($"unknown command '{unknown}'");
            if (Nearest.Hint(unknown, command.Subcommands.Select(c => c.Name)) is { } near) Console.Error.WriteLine($"  {near}");
        }
        else if (unknown is not null && unknown.StartsWith('-'))
        {
            Console.Error.WriteLine($"unknown option '{unknown}'{(PathOf(parsed) is { Length: > 0 } of ? $" of {of}" : "")}");
            if (Nearest.Hint(unknown, command.Options.Select(o => o.Name).Append("--help")) is { } near) Console.Error.WriteLine($"  {near}");
        }
        else foreach (var error in parsed.Errors) Console.Error.WriteLine(Plain(error.Message));
        Console.Error.WriteLine($"  more:    ./engine {(PathOf(parsed) is { Length: > 0 } path ? path + " " : "")}--help");
    }

    // The parser names the types of .NET where a value does not fit.
    private static string Plain(string message)
    {
        var at = message.IndexOf(" as expected type '", StringComparison.Ordinal);
        return at < 0 ? message : message[..at] + (message.Contains("Int", StringComparison.Ordinal) ? ": it takes a whole number." : ".");
    }

    private static string PathOf(ParseResult parsed)
    {
        var names = new List<string>();
        for (SymbolResult? result = parsed.CommandResult; result is CommandResult { Command: not RootCommand } c; result = c.Parent) names.Insert(0, c.Command.Name);
        return string.Join(' ', names);
    }
}
