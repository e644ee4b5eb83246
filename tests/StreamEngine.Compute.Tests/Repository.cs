namespace StreamEngine.Compute.Tests;

/// <summary>Finds the repository and the shared material beside it.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The folder ../shared, or null where it is absent.</summary>
    public static string? Shared
    {
        get
        {
            var folder = Environment.GetEnvironmentVariable("ENGINE_SHARED") ?? Path.Combine(Root, "..", "shared");
            return Directory.Exists(folder) ? folder : null;
        }
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "StreamEngine.sln"))) return folder.FullName;
        throw new InvalidOperationException("StreamEngine.sln was not found above the tests");
    }
}
