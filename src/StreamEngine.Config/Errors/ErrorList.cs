namespace StreamEngine.Config;

/// <summary>Collects the errors of one reading, bounded, without saying the same twice.</summary>
/// <param name="most">How many are kept: of a text that is no HOCON the first ones tell, of one that is bound each is its own.</param>
internal sealed class ErrorList(int most = 100)
{
    private readonly List<ConfigError> _errors = [];

    /// <summary>How many were kept.</summary>
    public int Count => _errors.Count;

    /// <summary>Whether more came than are kept.</summary>
    public bool IsFull => _errors.Count >= most;

    /// <summary>The errors by file (in the order in which files first had one), line and column; those without a place come last.</summary>
    public IReadOnlyList<ConfigError> Sorted
    {
        get
        {
            var files = _errors.Select(e => e.File).Distinct().ToList();
            return [.. _errors.OrderBy(e => e.File is null ? int.MaxValue : files.IndexOf(e.File)).ThenBy(e => e.Line).ThenBy(e => e.Column)];
        }
    }

    public void Add(ConfigSpan span, string message, string? hint = null)
    {
        // Asked before the place is worked out: that costs the length of the line, and a hostile text may have an error per character.
        if (!IsFull) Add(ConfigError.At(span, message, hint));
    }

    public void Add(ConfigError error)
    {
        if (!IsFull && !_errors.Exists(e => e.File == error.File && e.Line == error.Line && e.Column == error.Column && e.Message == error.Message)) _errors.Add(error);
    }

    public void Remove(ConfigError error) => _errors.Remove(error);

    /// <exception cref="ConfigException">There is at least one error.</exception>
    public void ThrowIfAny()
    {
        if (_errors.Count > 0) throw new ConfigException(Sorted);
    }
}
