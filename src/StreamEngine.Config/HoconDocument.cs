namespace StreamEngine.Config;

/// <summary>A configuration read from one or several texts: merged, substitutions resolved, every value with its place.</summary>
internal sealed class HoconDocument
{
    internal HoconDocument(ConfigObject root, ConfigSpan start, IReadOnlyList<ConfigError> missingIncludes)
    {
        Root = root;
        Start = start;
        MissingIncludes = missingIncludes;
    }

    /// <summary>The keys of the top level.</summary>
    public ConfigObject Root { get; }

    /// <summary>The beginning of the last text that is no override: where an error stands that has no better place.</summary>
    public ConfigSpan Start { get; }

    /// <summary>Included files that do not exist and are not required, each as a note with its place.</summary>
    public IReadOnlyList<ConfigError> MissingIncludes { get; }

    /// <summary>Everything in canonical form, for a hash or a diff: sorted keys, one a line, secrets as <c>***</c>, no trace of how it was written.</summary>
    public string Render() => HoconRenderer.Canonical(Root);

    /// <summary>The subtree at a path of plain keys (<c>akka</c>), under that path, in the HOCON that Akka's own reader understands. Secrets stand in it.</summary>
    /// <returns>HOCON, or an empty text where there is no such block.</returns>
    public string RenderRaw(string path) => HoconRenderer.Raw(Root, path.Split('.'));

    /// <summary>A reader that binds it to options and collects what is wrong.</summary>
    public ConfigReader Reader() => new(this);
}
