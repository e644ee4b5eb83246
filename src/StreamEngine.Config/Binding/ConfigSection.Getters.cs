using System.Globalization;

namespace StreamEngine.Config;

internal sealed partial class ConfigSection
{
    private delegate string? Reading<T>(string text, out T value, ref string? hint, ref (int Offset, int Length) place);

    /// <summary>A text with the way back to the file, such as SQL; null where it is missing.</summary>
    public ConfigText? FindText(string key)
    {
        if (Find(key) is not { } entry) return null;
        if (entry.Value is ConfigText text) return text;
        ErrorAt(key, $"{Shown.Path(Path, key)} has to be a text, not {entry.Value.Kind}");
        return null;
    }

    /// <summary>A text that must be there; null after the error.</summary>
    public ConfigText? GetRequiredText(string key) => OrMissing(key, FindText(key));

    public string? FindString(string key) => FindText(key)?.Text;
    public string GetString(string key, string or) => FindString(key) ?? or;

    /// <summary>A text that must be there and not empty; an empty one after the error.</summary>
    public string GetRequiredString(string key)
    {
        if (FindText(key) is not { } text) return OrMissing(key, (string?)null) ?? "";
        if (text.Text.Length == 0) ErrorAt(key, $"{Shown.Path(Path, key)} must not be empty");
        return text.Text;
    }

    /// <summary>A secret; its value never stands in an error or a rendering.</summary>
    public Secret? FindSecret(string key)
    {
        if (FindText(key) is not { } text) return null;
        text.IsSecret = true;
        text.Span.Source?.Hide(text.Span.Start, text.Span.End);
        return new Secret(text.Text);
    }

    public int? FindInt(string key, int min = int.MinValue, int max = int.MaxValue) => (int?)FindLong(key, min, max);
    public int GetInt(string key, int or, int min = int.MinValue, int max = int.MaxValue) => FindInt(key, min, max) ?? or;
    public int GetRequiredInt(string key, int min = int.MinValue, int max = int.MaxValue) => OrMissing(key, FindInt(key, min, max)) ?? 0;

