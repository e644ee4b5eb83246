using System.CommandLine;
using StreamEngine.Cli.Commands;
using StreamEngine.Cli.Tests.Suite;

namespace StreamEngine.Cli.Tests.Docs;

/// <summary>
/// Commands in the pages' console blocks are true: each parses, and those that end by themselves and need nothing else than a broker are run, in the page's order,
/// against a broker of the page's own.
/// </summary>
[Collection(ConsoleCollection.Name)]
public sealed class DocumentedCommandsTests
{
    private const string Prompt = "$ ./engine ";

    // They run for long, take a port, or have tests of their own.
    private static readonly string[] OnlyParsed = ["demo", "test", "bench", "run", "broker", "replay", "soak"];

    public static TheoryData<string> Pages() => [.. Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md").Append(Path.Combine(Repository.Root, "README.md"))
        .Where(p => CommandsOf(p).Count > 0).Select(p => Path.GetRelativePath(Repository.Root, p))];

    private static List<string> CommandsOf(string page)
    {
        var commands = new List<string>();
        var inside = false;
        foreach (var line in File.ReadLines(page))
        {
            if (line.StartsWith("```", StringComparison.Ordinal)) inside = line == "```console";
            else if (inside && line.StartsWith(Prompt, StringComparison.Ordinal)) commands.Add(line[Prompt.Length..]);
        }
        return commands;
    }

    // What stands in double quotes is one word, as for a shell.
    private static string[] WordsOf(string command) =>
        [.. command.Split('"').SelectMany((part, i) => i % 2 == 1 ? [part] : part.Split(' ', StringSplitOptions.RemoveEmptyEntries))];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task The_commands_of_a_page_work(string page)
    {
        var broker = new BrokerFixture();
        await broker.InitializeAsync();
        try
        {
            // What the pipeline, which only stays in the foreground, would have made.
            await Suite.Cli.RunAsync("topic", "create", "flights.dlq", "--bootstrap", broker.Bootstrap);
            foreach (var command in CommandsOf(Path.Combine(Repository.Root, page)))
                await CheckAsync(page, WordsOf(command), broker.Bootstrap);
        }
        finally
        {
            await broker.DisposeAsync();
        }
    }

    private static async Task CheckAsync(string page, string[] words, string bootstrap)
    {
        var parsed = CommandTree.Create().Parse(words);
        Assert.True(parsed.Errors.Count == 0, $"{page}: ./engine {string.Join(' ', words)}: {string.Join("; ", parsed.Errors)}");
        if (OnlyParsed.Contains(words[0])) return;
        var files = words.Select(w => File.Exists(Path.Combine(Repository.Root, w)) ? Path.Combine(Repository.Root, w) : w);
        var takesBroker = parsed.CommandResult.Command.Options.Any(o => o.Name == "--bootstrap") && !words.Contains("--bootstrap");
        var (code, _, error) = await Suite.Cli.RunAsync([.. files, .. takesBroker ? ["--bootstrap", bootstrap] : Array.Empty<string>()]);
        Assert.True(code == ExitCodes.Done, $"{page}: ./engine {string.Join(' ', words)} ended with {code}: {error}");
    }
}
