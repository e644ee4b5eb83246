namespace StreamEngine.Config;

/// <summary>A block of keys being read: its getters record what is wrong instead of throwing, and remember which keys are known.</summary>
/// <remarks>
/// Of each type there are three getters: <c>Find</c> gives null, <c>Get</c> the default, <c>GetRequired</c> an error where the key is missing (or null).
/// After an error a getter gives what it would have given for a missing key, so that reading goes on. A key is one key, not a path.
/// </remarks>
internal sealed partial class ConfigSection
{
    private readonly ConfigReader _reader;
    private readonly ConfigObject? _object;
    private readonly OrderedDictionary<string, ConfigSection?> _known = [];
    private bool _takesAll;

    internal ConfigSection(ConfigReader reader, string path, ConfigObject? value, ConfigSpan span)
    {
        _reader = reader;
        _object = value;
        Path = path;
        Span = span;
    }

    /// <summary>The path from the root, such as <c>pipeline.sources.flights</c>; empty at the root.</summary>
    public string Path { get; }

    /// <summary>The last key of the path as it is written, without quotes.</summary>
    public string Name { get; private init; } = "";

    /// <summary>Where the section's key stands; of a section that no file has, the place of the next outer one.</summary>
    public ConfigSpan Span { get; }

    /// <summary>Whether a file has this section.</summary>
    public bool Exists => _object is not null;

    /// <summary>The keys that are set, in the order of the files. Does not make them known.</summary>
    public IEnumerable<string> Keys => _object?.Entries.Where(e => !IsNull(e.Value)).Select(e => e.Key) ?? [];

    /// <summary>Whether it has keys that no getter asked for, here or below: read first what is to be known.</summary>
    public bool HasUnknown => _object is not null && !_takesAll
        && _object.Entries.Any(e => !_known.TryGetValue(e.Key, out var section) || section is { HasUnknown: true });

    /// <summary>Whether the key is set (null does not count). Makes it known.</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>The section of a key; an empty one, with <see cref="Exists"/> false, where it is missing.</summary>
    public ConfigSection GetSection(string key)
    {
        if (_known.TryGetValue(key, out var known) && known is not null) return known;
        var entry = Find(key);
        var value = entry?.Value as ConfigObject;
        if (entry is { } wrong && value is null) ErrorAt(key, $"{Shown.Path(Path, key)} has to be a block {{ .. }}, not {wrong.Value.Kind}");
        var section = new ConfigSection(_reader, Shown.Path(Path, key), value, entry?.KeySpan ?? Span) { Name = key };
        _known[key] = section;
        return section;
    }

    /// <summary>The section of a key that must be there.</summary>
    public ConfigSection GetRequiredSection(string key)
    {
        var section = GetSection(key);
        if (!section.Exists && Find(key) is null) Missing(key);
        return section;
    }

    /// <summary>All keys as sections, in the order of the files: such as one per source. A value that is no block is an error.</summary>
    public IReadOnlyList<ConfigSection> Sections() => [.. Keys.ToList().Select(GetSection).Where(s => s.Exists)];

    /// <summary>All keys with their texts, in the order of the files: such as one per rule. A value that is no text is an error.</summary>
    public IReadOnlyList<(string Key, ConfigSpan KeySpan, ConfigText Value)> Texts()
    {
        var texts = new List<(string, ConfigSpan, ConfigText)>();
        foreach (string key in Keys.ToList())
            if (FindText(key) is { } text) texts.Add((key, KeySpan(key), text));
        return texts;
    }

    /// <summary>All texts below as dotted keys (<c>security.protocol</c>), in the order of the files: for settings that are passed on.</summary>
    public IReadOnlyList<(string Key, ConfigSpan KeySpan, ConfigText Value)> Flatten()
    {
        var texts = new List<(string, ConfigSpan, ConfigText)>();
        _takesAll = true;
        if (_object is not null) Flatten(_object, "", texts);
        return texts;
    }

    /// <summary>Makes a key known with everything below it, without reading it: such as <c>akka</c>.</summary>
    public void Accept(string key) => _known.TryAdd(key, null);

    /// <summary>The same with all of the section's keys: where an error is the reason that nothing reads them.</summary>
    public void AcceptAll() => _takesAll = true;

    /// <summary>Where a key stands; the section's place where it is missing.</summary>
    public ConfigSpan KeySpan(string key) => _object is not null && _object.TryGet(key, out var entry) ? entry.KeySpan : Span;

    /// <summary>Where a key's value stands; the section's place where it is missing.</summary>
    public ConfigSpan ValueSpan(string key) => _object is not null && _object.TryGet(key, out var entry) ? entry.Value.Span : Span;

    /// <summary>Records an error at a key's value (at the section, where the key is missing).</summary>
    public void ErrorAt(string key, string message, string? hint = null) => _reader.Add(ConfigError.At(ValueSpan(key), message, hint));

    /// <summary>Records an error at a key.</summary>
    public void ErrorAtKey(string key, string message, string? hint = null) => _reader.Add(ConfigError.At(KeySpan(key), message, hint));

    internal void ReportUnknown()
    {
        if (_object is null || _takesAll) return;
        foreach (var entry in _object.Entries)
        {
            if (_known.TryGetValue(entry.Key, out var section))
            {
                section?.ReportUnknown();
                continue;
            }
            string? near = Nearest.Of(entry.Key, _known.Keys);
            string known = string.Join(", ", _known.Keys.Order(StringComparer.Ordinal));
            string hint = near is not null ? $"did you mean '{near}'?" : known.Length == 0 ? "no key is known here" : $"known here: {Shown.Word(known, 200)}";
            if (near is not null) _reader.ForgetMissing(this, near);
            _reader.Add(ConfigError.At(entry.KeySpan, $"unknown key '{Shown.Word(entry.Key)}' {(Path.Length == 0 ? "at the top level" : "in " + Path)}", hint));
        }
    }

    private ConfigEntry? Find(string key)
    {
        _known.TryAdd(key, null);
        return _object is not null && _object.TryGet(key, out var entry) && !IsNull(entry.Value) ? entry : null;
    }

    private void Missing(string key)
        => _reader.AddMissing(this, key, ConfigError.At(Span, $"missing required key '{key}'{(Path.Length == 0 ? " at the top level" : " in " + Path)}"));

    private static bool IsNull(ConfigValue value) => value is ConfigText { IsNull: true };

    private void Flatten(ConfigObject block, string prefix, List<(string, ConfigSpan, ConfigText)> texts)
    {
        foreach (var entry in block.Entries)
        {
            string key = prefix + entry.Key;
            switch (entry.Value)
            {
                case ConfigText { IsNull: true }:
                    break;
                case ConfigText text:
                    texts.Add((key, entry.KeySpan, text));
                    break;
                case ConfigObject inner:
                    Flatten(inner, key + ".", texts);
                    break;
                default:
                    _reader.Add(ConfigError.At(entry.Value.Span, $"{Shown.Path(Path, key)} has to be a text, not {entry.Value.Kind}"));
                    break;
            }
        }
    }
}
