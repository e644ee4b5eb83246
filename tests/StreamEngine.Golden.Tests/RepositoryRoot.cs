namespace StreamEngine.Golden;

/// <summary>The checkout that the tests were built from.</summary>
internal static class RepositoryRoot
{
    public static string Path { get; } = Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "StreamEngine.sln"))) return folder.FullName;
        return Environment.GetEnvironmentVariable("ENGINE_ROOT")
            ?? throw new InvalidOperationException("StreamEngine.sln was not found above the test's folder; set ENGINE_ROOT");
    }
}
