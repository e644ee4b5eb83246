namespace StreamEngine.Config;

/// <summary>A password or the like: it never prints itself. Only <see cref="Reveal"/> gives the text, to whom needs it.</summary>
public sealed class Secret(string value) : IEquatable<Secret>
{
    /// <summary>What stands in place of a secret, in logs and in a rendered configuration.</summary>
    public const string Redacted = "***";

    private readonly string _value = value;

    /// <summary>The secret itself.</summary>
    public string Reveal() => _value;

    /// <inheritdoc/>
    public bool Equals(Secret? other) => other is not null && other._value == _value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Secret);

    /// <inheritdoc/>
    public override int GetHashCode() => _value.Length;

    /// <summary>Always <c>***</c>.</summary>
    public override string ToString() => Redacted;

    /// <summary>Whether a key names a secret by its last word: <c>password</c>, <c>ssl.key.password</c>, <c>client-secret</c>, <c>token</c>.</summary>
    internal static bool IsNamedBy(string key)
    {
        int cut = key.LastIndexOfAny(['.', '-', '_']);
        string word = key[(cut + 1)..].ToLowerInvariant();
        return word is "password" or "passwd" or "passphrase" or "secret" or "secrets" or "token" or "credential" or "credentials" or "pem"
            || ((string[])["private-key", "access-key", "api-key"]).Any(end => key.EndsWith(end, StringComparison.Ordinal));
    }
}
