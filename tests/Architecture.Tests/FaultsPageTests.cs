using System.Text.RegularExpressions;

namespace StreamEngine.Architecture;

/// <summary>docs/faults.md names the test of each fault; a test that was renamed or removed is noticed there.</summary>
public partial class FaultsPageTests
{
    [Fact]
    public void Every_test_that_the_page_names_exists()
    {
        var page = File.ReadAllText(Path.Combine(SourceFormTests.Root, "docs", "faults.md"));
        var named = Name().Matches(page).Select(m => m.Groups["name"].Value).Distinct().ToList();
        Assert.True(named.Count > 80, $"only {named.Count} tests are named");
        var sources = SourceFormTests.Files.Where(f => f.Name.StartsWith("tests/", StringComparison.Ordinal)).ToList();
        var missing = named.Where(n => !sources.Any(f => f.Text.Contains($" {n}(", StringComparison.Ordinal))).ToList();
        Assert.True(missing.Count == 0, $"docs/faults.md names tests that do not exist: {string.Join(", ", missing)}");
    }

    [GeneratedRegex("`(?<name>[A-Z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)`")]
    private static partial Regex Name();
}
