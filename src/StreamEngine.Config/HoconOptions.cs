namespace StreamEngine.Config;

/// <summary>What a reading of HOCON may see and how large it may be.</summary>
internal sealed class HoconOptions
{
    /// <summary>The project root: includes stay below it. Null, or a file outside it: the folder of the file that the caller named.</summary>
    public string? Root { get; init; }

    /// <summary>Gives the value of an environment variable, or null.</summary>
    public Func<string, string?> Environment { get; init; } = System.Environment.GetEnvironmentVariable;

    /// <summary>Variables with this prefix may be read by <c>${NAME}</c>.</summary>
    public string EnvironmentPrefix { get; init; } = "STREAMENGINE_";

    /// <summary>Further variables that may be read.</summary>
    public IReadOnlyCollection<string> EnvironmentNames { get; init; } = [];

    /// <summary>How large one text may be, in bytes (of a text in memory: characters).</summary>
    public int MaxBytes { get; init; } = 4 << 20;

    /// <summary>How deep lists, blocks and path keys may be nested.</summary>
    public int MaxDepth { get; init; } = 64;

    /// <summary>Whether a variable is on the allow-list.</summary>
    public bool Allows(string variable)
        => EnvironmentNames.Contains(variable) || (EnvironmentPrefix.Length > 0 && variable.StartsWith(EnvironmentPrefix, StringComparison.Ordinal));
}

/// <summary>One of the texts that a document is made of.</summary>
internal abstract record HoconLayer
{
    private HoconLayer() { }

    /// <summary>A text in memory, with the name that its errors carry.</summary>
    public static HoconLayer Text(string text, string name) => new TextLayer(text, name);

    /// <summary>A file, shown in errors as <paramref name="shownAs"/> or as the path itself.</summary>
    public static HoconLayer File(string path, string? shownAs = null) => new FileLayer(path, shownAs);

    /// <summary>A <c>key=value</c> of the command line's <c>--set</c>.</summary>
    public static HoconLayer Set(string keyValue) => new SetLayer(keyValue);

    internal sealed record TextLayer(string Content, string Name) : HoconLayer;

    internal sealed record FileLayer(string Path, string? ShownAs) : HoconLayer;

    internal sealed record SetLayer(string KeyValue) : HoconLayer;
}
