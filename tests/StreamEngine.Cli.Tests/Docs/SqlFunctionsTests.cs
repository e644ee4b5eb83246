using System.Text;
using StreamEngine.Cli.Tests.Suite;
using StreamEngine.Compute.Functions;

namespace StreamEngine.Cli.Tests.Docs;

/// <summary>The list of functions in docs/sql.md is the function table's. With ENGINE_UPDATE_DOCS=1 the page is written anew.</summary>
public sealed class SqlFunctionsTests
{
    private const string Begin = "<!-- functions -->\n";
    private const string End = "<!-- /functions -->";

    [Fact]
    public void The_page_lists_every_function()
    {
        var file = Path.Combine(Repository.Root, "docs", "sql.md");
        var page = File.ReadAllText(file);
        var (from, to) = (page.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, page.IndexOf(End, StringComparison.Ordinal));
        if (Environment.GetEnvironmentVariable("ENGINE_UPDATE_DOCS") == "1") File.WriteAllText(file, page[..from] + List() + page[to..]);
        else Assert.Equal(List(), page[from..to]);
    }

    private static string List()
    {
        var text = new StringBuilder();
        foreach (var (family, functions) in FunctionTable.Families)
        {
            text.Append($"\n### {family}\n| form | does | example |\n|---|---|---|\n");
            foreach (var function in functions)
            {
                var aliases = function.Aliases.Length > 0 ? $"; also {string.Join(", ", function.Aliases.Select(a => $"`{a}`"))}" : "";
                text.Append($"| {string.Join("<br>", function.Signatures.Select(s => Code(s)))} | {Cell(function.Summary)}{aliases} | {Code($"{function.Example} = {function.ExampleResult}")} |\n");
            }
        }
        return text.ToString();
    }

    private static string Code(string text) => $"`{Cell(text)}`";

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