    public long? FindLong(string key, long min = long.MinValue, long max = long.MaxValue)
    {
        return Read<long>(key, InRange);
        string? InRange(string text, out long value, ref string? hint, ref (int, int) place)
        {
            // 1000.0 and 1e6 are whole numbers too (JSON has one kind of number).
            bool isNumber = decimal.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal number);
            bool isWhole = isNumber && number == decimal.Truncate(number);
            value = isWhole && number is >= long.MinValue and <= long.MaxValue ? (long)number : 0;
            if (!isWhole) return $"has to be a whole number, not '{Shown.Word(text)}'";
            return number < min || number > max ? OutOfRange(min, max, text) : null;
        }
    }

    public long GetLong(string key, long or, long min = long.MinValue, long max = long.MaxValue) => FindLong(key, min, max) ?? or;
    public long GetRequiredLong(string key, long min = long.MinValue, long max = long.MaxValue) => OrMissing(key, FindLong(key, min, max)) ?? 0;

    public double? FindDouble(string key, double min = double.MinValue, double max = double.MaxValue)
    {
        return Read<double>(key, InRange);
        string? InRange(string text, out double value, ref string? hint, ref (int, int) place)
        {
            bool isNumber = double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
            if (!isNumber) return $"has to be a number, not '{Shown.Word(text)}'";
            return value < min || value > max ? OutOfRange(min, max, text) : null;
        }
    }

    public double GetDouble(string key, double or, double min = double.MinValue, double max = double.MaxValue) => FindDouble(key, min, max) ?? or;

    public bool? FindBool(string key)
    {
        return Read<bool>(key, Parse);
        static string? Parse(string text, out bool value, ref string? hint, ref (int, int) place)
        {
            value = text is "true" or "on" or "yes";
            hint = "use true, on, yes or false, off, no";
            return value || text is "false" or "off" or "no" ? null : $"has to be true or false, not '{Shown.Word(text)}'";
        }
    }

    public bool GetBool(string key, bool or) => FindBool(key) ?? or;
    public bool GetRequiredBool(string key) => OrMissing(key, FindBool(key)) ?? false;

    /// <summary>A duration: <c>30s</c>, <c>1.5 hours</c>, a bare number in milliseconds; <c>infinite</c>, where allowed, is <see cref="TimeSpan.MaxValue"/>.</summary>
    /// <param name="key">The key.</param>
    /// <param name="min">The least allowed; null: zero.</param>
    /// <param name="max">The most allowed; null: any.</param>
    /// <param name="allowInfinite">Whether <c>infinite</c> may stand there.</param>
    public TimeSpan? FindDuration(string key, TimeSpan? min = null, TimeSpan? max = null, bool allowInfinite = false)
    {
        return Read<TimeSpan>(key, InRange);
        string? InRange(string text, out TimeSpan value, ref string? hint, ref (int, int) place)
        {
            value = TimeSpan.MaxValue;
            if (text.Trim() is "infinite" or "inf") return allowInfinite ? null : "cannot be infinite";
            if (Units.ParseDuration(text, out value, ref hint, ref place) is { } wrong) return wrong;
            var (least, most) = (min ?? TimeSpan.Zero, max ?? TimeSpan.MaxValue);
            if (value >= least && value <= most) return null;
            string range = value < least ? $"at least {Units.Format(least)}" : $"at most {Units.Format(most)}";
            return $"has to be {range}, not '{Shown.Word(text)}'";
        }
    }

    public TimeSpan GetDuration(string key, TimeSpan or, TimeSpan? min = null, TimeSpan? max = null, bool allowInfinite = false)
        => FindDuration(key, min, max, allowInfinite) ?? or;
    public TimeSpan GetRequiredDuration(string key, TimeSpan? min = null, TimeSpan? max = null, bool allowInfinite = false)
        => OrMissing(key, FindDuration(key, min, max, allowInfinite)) ?? TimeSpan.Zero;

    /// <summary>A size in bytes: <c>64 kB</c> = 64,000, <c>64 KiB</c> = <c>64K</c> = 65,536, a bare number in bytes.</summary>
    public long? FindSize(string key, long min = 0, long max = long.MaxValue)
    {
        return Read<long>(key, InRange);
        string? InRange(string text, out long value, ref string? hint, ref (int, int) place)
        {
            if (Units.ParseSize(text, out value, ref hint, ref place) is { } wrong) return wrong;
            return value < min || value > max ? OutOfRange(min, max, text) : null;
        }
    }

    public long GetSize(string key, long or, long min = 0, long max = long.MaxValue) => FindSize(key, min, max) ?? or;
    public long GetRequiredSize(string key, long min = 0, long max = long.MaxValue) => OrMissing(key, FindSize(key, min, max)) ?? 0;

    /// <summary>A member of an enum, written in lower case with hyphens: <c>AtLeastOnce</c> is <c>at-least-once</c>.</summary>
    public T? FindEnum<T>(string key) where T : struct, Enum
    {
        var names = Enum.GetNames<T>().Select(Units.Hyphenated).ToList();
        return FindChoice(key, names) is { } name ? Enum.GetValues<T>()[names.IndexOf(name)] : null;
    }

    public T GetEnum<T>(string key, T or) where T : struct, Enum => FindEnum<T>(key) ?? or;
    public T GetRequiredEnum<T>(string key) where T : struct, Enum => OrMissing(key, FindEnum<T>(key)) ?? default;

    /// <summary>One of the words given.</summary>
    public string? FindChoice(string key, IReadOnlyCollection<string> choices)
    {
        if (FindText(key) is not { } text) return null;
        if (choices.Contains(text.Text)) return text.Text;
        string use = "use " + string.Join(", ", choices);
        string hint = Nearest.Of(text.Text, choices) is { } near ? $"did you mean '{near}'? {use}" : use;
        ErrorAt(key, $"unknown value '{Shown.Word(text.Text)}' of {Shown.Path(Path, key)}", hint);
        return null;
    }

    public string GetChoice(string key, string or, IReadOnlyCollection<string> choices) => FindChoice(key, choices) ?? or;
    public string GetRequiredChoice(string key, IReadOnlyCollection<string> choices) => OrMissing(key, FindChoice(key, choices)) ?? "";

    /// <summary>A list of texts, each with its place; null where the key is missing.</summary>
    /// <param name="key">The key.</param>
    /// <param name="allowSingle">Whether a text alone is a list of one.</param>
    public IReadOnlyList<ConfigText>? FindTextList(string key, bool allowSingle = false)
    {
        if (Find(key) is not { } entry) return null;
        if (entry.Value is ConfigText single && allowSingle) return [single];
        if (entry.Value is not ConfigList list)
        {
            ErrorAt(key, $"{Shown.Path(Path, key)} has to be a list [ .. ], not {entry.Value.Kind}");
            return null;
        }
        foreach (var item in list.Items.Where(i => i is not ConfigText || IsNull(i)))
            _reader.Add(ConfigError.At(item.Span, $"an element of {Shown.Path(Path, key)} has to be a text, not {item.Kind}"));
        return [.. list.Items.OfType<ConfigText>().Where(t => !t.IsNull)];
    }

    public IReadOnlyList<string>? FindStringList(string key, bool allowSingle = false) => FindTextList(key, allowSingle)?.Select(t => t.Text).ToList();
    public IReadOnlyList<string> GetStringList(string key, bool allowSingle = false) => FindStringList(key, allowSingle) ?? [];
    public IReadOnlyList<string> GetRequiredStringList(string key, bool allowSingle = false) => OrMissing(key, FindStringList(key, allowSingle)) ?? [];

    private T? Read<T>(string key, Reading<T> reading) where T : struct
    {
        if (FindText(key) is not { } text) return null;
        string? hint = null;
        var place = (Offset: 0, Length: text.Text.Length);
        string? wrong = reading(text.Text, out var value, ref hint, ref place);
        if (wrong is null) return value;
        // The whole value is shown with its quotes, a part of it exactly.
        var span = place == (0, text.Text.Length) ? text.Span : text.Map.Span(place.Offset, place.Length);
        _reader.Add(ConfigError.At(span, $"{Shown.Path(Path, key)}: {wrong}", hint));
        return null;
    }

    private T? OrMissing<T>(string key, T? value)
    {
        if (value is null && Find(key) is null) Missing(key);
        return value;
    }

    private static string OutOfRange<T>(T min, T max, string text) where T : IComparable<T>, IConvertible
    {
        string shown = Shown.Word(text);
        bool hasMin = min.ToDouble(null) > int.MinValue, hasMax = max.ToDouble(null) < int.MaxValue;
        if (hasMin && hasMax) return string.Create(CultureInfo.InvariantCulture, $"has to be between {min} and {max}, not '{shown}'");
        return string.Create(CultureInfo.InvariantCulture, $"has to be {(hasMin ? "at least" : "at most")} {(hasMin ? min : max)}, not '{shown}'");
    }
}
