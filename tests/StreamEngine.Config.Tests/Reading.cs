namespace StreamEngine.Config.Tests;

/// <summary>Short ways to read a text and to look at what came out.</summary>
internal static class Reading
{
    public static HoconDocument Parse(string text, params (string Name, string Value)[] environment)
        => HoconParser.Parse(text, "test.conf", new HoconOptions { Environment = name => environment.FirstOrDefault(e => e.Name == name).Value });

    /// <summary>The document in one line: <c>{a=1,b=[x,y],c={d=null}}</c>.</summary>
    public static string Flat(string text, params (string Name, string Value)[] environment) => Flat(Parse(text, environment).Root);

    public static string Flat(ConfigValue value) => value switch
    {
        ConfigObject block => "{" + string.Join(",", block.Entries.Select(e => $"{e.Key}={Flat(e.Value)}")) + "}",
        ConfigList list => "[" + string.Join(",", list.Items.Select(Flat)) + "]",
        ConfigText text => text.IsQuoted ? $"'{text.Text}'" : text.Text,
        _ => throw new InvalidOperationException(),
    };

    public static ConfigText Text(this HoconDocument document, params string[] path) => Assert.IsType<ConfigText>(document.Root.Find(path));

    public static IReadOnlyList<ConfigError> Errors(string text) => Assert.Throws<ConfigException>(() => Parse(text)).Errors;

    /// <summary>The only error of a text, as <c>line:column:length message</c>.</summary>
    public static string Error(string text)
    {
        var error = Assert.Single(Errors(text));
        return $"{error.Line}:{error.Column}:{error.Length} {error.Message}";
    }

    /// <summary>A shared file; skips the test where the folder is absent.</summary>
    public static string Shared(params string[] path)
    {
        string? root = Environment.GetEnvironmentVariable("ENGINE_SHARED");
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); root is null && at is not null; at = at.Parent)
            if (File.Exists(Path.Combine(at.FullName, "StreamEngine.sln"))) root = Path.Combine(at.FullName, "..", "shared");
        string found = Path.GetFullPath(Path.Combine([root ?? ".", .. path]));
        Skip.IfNot(Path.Exists(found), $"{string.Join('/', path)} of ../shared is absent");
        return found;
    }
}
