using System.Text.Json;
using StreamEngine.Cli.Tests.Suite;

namespace StreamEngine.Cli.Tests.Simulate;

[Collection(ConsoleCollection.Name)]
public sealed class SimulateTests
{
    [Fact]
    public async Task Seeds_pass_and_the_same_ones_give_the_same_traces()
    {
        var (code, first, error) = await Suite.Cli.RunAsync("simulate", "--seed", "3", "--seeds", "3", "--json");
        Assert.True(code == ExitCodes.Done, first + error);
        var (_, again, _) = await Suite.Cli.RunAsync("simulate", "--seed", "3", "--seeds", "3", "--json");
        var (lines, repeated) = (LinesOf(first), LinesOf(again));
        // The last line says how fast it was.
        Assert.Equal(3, lines[^1].GetProperty("passed").GetInt32());
        lines.RemoveAt(3);
        Assert.Equal(lines.Select(l => l.ToString()), repeated.Take(3).Select(l => l.ToString()));
        Assert.Equal([3, 4, 5], lines.Select(l => l.GetProperty("seed").GetInt32()));
        Assert.Equal(3, lines.Select(l => l.GetProperty("trace").GetString()).Distinct().Count());
    }

    private static List<JsonElement> LinesOf(string output) =>
        [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];

    [Fact]
    public async Task A_users_pipeline_is_simulated_with_input_of_its_schemas()
    {
        var file = Path.Combine(Repository.Root, "hocon", "pipelines", "flights.conf");
        var (code, output, error) = await Suite.Cli.RunAsync("simulate", file, "--seed", "1", "--seeds", "5");
        Assert.True(code == ExitCodes.Done, output + error);
        Assert.Contains("seeds 1 to 5", output);
        Assert.Contains("5 seeds passed", output);
    }

    [Fact]
    public async Task A_file_with_errors_is_refused_before_the_first_seed()
    {
        var (code, _, error) = await Suite.Cli.RunAsync("simulate", "no-such-file.conf");
        Assert.Equal(ExitCodes.Failed, code);
        Assert.Contains("no-such-file.conf", error);
    }
}
