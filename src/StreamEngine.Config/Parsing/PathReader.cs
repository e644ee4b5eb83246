using System.Text;

namespace StreamEngine.Config;

/// <summary>Reads a path of keys, as it stands before <c>=</c> and in <c>${..}</c>: words and quoted parts, split at dots outside quotes.</summary>
internal static class PathReader
{
    /// <summary>The parts of the path from here up to the first character that cannot belong to it; null, with the error reported, where it is no path.</summary>
    /// <param name="scanner">Stands at the first character.</param>
    /// <param name="most">How many parts may be nested here.</param>
    public static List<PathPart>? Read(Scanner scanner, int most)
    {
        var parts = new List<PathPart>();
        int start = scanner.Pos;
        bool isGood = true;
        while (isGood)
        {
            var part = ReadPart(scanner, out bool isQuoted);
            bool atDot = scanner.Current == '.';
            if (part.Text.Length == 0 && !isQuoted)
            {
                isGood = false;
                if (parts.Count == 0 && !atDot) ReportNoKey(scanner);
                else ReportEmpty(scanner, new ConfigSpan(scanner.Source, start, Math.Max(1, scanner.Pos - start)));
            }
            parts.Add(part);
            if (parts.Count > most)
            {
                scanner.Error(scanner.Span(start), "keys are nested too deep", null);
                scanner.Break();
                return null;
            }
            if (!atDot) break;
            scanner.Pos++;
        }
        return isGood ? parts : null;
    }

    private static void ReportNoKey(Scanner scanner)
    {
        string message = scanner.AtEnd ? "a key is expected here" : $"a key cannot begin with '{Shown.Word(scanner.Current.ToString())}'";
        scanner.Error(scanner.Here, message, "put the key in quotes");
    }

    private static void ReportEmpty(Scanner scanner, ConfigSpan span)
        => scanner.Error(span, "a key of this path is empty", "remove the dot, or write \"\" for an empty key");

    /// <summary>One part: words and quoted strings that stand side by side, with the blanks between them (HOCON.md, "Path expressions").</summary>
    private static PathPart ReadPart(Scanner scanner, out bool isQuoted)
    {
        var text = new StringBuilder();
        isQuoted = false;
        scanner.SkipSpace();
        int start = scanner.Pos, end = scanner.Pos;
        while (!scanner.AtEnd)
        {
            int blank = scanner.Pos;
            scanner.SkipSpace();
            bool atString = scanner.Current == '"';
            if (!atString && (!scanner.AtWord || scanner.Current == '.')) break;
            text.Append(scanner.Text, blank, scanner.Pos - blank);
            if (atString)
            {
                if (scanner.At("\"\"\"")) scanner.Error(scanner.Here, "a key cannot stand in triple quotes", "put it in plain quotes");
                text.Append(scanner.ReadString().Text);
                isQuoted = true;
            }
            else
            {
                int word = scanner.Pos;
                while (scanner.AtWord && scanner.Current != '.') scanner.Pos++;
                text.Append(scanner.Text, word, scanner.Pos - word);
            }
            end = scanner.Pos;
        }
        return new PathPart(text.ToString(), new ConfigSpan(scanner.Source, start, end - start));
    }
}
