namespace StreamEngine.Config;

/// <summary>One text that was read (a file, a text in memory, one <c>--set</c>), with the way from an offset to a line and a column.</summary>
/// <remarks>Lines and columns count from 1; a column counts Unicode code points, so that a caret stands under the character meant.</remarks>
internal sealed class ConfigSource(string name, string text, string? fullPath = null, bool isOverride = false)
{
    private readonly List<(int Start, int End)> _hidden = [];
    private int[]? _lineStarts;

    /// <summary>The name for error texts: the path as the user gave it, or <c>--set key</c>.</summary>
    public string Name { get; } = name;

    /// <summary>The whole text.</summary>
    public string Text { get; } = text;

    /// <summary>The real path of the file, or null for a text that is no file (it cannot include anything).</summary>
    public string? FullPath { get; } = fullPath;

    /// <summary>True for a <c>--set</c>: one line whose number says nothing.</summary>
    public bool IsOverride { get; } = isOverride;

    /// <summary>Line and column (from 1) of an offset; an offset past the end is the end.</summary>
    public (int Line, int Column) Locate(int offset)
    {
        offset = Math.Clamp(offset, 0, Text.Length);
        int line = LineIndex(offset);
        int column = 1;
        for (int i = LineStarts[line]; i < offset; i++)
            if (!char.IsLowSurrogate(Text[i])) column++;
        return (line + 1, column);
    }

    /// <summary>The bounds of the line that holds the offset, without its line end.</summary>
    public (int Start, int End) LineBounds(int offset)
    {
        offset = Math.Clamp(offset, 0, Text.Length);
        int start = LineStarts[LineIndex(offset)];
        int end = Text.IndexOf('\n', start);
        if (end < 0) end = Text.Length;
        if (end > start && Text[end - 1] == '\r') end--;
        return (start, end);
    }

    /// <summary>Where the line that holds the offset begins.</summary>
    public int LineStart(int offset) => LineStarts[LineIndex(Math.Clamp(offset, 0, Text.Length))];

    /// <summary>Keeps a secret's characters out of every error's source line; returns a number for <see cref="HideInstead"/>.</summary>
    public int Hide(int start, int end)
    {
        _hidden.Add((start, end));
        return _hidden.Count - 1;
    }

    /// <summary>Replaces the bounds of an earlier <see cref="Hide"/>, which are known better now.</summary>
    public void HideInstead(int number, int start, int end) => _hidden[number] = (start, end);

    /// <summary>A piece of the text as it may be shown: secrets as stars, control characters but tabs as spaces.</summary>
    public string Show(int start, int end) => string.Create(end - start, (this, start), static (span, state) =>
    {
        var (source, from) = state;
        source.Text.AsSpan(from, span.Length).CopyTo(span);
        for (int i = 0; i < span.Length; i++)
            if (char.IsControl(span[i]) && span[i] != '\t') span[i] = ' ';
        foreach (var (hideStart, hideEnd) in source._hidden)
            for (int i = Math.Max(hideStart - from, 0); i < Math.Min(hideEnd - from, span.Length); i++)
                span[i] = '*';
    });

    private int[] LineStarts => _lineStarts ??= FindLineStarts();

    private int[] FindLineStarts()
    {
        var starts = new List<int> { 0 };
        for (int i = Text.IndexOf('\n'); i >= 0; i = Text.IndexOf('\n', i + 1)) starts.Add(i + 1);
        return [.. starts];
    }

    private int LineIndex(int offset)
    {
        int found = Array.BinarySearch(LineStarts, offset);
        return found >= 0 ? found : ~found - 1;
    }
}

/// <summary>A place in a source; the default value is no place at all.</summary>
internal readonly record struct ConfigPosition(ConfigSource? Source, int Offset)
{
    public string? File => Source?.Name;
    public int Line => Source?.Locate(Offset).Line ?? 0;
    public int Column => Source?.Locate(Offset).Column ?? 0;

    /// <summary><c>file:line:column</c>, or <c>--set key</c>.</summary>
    public override string ToString() => Source is null ? "" : Source.IsOverride ? Source.Name : $"{File}:{Line}:{Column}";
}

/// <summary>A stretch of a source, in UTF-16 units.</summary>
internal readonly record struct ConfigSpan(ConfigSource? Source, int Start, int Length)
{
    public ConfigPosition Position => new(Source, Start);
    public int End => Start + Length;

    /// <summary>From the start of this to the end of the other one; this one alone where they lie in different sources.</summary>
    public ConfigSpan To(ConfigSpan other) => Source == other.Source && other.End >= Start ? this with { Length = other.End - Start } : this;
}
