using System.Text;
using FsCheck.Xunit;
using StreamEngine.Compute.Syntax;
using StreamEngine.Sql.Planning;
using StreamEngine.Sql.Suite;

namespace StreamEngine.Sql.Syntax;

/// <summary>Whatever the text: a plan, or errors that lie in it. Nothing else is thrown, no stack overflows, and it ends.</summary>
public class HostileTextTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly string[] Words =
    [
        "INSERT", "INTO", "CREATE", "VIEW", "AS", "SELECT", "DISTINCT", "FROM", "WHERE", "GROUP", "BY", "HAVING", "TUMBLE", "HOP", "TABLE", "DESCRIPTOR", "SESSION",
            "INTERVAL", "'1'", "HOUR", "MONTH", "CASE", "WHEN",
        "THEN", "ELSE", "END", "CAST", "NULL", "IS", "NOT", "IN", "BETWEEN", "AND", "OR", "LIKE", "FILTER", "count", "sum", "max", "flights", "quakes", "hourly", "raw",
            "date", "delay", "origin", "window_start", "properties",
        "time", "*", "(", ")", ",", ";", ".", "[", "]", "+", "-", "/", "||", "=", "<>", "1", "1.5", "1e999", "''", "'x", "\"q\"", "\"", "--", "/*", "\n", "\0", "\ud800",
            "é", "99999999999999999999999999999999999999999",
    ];

    private static readonly Lazy<string[]> Cases =
        new(() => [.. Directory.EnumerateFiles(GoldenFolder.Path, "*.txt").Order(StringComparer.Ordinal).SelectMany(f => File.ReadAllText(f).Split("\n\n"))
        .Select(p => string.Join('\n', p.Split('\n').Where(l => !l.StartsWith("  -> ", StringComparison.Ordinal) && !l.StartsWith('#'))))
            .Where(p => p.Contains("SELECT", StringComparison.Ordinal))]);

    private static void Survives(string text)
    {
        // On a thread of its own: what never ends is a failure that prints the text, not a hanging run.
        var planning = Task.Run(() => Plan(text));
        Assert.True(planning.Wait(Patience), $"not done in {Patience.TotalSeconds} s: {text}");
    }

    private static void Plan(string text)
    {
        var plan = SqlPlanner.Plan(text, Tables.Flights);
        if (plan.IsWhole != (plan.Errors.Count == 0)) Assert.Fail($"{plan.Errors.Count} errors, and {(plan.IsWhole ? "a" : "no")} plan: {text}");
        if (plan.IsWhole && plan.Inserts.Count == 0) Assert.Fail($"neither errors nor a plan: {text}");
        foreach (var error in plan.Errors)
        {
            if (error.Offset < 0 || error.Length < 0 || error.Offset > text.Length || error.Offset + error.Length > Math.Max(text.Length, 1))
                Assert.Fail($"{error} is outside of a text of {text.Length}: {text}");
            if (error.Message.Length == 0) Assert.Fail($"an error without a message: {text}");
        }
    }

    [Property(MaxTest = 3000, EndSize = Seeds.All)]
    public void Any_sequence_of_words(int seed)
    {
        var random = new Random(seed);
        Survives(string.Join(random.Next(3) == 0 ? "" : " ", Enumerable.Range(0, random.Next(40)).Select(_ => Words[random.Next(Words.Length)])));
    }

    [Property(MaxTest = 1000)]
    public void Any_text(string? text) => Survives(text ?? "");

    [Property(MaxTest = 3000, EndSize = Seeds.All)]
    public void A_damaged_statement(int seed)
    {
        var random = new Random(seed);
        var text = new StringBuilder(Cases.Value[random.Next(Cases.Value.Length)]);
        for (var i = random.Next(1, 6); i > 0 && text.Length > 1; i--)
        {
            var (at, length) = (random.Next(text.Length), random.Next(1, 8));
            switch (random.Next(4))
            {
                case 0: text.Remove(at, Math.Min(length, text.Length - at)); break;
                case 1: text.Insert(at, Words[random.Next(Words.Length)]); break;
                case 2: text.Insert(at, text.ToString(at, Math.Min(length, text.Length - at))); break;
                default: text[at] = (char)random.Next(1, 256); break;
            }
        }
        Survives(text.ToString());
    }

    [Property(MaxTest = 1000, EndSize = Seeds.All)]
    public void Words_of_several_statements_shuffled(int seed)
    {
        var random = new Random(seed);
        var words = Enumerable.Range(0, 2).SelectMany(_ => Cases.Value[random.Next(Cases.Value.Length)].Split(' ', '\n')).ToArray();
        for (var i = random.Next(1, 6); i > 0; i--)
        {
            var (a, b) = (random.Next(words.Length), random.Next(words.Length));
            (words[a], words[b]) = (words[b], words[a]);
        }
        Survives(string.Join(' ', words));
    }

    [Theory]
    [InlineData("INSERT INTO raw SELECT {0}1{1} AS a FROM flights", "(", ")")]
    [InlineData("INSERT INTO raw SELECT {0}origin{1} AS a FROM flights", "upper(", ")")]
    [InlineData("INSERT INTO raw SELECT {0}1{1} AS a FROM flights", "- ", "")]
    [InlineData("INSERT INTO raw SELECT {0}1{1} AS a FROM flights", "CASE WHEN true THEN ", " END")]
    [InlineData("INSERT INTO raw SELECT origin FROM flights WHERE {0}true{1}", "NOT ", "")]
    [InlineData("INSERT INTO raw SELECT 1{1} AS a FROM flights{0}", "", " + 1")]
    [InlineData("INSERT INTO raw SELECT tags{1} AS a FROM quakes{0}", "", "[1]")]
    [InlineData("INSERT INTO raw SELECT a{1} AS a FROM flights{0}", "", ".a")]
    [InlineData("{0}INSERT INTO raw SELECT origin FROM flights{1}", "CREATE VIEW v AS SELECT origin FROM flights; ", "")]
    [InlineData("INSERT INTO raw SELECT origin FROM {0}flights{1}", "TABLE(", ")")]
    public void Deep_and_long_texts(string text, string open, string close)
    {
        foreach (var levels in new[] { 250, 1_000, 20_000 })
            Survives(string.Format(null, text, new StringBuilder().Insert(0, open, levels), new StringBuilder().Insert(0, close, levels)));
    }

    [Fact]
    public void A_chain_of_views_may_be_long()
    {
        // Each view is planned over the one before: what walks the plan must not recurse once per view.
        var text = new StringBuilder("CREATE VIEW v0 AS SELECT origin, date FROM flights;");
        for (var i = 1; i < 1_000; i++) text.Append($"CREATE VIEW v{i} AS SELECT origin, date FROM v{i - 1} WHERE origin <> '{i}';");
        text.Append("INSERT INTO raw SELECT origin FROM v999");
        Survives(text.ToString());
        Assert.Equal("flights", SqlPlanner.Plan(text.ToString(), Tables.Flights).Inserts[0].Root.Source);
    }
}
