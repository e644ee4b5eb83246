using System.Text;
using StreamEngine.Compute.Syntax;
using StreamEngine.Plan.Logical;
using StreamEngine.Sql.Suite;

namespace StreamEngine.Sql.Planning;

/// <summary>
/// tests/Golden/sql/*.txt. Lines `source NAME on TIME (COLUMN TYPE, ..)` and `sink NAME` make the catalog of what follows; each case is a text of SQL, and behind it,
/// with arrows, its plan or its errors. Cases stand apart by an empty line. With GOLDEN_UPDATE=1 the results are written anew.
/// </summary>
public class GoldenTests
{
    private const string Arrow = "  -> ";

    public static TheoryData<string> Files()
    {
        var files = new TheoryData<string>();
        foreach (var file in Directory.EnumerateFiles(GoldenFolder.Path, "*.txt").Order(StringComparer.Ordinal)) files.Add(Path.GetFileName(file));
        return files;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Statements_give_the_expected_plans_and_errors(string file)
    {
        var path = Path.Combine(GoldenFolder.Path, file);
        var text = File.ReadAllText(path);
        var actual = new StringBuilder();
        var (sources, sinks) = (new List<string>(), new List<string>());
        foreach (var paragraph in text.Split("\n\n"))
        {
            var lines = paragraph.TrimEnd('\n').Split('\n');
            var sql = new List<string>();
            foreach (var line in lines.Where(l => !l.StartsWith(Arrow, StringComparison.Ordinal)))
            {
                actual.Append(line).Append('\n');
                if (line.StartsWith('#')) continue;
                if (line.StartsWith("source ", StringComparison.Ordinal)) sources.Add(line["source ".Length..]);
                else if (line.StartsWith("sink ", StringComparison.Ordinal)) sinks.Add(line["sink ".Length..]);
                else sql.Add(line);
            }
            if (sql.Count > 0)
                foreach (var line in Result(string.Join('\n', sql), Tables.Of(sources, sinks))) actual.Append(Arrow).Append(line).Append('\n');
            actual.Append('\n');
        }
        var result = actual.ToString().TrimEnd('\n') + '\n';
        if (Environment.GetEnvironmentVariable("GOLDEN_UPDATE") == "1") File.WriteAllText(path, result);
        Assert.Equal(text.Split('\n'), result.Split('\n'));
    }

    private static IEnumerable<string> Result(string sql, Catalog catalog)
    {
        var plan = SqlPlanner.Plan(sql, catalog);
        return plan.IsWhole ? Shown.Plan(plan) : plan.Errors.SelectMany(error => Shown.Error(sql, error));
    }
}
