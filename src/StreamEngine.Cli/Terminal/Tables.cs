using Spectre.Console;

namespace StreamEngine.Cli.Terminal;

/// <summary>Tables in one style, on terminals and in files.</summary>
internal static class Tables
{
    public static Table Create(params (string Title, bool Right)[] columns)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var (title, right) in columns)
        {
            var column = new TableColumn(new Text(title));
            table.AddColumn(right ? column.RightAligned() : column.LeftAligned());
        }
        return table;
    }

    /// <summary>As text: as wide as the terminal, or as wide as it needs to be where there is none.</summary>
    public static string Render(Table table)
    {
        using var writer = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer) });
        console.Profile.Width = Width();
        console.Write(table);
        return string.Join('\n', writer.ToString().Split('\n').Select(l => l.TrimEnd()).Where(l => l.Length > 0)) + "\n";
    }

    private static int Width()
    {
        if (Console.IsOutputRedirected) return 200;
        try
        {
            return Math.Max(60, Console.WindowWidth);
        }
        catch (IOException)
        {
            return 120;
        }
    }
}
