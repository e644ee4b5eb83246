using System.Text;

namespace StreamEngine.Config;

/// <summary>How words and paths of a file stand in error texts: short, on one line, without control characters.</summary>
internal static class Shown
{
    private const int Longest = 60;

    /// <summary>A word of the user, cut where it is long.</summary>
    public static string Word(string word, int longest = Longest)
    {
        string cut = word.Length > longest ? string.Concat(word.AsSpan(0, longest), "...") : word;
        if (!cut.Any(char.IsControl)) return cut;
        var text = new StringBuilder();
        foreach (char c in cut)
            if (c == '\n') text.Append("\\n");
            else if (char.IsControl(c)) text.Append(' ');
            else text.Append(c);
        return text.ToString();
    }

    /// <summary>A path as it would be written in a file: parts joined by dots, quoted where they need it.</summary>
    public static string Path(IEnumerable<string> parts) => Cut(string.Join('.', parts.Select(Part)));

    /// <summary>A path with one more key.</summary>
    public static string Path(string path, string key) => path.Length == 0 ? Part(key) : $"{path}.{Part(key)}";

    /// <summary>One key of a path.</summary>
    public static string Part(string key) => IsPlain(key) ? key : $"\"{Word(key)}\"";

    /// <summary>Letters, digits, - and _ only: the same to every reader of HOCON without quotes.</summary>
    public static bool IsPlain(string key) => key.Length > 0 && key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    private static string Cut(string path) => path.Length <= 4 * Longest ? path : string.Concat(path.AsSpan(0, 4 * Longest), "...");
}
