using System.CommandLine;

namespace StreamEngine.Cli.Tests.Suite;

/// <summary>
/// Runs commands in this process, with what they write. Tests that use it are one collection: the console is one. The others, which run beside them, do not write there.
/// </summary>
[CollectionDefinition(Name)]
public sealed class ConsoleCollection
{
    public const string Name = "console";
}

internal static class Cli
{
    public static async Task<(int Code, string Out, string Error)> RunAsync(params string[] arguments)
    {
        var (before, beforeError) = (Console.Out, Console.Error);
        using var output = new StringWriter();
        using var error = new StringWriter();
        Console.SetOut(output);
        Console.SetError(error);
        try
        {
            var code = await CommandLine.RunAsync(arguments);
            return (code, output.ToString(), error.ToString());
        }
        finally
        {
            Console.SetOut(before);
            Console.SetError(beforeError);
        }
    }
}

/// <summary>Files of the repository.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "StreamEngine.sln"))) return folder.FullName;
        return Environment.GetEnvironmentVariable("ENGINE_ROOT")
            ?? throw new InvalidOperationException("the repository is not around the tests, and ENGINE_ROOT does not name it");
    }
}
