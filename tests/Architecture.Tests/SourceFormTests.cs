using System.Text.RegularExpressions;

namespace StreamEngine.Architecture;

/// <summary>The form of source files, as .editorconfig and the style guide say it: what a formatter does not check, and what it does in a fraction of its time.</summary>
public partial class SourceFormTests
{
    private const int LongestLine = 170;
    private const int LongestFile = 500;

    internal static string Root { get; } = FindRoot();

    internal static List<(string Name, string Text)> Files { get; } = [.. new[] { "src", "tests" }
        .SelectMany(f => Directory.EnumerateFiles(Path.Combine(Root, f), "*.cs", SearchOption.AllDirectories))
        .Select(f => (Name: Path.GetRelativePath(Root, f).Replace('\\', '/'), Text: File.ReadAllText(f)))
        .Where(f => !f.Name.Contains("/obj/", StringComparison.Ordinal) && !f.Name.Contains("/bin/", StringComparison.Ordinal))
            .OrderBy(f => f.Name, StringComparer.Ordinal)];

    private static void AssertNone(IEnumerable<string> places, string what)
    {
        var found = places.ToList();
        Assert.True(found.Count == 0, $"{what}:\n{string.Join('\n', found.Take(50))}{(found.Count > 50 ? $"\nand {found.Count - 50} more" : "")}");
    }

    private static IEnumerable<string> Lines(Func<string, bool> isBad) =>
        Files.SelectMany(f => f.Text.Split('\n').Index().Where(l => isBad(l.Item)).Select(l => $"{f.Name}:{l.Index + 1}"));

    [Fact]
    public void The_sources_are_found() => Assert.True(Files.Count > 100, Root);

    [Fact]
    public void Lines_fit_on_a_screen() => AssertNone(Files.SelectMany(f => TooLong(f.Text).Select(line => $"{f.Name}:{line}")),
        $"lines of more than {LongestLine} characters");

    /// <summary>Lines that could be divided: a text is not, and a raw text of several lines is what it is.</summary>
    private static IEnumerable<int> TooLong(string text)
    {
        var raw = false;
        foreach (var (i, line) in text.Split('\n').Index())
        {
            var inside = raw;
            if (RawQuotes().Count(line) % 2 == 1) raw = !raw;
            if (!inside && !raw && line.Length > LongestLine && WithoutTexts(line).Length > LongestLine) yield return i + 1;
        }
    }

    // A raw or interpolated text may hold quotes of its own: what is between the first and the last counts as one.
    private static string WithoutTexts(string line)
    {
        var start = new[] { line.IndexOf("\"\"\"", StringComparison.Ordinal), line.IndexOf("$\"", StringComparison.Ordinal) }.Where(i => i >= 0).DefaultIfEmpty(-1).Min();
        if (start >= 0) line = line.Remove(start, line.LastIndexOf('"') - start);
        return Literal().Replace(line, m => m.Value.Length > 40 ? "" : m.Value);
    }

    [Fact]
    public void There_are_no_tabs() => AssertNone(Lines(l => l.Contains('\t')), "tabs");

    [Fact]
    public void Nothing_trails_a_line() => AssertNone(Lines(l => l.Length > 0 && char.IsWhiteSpace(l[^1])), "white space at the end of a line, or carriage returns");

    [Fact]
    public void Files_end_with_a_line_end() => AssertNone(Files.Where(f => !f.Text.EndsWith('\n') || f.Text.EndsWith("\n\n", StringComparison.Ordinal))
        .Select(f => f.Name),
        "files that end without a line end, or with an empty line");

    [Fact]
    public void A_file_has_one_idea() => AssertNone(Files.Where(f => f.Text.Count(c => c == '\n') > LongestFile).Select(f => f.Name),
        $"files of more than {LongestFile} lines");

    [Fact]
    public void Namespaces_are_those_of_the_file() => AssertNone(Files.Where(f => BlockNamespace().IsMatch(f.Text)).Select(f => f.Name), "namespaces with a block");

    // Small values and enums stand beside the type that they belong to; a type of the file's own name has to be among them.
    [Fact]
    public void A_file_of_public_types_is_named_after_one() => AssertNone(Files.Where(f => f.Name.StartsWith("src/", StringComparison.Ordinal))
        .Select(f => (f.Name, Types: PublicType().Matches(f.Text).Select(m => m.Groups["name"].Value).ToList()))
        .Where(f => f.Types.Count > 1 && !f.Types.Contains(Path.GetFileNameWithoutExtension(f.Name).Split('.')[0])).Select(f => f.Name),
            "files that are named after none of their public types");

    [GeneratedRegex("\"\"\"+")]
    private static partial Regex RawQuotes();

    [GeneratedRegex("""
        "(?:[^"\\]|\\.)*"
        """)]
    private static partial Regex Literal();

    [GeneratedRegex(@"^namespace [\w.]+\s*\{?\s*$", RegexOptions.Multiline)]
    private static partial Regex BlockNamespace();

    [GeneratedRegex(@"^public (?:sealed |static |abstract |partial |unsafe |readonly |ref )*(?:class|record struct|record|struct|enum|interface) (?<name>\w+)",
        RegexOptions.Multiline)]
    private static partial Regex PublicType();

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "StreamEngine.sln"))) return folder.FullName;
        return Environment.GetEnvironmentVariable("ENGINE_ROOT")
            ?? throw new InvalidOperationException("StreamEngine.sln was not found above the test's folder; set ENGINE_ROOT");
    }
}
