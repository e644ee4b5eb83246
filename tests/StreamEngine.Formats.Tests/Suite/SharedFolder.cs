namespace StreamEngine.Formats.Tests.Suite;

/// <summary>The folder of facts and fixtures beside the repository; tests that need it are skipped where it is absent.</summary>
internal static class SharedFolder
{
    public static string? Path { get; } = Find();

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("ENGINE_SHARED") is { Length: > 0 } named) return Directory.Exists(named) ? named : null;
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (!System.IO.File.Exists(System.IO.Path.Combine(at.FullName, "StreamEngine.sln"))) continue;
            var shared = System.IO.Path.GetFullPath(System.IO.Path.Combine(at.FullName, "../shared"));
            return Directory.Exists(shared) ? shared : null;
        }
        return null;
    }

    /// <summary>A file of the folder; skips the test when it is not there.</summary>
    public static string File(params string[] parts)
    {
        var path = Path is null ? null : System.IO.Path.Combine([Path, .. parts]);
        Skip.If(path is null || !(System.IO.File.Exists(path) || Directory.Exists(path)),
            $"the shared folder with {string.Join('/', parts)} is not beside the repository");
        return path!;
    }
}
