namespace StreamEngine.Config;

/// <summary>Binds a document to options: sections with typed getters that collect errors, and at the end every key that nobody asked for.</summary>
/// <remarks>Use: read everything through <see cref="Root"/>, then <see cref="Finish"/>, add errors of SQL and the like, then <see cref="ThrowIfErrors"/>.</remarks>
internal sealed class ConfigReader
{
    private readonly ErrorList _errors = new(500);
    private readonly List<(ConfigSection Section, string Key, ConfigError Error)> _missing = [];
    private bool _isFinished;

    public ConfigReader(HoconDocument document)
    {
        Document = document;
        Root = new ConfigSection(this, "", document.Root, document.Start);
    }

    public HoconDocument Document { get; }

    /// <summary>The keys of the top level.</summary>
    public ConfigSection Root { get; }

    /// <summary>What is wrong so far, in the order of the files.</summary>
    public IReadOnlyList<ConfigError> Errors => _errors.Sorted;

    /// <summary>Adds an error that a caller found, such as one in SQL.</summary>
    public void Add(ConfigError error) => _errors.Add(error);

    /// <summary>Reports every key that no getter asked for, with the nearest one that was. A required key that is misspelt is reported once.</summary>
    public void Finish()
    {
        if (_isFinished) return;
        _isFinished = true;
        Root.ReportUnknown();
    }

    /// <exception cref="ConfigException">There is at least one error.</exception>
    public void ThrowIfErrors() => _errors.ThrowIfAny();

    internal void AddMissing(ConfigSection section, string key, ConfigError error)
    {
        _missing.Add((section, key, error));
        _errors.Add(error);
    }

    internal void ForgetMissing(ConfigSection section, string key)
    {
        foreach (var (_, _, error) in _missing.Where(m => m.Section == section && m.Key == key)) _errors.Remove(error);
    }
}
