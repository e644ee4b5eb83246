namespace StreamEngine.Config;

/// <summary>A value of a resolved document: a text, a list or an object. Immutable, so substitutions share it.</summary>
internal abstract class ConfigValue(ConfigSpan span, int depth, long weight)
{
    /// <summary>Where the value is written (its definition, where a substitution brought it).</summary>
    public ConfigSpan Span { get; } = span;

    /// <summary>How many levels of lists and objects it holds; 0 for a text.</summary>
    public int Depth { get; } = depth;

    /// <summary>How much it holds when written out in full: values and characters. Bounds what shared values expand to.</summary>
    public long Weight { get; } = weight;

    /// <summary>What it is, for error texts.</summary>
    public abstract string Kind { get; }
}

/// <summary>A text: every string, number, boolean and null; getters give it a type.</summary>
internal sealed class ConfigText(string text, bool isQuoted, SourceMap map, ConfigSpan span) : ConfigValue(span, 0, 8 + text.Length)
{
    /// <summary>The characters, escapes undone.</summary>
    public string Text { get; } = text;

    /// <summary>Whether it stood in quotes: a quoted "null" is a text.</summary>
    public bool IsQuoted { get; } = isQuoted;

    /// <summary>The way back from an offset of <see cref="Text"/> to the file.</summary>
    public SourceMap Map { get; } = map;

    /// <summary>An explicit null: the key counts as not set.</summary>
    public bool IsNull => !IsQuoted && Text == "null";

    /// <summary>Set when a getter read it as a secret: renderings leave it out from then on.</summary>
    public bool IsSecret { get; set; }

    public override string Kind => IsNull ? "null" : $"'{Shown.Word(Text)}'";

    /// <summary>The place of the character at <paramref name="offset"/> of the text.</summary>
    public ConfigPosition At(int offset) => Map.At(offset);

    /// <summary>An error at a stretch of the text, such as a column in SQL.</summary>
    public ConfigError ErrorAt(int offset, int length, string message, string? hint = null) => ConfigError.At(Map.Span(offset, length), message, hint);
}

/// <summary>A list of values.</summary>
internal sealed class ConfigList(IReadOnlyList<ConfigValue> items, ConfigSpan span)
    : ConfigValue(span, 1 + items.Select(i => i.Depth).DefaultIfEmpty().Max(), 8 + items.Sum(i => i.Weight))
{
    public IReadOnlyList<ConfigValue> Items { get; } = items;

    public override string Kind => "a list";
}

/// <summary>A key with its value, in an object.</summary>
internal readonly record struct ConfigEntry(string Key, ConfigSpan KeySpan, ConfigValue Value);

/// <summary>An object: keys with values, in the order in which the files first named them.</summary>
internal sealed class ConfigObject : ConfigValue
{
    private readonly OrderedDictionary<string, ConfigEntry> _entries;

    public ConfigObject(OrderedDictionary<string, ConfigEntry> entries, ConfigSpan span)
        : base(span, 1 + entries.Values.Select(e => e.Value.Depth).DefaultIfEmpty().Max(), 8 + entries.Values.Sum(e => e.Key.Length + e.Value.Weight))
        => _entries = entries;

    public IList<ConfigEntry> Entries => _entries.Values;

    public override string Kind => "a block";

    public bool TryGet(string key, out ConfigEntry entry) => _entries.TryGetValue(key, out entry);

    /// <summary>The value at a path of keys, or null.</summary>
    public ConfigValue? Find(ReadOnlySpan<string> path)
    {
        ConfigValue value = this;
        foreach (string key in path)
        {
            if (value is not ConfigObject inner || !inner.TryGet(key, out var entry)) return null;
            value = entry.Value;
        }
        return value;
    }
}
