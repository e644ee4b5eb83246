namespace StreamEngine.Config;

/// <summary>An include statement: the file it names, and whether that must exist.</summary>
internal readonly record struct IncludeRequest(string Name, bool IsRequired, ConfigSpan Span);

/// <summary>Reads <c>include "f"</c>, <c>include file("f")</c>, <c>include required(file("f"))</c> (HOCON.md, "Include syntax").</summary>
internal static class IncludeReader
{
    private const string Form = "write include \"file\", include file(\"file\") or include required(file(\"file\"))";

    /// <summary>True where no include statement begins here: nothing was read. Otherwise what was read, or null with the error reported.</summary>
    public static bool Read(Scanner scanner, out IncludeRequest? request)
    {
        request = null;
        const string word = "include";
        int start = scanner.Pos;
        if (!scanner.At(word)) return true;
        scanner.Pos += word.Length;
        if (!scanner.AtEnd && scanner.Current is not ('"' or '\n') && !Scanner.IsSpace(scanner.Current))
        {
            scanner.Pos = start;
            return true;
        }
        scanner.SkipBlank();
        // A key of that name is against the specification's letter, but harms nobody: `include = 1`.
        if (scanner.Current is '=' or ':' or '{' || scanner.At("+="))
        {
            scanner.Pos = start;
            return true;
        }
        request = ReadArgument(scanner);
        return false;
    }

    private static IncludeRequest? ReadArgument(Scanner scanner)
    {
        int start = scanner.Pos;
        int closing = 0;
        bool isRequired = Take(scanner, "required(");
        if (isRequired) closing++;
        if (Take(scanner, "file(")) closing++;
        if (scanner.Current != '"' || scanner.At("\"\"\""))
        {
            bool isOther = scanner.At("url(") || scanner.At("classpath(");
            scanner.Error(new ConfigSpan(scanner.Source, start, Math.Max(1, scanner.Source.LineBounds(start).End - start)),
                isOther ? "only files can be included" : "an include needs a file name in quotes", Form);
            scanner.SkipLine();
            return null;
        }
        var name = scanner.ReadString();
        for (; closing > 0; closing--)
        {
            scanner.SkipSpace();
            if (scanner.Current != ')')
            {
                scanner.Error(scanner.Here, "')' is expected to close this include", Form);
                scanner.SkipLine();
                return null;
            }
            scanner.Pos++;
        }
        return new IncludeRequest(name.Text, isRequired, name.Span);
    }

    private static bool Take(Scanner scanner, string word)
    {
        if (!scanner.At(word)) return false;
        scanner.Pos += word.Length;
        scanner.SkipSpace();
        return true;
    }
}
