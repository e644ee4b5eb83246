namespace StreamEngine.Config;

/// <summary>One thing that is wrong in a pipeline file or its SQL, with its place.</summary>
public sealed record ConfigError
{
    /// <summary>A source line longer than this is shown as a window around the caret.</summary>
    private const int LongestLine = 170;

    internal ConfigError(string message, string? hint)
    {
        Message = message;
        Hint = hint;
    }

    /// <summary>The file as the user named it, <c>--set key</c>, or null where the error has no place in a text.</summary>
    public string? File { get; private init; }

    /// <summary>The line, from 1; 0 without a place.</summary>
    public int Line { get; private init; }

    /// <summary>The column in code points, from 1; 0 without a place.</summary>
    public int Column { get; private init; }

    /// <summary>How many UTF-16 units of that line are meant; may be 0 at the end of a line.</summary>
    public int Length { get; private init; }

    /// <summary>What is wrong, in one sentence without a full stop.</summary>
    public string Message { get; }

    /// <summary>What to do about it, one or several lines, or null.</summary>
    public string? Hint { get; }

    /// <summary>The source line (a window of it where it is long; secrets as stars), or null.</summary>
    public string? SourceLine { get; private init; }

    /// <summary>True where <see cref="File"/> is no file, so that line and column say nothing.</summary>
    internal bool WithoutLine { get; private init; }

    /// <summary>Where in <see cref="SourceLine"/> the caret stands, in UTF-16 units.</summary>
    internal int CaretStart { get; private init; }

    /// <summary>The error as the command line prints it: place and message, source line, carets, hint.</summary>
    public override string ToString() => ErrorRenderer.Render(this);

    /// <summary>An error at a stretch of a source. A stretch over several lines is cut at the end of its first.</summary>
    internal static ConfigError At(ConfigSpan span, string message, string? hint = null)
    {
        if (span.Source is not { } source) return new ConfigError(message, hint);
        int offset = Math.Clamp(span.Start, 0, source.Text.Length);
        var (line, column) = source.Locate(offset);
        var (start, end) = source.LineBounds(offset);
        offset = Math.Min(offset, end);
        int length = Math.Max(0, Math.Min(span.End, end) - offset);
        string before = "", after = "";
        if (end - start > LongestLine)
        {
            int windowStart = Math.Max(start, offset - LongestLine / 3);
            int windowEnd = Math.Min(end, windowStart + LongestLine);
            (before, after) = (windowStart > start ? "..." : "", windowEnd < end ? "..." : "");
            (start, end) = (windowStart, windowEnd);
        }
        return new ConfigError(message, hint)
        {
            File = source.Name,
            WithoutLine = source.IsOverride,
            Line = line,
            Column = column,
            Length = length,
            SourceLine = before + source.Show(start, end) + after,
            CaretStart = before.Length + offset - start,
        };
    }

    /// <summary>An error that no place in a text caused, such as a topic that does not exist.</summary>
    internal static ConfigError Plain(string message, string? hint = null) => new(message, hint);
}
