using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace StreamEngine.Cli.Terminal;

/// <summary>Help of one shape: a command's first sentence in its parent's list, the rest of its description and its example below its own options.</summary>
internal sealed class HelpTexts : SynchronousCommandLineAction
{
    private readonly HelpAction _inner;
    private readonly Dictionary<Command, string> _more = [];

    private HelpTexts(HelpAction inner) => _inner = inner;

    /// <summary>Takes over the help of a command tree.</summary>
    public static void Apply(RootCommand root)
    {
        var option = root.Options.OfType<HelpOption>().Single();
        var texts = new HelpTexts((HelpAction)option.Action!);
        texts.Shorten(root);
        option.Action = texts;
    }

    private void Shorten(Command command)
    {
        var description = command.Description ?? "";
        var end = description.IndexOf('\n');
        var sentence = description.IndexOf(". ", StringComparison.Ordinal);
        if (sentence >= 0 && (end < 0 || sentence < end)) end = sentence + 1;
        if (end >= 0)
        {
            command.Description = description[..end];
            _more[command] = description[end..].Trim('\n', ' ');
        }
        foreach (var child in command.Subcommands) Shorten(child);
    }

    public override int Invoke(ParseResult parseResult)
    {
        var output = parseResult.InvocationConfiguration.Output;
        using var text = new StringWriter();
        parseResult.InvocationConfiguration.Output = text;
        var code = _inner.Invoke(parseResult);
        parseResult.InvocationConfiguration.Output = output;
        // What people type is the launcher, whatever the program behind it is called.
        output.WriteLine(text.ToString().Replace(RootCommand.ExecutableName, "./engine", StringComparison.Ordinal).TrimEnd());
        if (_more.TryGetValue(parseResult.CommandResult.Command, out var more)) output.WriteLine($"\n{more}");
        return code;
    }
}
