namespace StreamEngine.Config;

/// <summary>Reads HOCON texts and files into a resolved <see cref="HoconDocument"/>.</summary>
internal static class HoconParser
{
    /// <summary>Reads one text.</summary>
    /// <exception cref="ConfigException">The text is wrong; holds all its errors.</exception>
    public static HoconDocument Parse(string text, string name = "text", HoconOptions? options = null) => Load([HoconLayer.Text(text, name)], options);

    /// <summary>Reads several layers, merges them (a later one overrides an earlier one) and only then resolves substitutions.</summary>
    /// <param name="layers">For example reference.conf, the environment's file, the pipeline's file, overrides.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <exception cref="ConfigException">Something is wrong; holds all errors of all layers, or where those are sound all errors of the substitutions.</exception>
    public static HoconDocument Load(IReadOnlyList<HoconLayer> layers, HoconOptions? options = null)
    {
        options ??= new HoconOptions();
        var errors = new ErrorList();
        var includes = new Includes(options, errors);
        var root = new ObjectExpr(default);
        ConfigSource? main = null;
        foreach (var layer in layers)
        {
            if (ParseLayer(layer, includes, errors) is not { } parsed) continue;
            if (!parsed.Source.IsOverride) main = parsed.Source;
            root.MergeFrom(parsed.Root);
        }
        errors.ThrowIfAny();
        var resolved = new Resolver(root, options, errors).Resolve();
        errors.ThrowIfAny();
        return new HoconDocument(resolved, new ConfigSpan(main, 0, 0), includes.Missing);
    }

    private static (ConfigSource Source, ObjectExpr Root)? ParseLayer(HoconLayer layer, Includes includes, ErrorList errors)
    {
        switch (layer)
        {
            case HoconLayer.FileLayer file:
                return includes.LoadFile(file.Path, file.ShownAs);
            case HoconLayer.TextLayer text when IsTooLong(text.Content, text.Name):
                return null;
            case HoconLayer.TextLayer text:
                var source = new ConfigSource(text.Name, text.Content);
                return (source, new TextParser(source, errors, includes, [], 0).ParseRoot());
            case HoconLayer.SetLayer set when IsTooLong(set.KeyValue, "--set"):
                return null;
            case HoconLayer.SetLayer set:
                int cut = set.KeyValue.AsSpan().IndexOfAny('=', '+');
                string key = Shown.Word((cut < 0 ? set.KeyValue : set.KeyValue[..cut]).Trim());
                var line = new ConfigSource($"--set {key}", set.KeyValue, isOverride: true);
                return (line, new TextParser(line, errors, includes, [], 0).ParseOverride());
            default:
                throw new InvalidOperationException($"unknown kind of layer: {layer.GetType()}");
        }

        bool IsTooLong(string content, string name)
        {
            if (content.Length <= includes.Options.MaxBytes) return false;
            errors.Add(ConfigError.Plain($"cannot read '{Shown.Word(name)}': it is larger than {includes.Options.MaxBytes} bytes"));
            return true;
        }
    }
}
