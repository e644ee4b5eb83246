namespace StreamEngine.Config;

/// <summary>A pipeline file, or something it names, is wrong. Holds all errors found at once; the message is their printed form.</summary>
public sealed class ConfigException : Exception
{
    /// <summary>An exception with the errors, in the order in which they are printed.</summary>
    public ConfigException(IReadOnlyList<ConfigError> errors) : base(ErrorRenderer.Render(errors)) => Errors = errors;

    internal ConfigException(ConfigError error) : this([error]) { }

    /// <summary>Every error found, at least one.</summary>
    public IReadOnlyList<ConfigError> Errors { get; }
}
