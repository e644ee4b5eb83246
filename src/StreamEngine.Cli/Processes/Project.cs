using StreamEngine.Core;

namespace StreamEngine.Cli.Processes;

/// <summary>Finds the files of the repository that this program was built in.</summary>
internal static class Project
{
    /// <summary>The absolute path of a file of the repository, given from its root.</summary>
    /// <exception cref="StartupException">There is no repository around the program.</exception>
    public static string File(string path)
    {
        foreach (var root in Roots())
        {
            var file = Path.Combine(root, path);
            if (System.IO.File.Exists(file)) return file;
        }
        throw new StartupException($"'{path}' is not found: it lies in the repository of StreamEngine\n  run it from there:            ./engine demo\n  or say where that is:         ENGINE_HOME=/path/to/repository");
    }

    private static IEnumerable<string> Roots()
    {
        if (Environment.GetEnvironmentVariable("ENGINE_HOME") is { Length: > 0 } home) yield return Path.GetFullPath(home);
        foreach (var start in new[] { AppContext.BaseDirectory, Directory.GetCurrentDirectory() })
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
                if (System.IO.File.Exists(Path.Combine(folder.FullName, "StreamEngine.sln"))) yield return folder.FullName;
    }
}
