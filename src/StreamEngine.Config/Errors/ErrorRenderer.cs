using System.Text;

namespace StreamEngine.Config;

/// <summary>Draws errors as every command prints them: <c>file:line:col: message</c>, the line indented by 4, carets, hints indented by 2.</summary>
internal static class ErrorRenderer
{
    /// <summary>So many errors are shown: who has mended them asks again.</summary>
    private const int Most = 50;

    /// <summary>The errors, a blank line between two, and how many more there are; without a line end at the end.</summary>
    public static string Render(IEnumerable<ConfigError> errors)
    {
        var all = errors.ToList();
        var shown = all.Take(Most).Select(Render);
        return string.Join("\n\n", all.Count > Most ? shown.Append($"and {all.Count - Most} more") : shown);
    }

    /// <summary>One error, without a line end at the end.</summary>
    public static string Render(ConfigError error)
    {
        var text = new StringBuilder();
        if (error.File is not null)
        {
            text.Append(error.File);
            if (!error.WithoutLine) text.Append(':').Append(error.Line).Append(':').Append(error.Column);
            text.Append(": ");
        }
        text.Append(error.Message);
        if (error.SourceLine is { } line) AppendLine(text, line, error.CaretStart, error.Length);
        if (error.Hint is { } hint)
            foreach (string part in hint.Split('\n')) text.Append("\n  ").Append(part);
        return text.ToString();
    }

    private static void AppendLine(StringBuilder text, string line, int caret, int length)
    {
        text.Append("\n    ").Append(line).Append("\n    ");
        // Tabs stay tabs, so that the caret stands below the character whatever the terminal's tab width is.
        foreach (char c in line.AsSpan(0, Math.Min(caret, line.Length)))
            if (!char.IsLowSurrogate(c)) text.Append(c == '\t' ? '\t' : ' ');
        int carets = 0;
        for (int i = caret; i < Math.Min(caret + length, line.Length); i++)
            if (!char.IsLowSurrogate(line[i])) carets++;
        text.Append('^', Math.Max(1, carets));
    }
}
