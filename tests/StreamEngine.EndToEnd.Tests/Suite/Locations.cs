using System.Diagnostics;

namespace StreamEngine.EndToEnd.Tests.Suite;

/// <summary>Where the engine's program and the big fixtures are.</summary>
internal static class Locations
{
    /// <summary>The command line's program of the same configuration, beside the tests' own folder in the artifacts.</summary>
    public static string Program { get; } = FindProgram();

    /// <summary>The folder of big fixtures beside the repository; null where it is absent.</summary>
    public static string? Shared { get; } = FindShared();

    private static string FindProgram()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/'));
        var program = Path.Combine(own.Parent!.Parent!.FullName, "StreamEngine.Cli", own.Name, "StreamEngine.Cli.dll");
        return File.Exists(program) ? program : throw new FileNotFoundException($"the engine's program is not at {program}: build the test project first");
    }

    private static string? FindShared()
    {
        if (Environment.GetEnvironmentVariable("ENGINE_SHARED") is { Length: > 0 } given) return Directory.Exists(given) ? given : null;
        var root = Environment.GetEnvironmentVariable("ENGINE_ROOT") is { Length: > 0 } named ? new DirectoryInfo(named) : new DirectoryInfo(AppContext.BaseDirectory);
        for (var folder = root; folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "StreamEngine.sln")))
            {
                var shared = Path.Combine(folder.Parent?.FullName ?? folder.FullName, "shared");
                return Directory.Exists(shared) ? shared : null;
            }
        return null;
    }

    /// <summary>Whether a program can be started, with arguments that make it end at once.</summary>
    public static bool Has(string program, string argument)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, [argument]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
