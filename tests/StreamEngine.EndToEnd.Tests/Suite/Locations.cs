using System.Diagnostics;

namespace StreamEngine.EndToEnd.Tests.Suite;

/// <summary>Where the engine's program and the big fixtures are.</summary>
internal static class Locations
{
    /// <summary>The command line's program of the same configuration, beside the tests' own folder in the artifacts.</summary>
    public static string Program { get; } = FindProgram();

    /// <summary>The repository that the tests were built in.</summary>
    public static string Root => FindRoot() ?? throw new InvalidOperationException("StreamEngine.sln was not found above the test's folder; set ENGINE_ROOT");

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
        if (FindRoot() is not { } root) return null;
        var shared = Path.Combine(Path.GetDirectoryName(root) ?? root, "shared");
        return Directory.Exists(shared) ? shared : null;
    }

    private static string? FindRoot()
    {
        var start = Environment.GetEnvironmentVariable("ENGINE_ROOT") is { Length: > 0 } named ? new DirectoryInfo(named) : new DirectoryInfo(AppContext.BaseDirectory);
        for (var folder = start; folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "StreamEngine.sln"))) return folder.FullName;
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
