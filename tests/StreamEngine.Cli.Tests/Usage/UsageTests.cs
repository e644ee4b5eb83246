using System.CommandLine;
using StreamEngine.Cli.Commands;
using StreamEngine.Cli.Tests.Suite;

namespace StreamEngine.Cli.Tests.Usage;

[Collection(ConsoleCollection.Name)]
public sealed class UsageTests
{
    [Theory]
    [InlineData("topci", "did you mean 'topic'?")]
    [InlineData("demp", "did you mean 'demo'?")]
    [InlineData("topic lst", "did you mean 'list'?")]
    [InlineData("dlq shw", "did you mean 'show'?")]
    [InlineData("run --hlp", "did you mean '--help'?")]
    [InlineData("run file.conf --bootstrp x", "did you mean '--bootstrap'?")]
    [InlineData("bench json-decod", "did you mean 'json-decode'?")]
    public async Task A_misspelt_word_is_answered_with_the_nearest(string line, string hint)
    {
        var (code, _, error) = await Suite.Cli.RunAsync(line.Split(' '));
        Assert.Equal(ExitCodes.Usage, code);
        Assert.Contains(hint, error);
        Assert.Contains("--help", error);
    }

    [Theory]
    [InlineData("produce")]
    [InlineData("produce --topic t")]
    [InlineData("produce --topic t --file f --rate -1")]
    [InlineData("produce --topic t --file f --partitions 0")]
    [InlineData("produce --topic t --file f --format xml")]
    [InlineData("consume")]
    [InlineData("dlq list")]
    [InlineData("dlq list file.conf --topic t")]
    [InlineData("dlq show --topic t --stage nowhere")]
    [InlineData("run")]
    [InlineData("run file.conf --preview 0")]
    [InlineData("bench --rows 0")]
    [InlineData("broker --port many")]
    [InlineData("broker --memory --data d")]
    [InlineData("topic list --bootstrap 127.0.0.1:99999")]
    [InlineData("topic list --bootstrap nowhere")]
    [InlineData("run file.conf --bootstrap 127.0.0.1")]
    [InlineData("pipeline check")]
    public async Task Wrong_usage_is_exit_code_2(string line)
    {
        var (code, _, error) = await Suite.Cli.RunAsync(line.Split(' '));
        Assert.Equal(ExitCodes.Usage, code);
        Assert.NotEmpty(error);
    }

    [Theory]
    [InlineData("run no-such-file.conf")]
    [InlineData("pipeline check no-such-file.conf")]
    [InlineData("dlq list no-such-file.conf")]
    [InlineData("produce --topic t --file no-such-file.ndjson")]
    public async Task A_file_that_is_not_there_is_exit_code_1(string line)
    {
        var (code, _, error) = await Suite.Cli.RunAsync(line.Split(' '));
        Assert.Equal(ExitCodes.Failed, code);
        Assert.Contains("there is no file 'no-such-file", error);
    }

    public static TheoryData<string> Commands()
    {
        var data = new TheoryData<string>();
        Add(CommandTree.Create(), "");
        return data;

        void Add(Command command, string path)
        {
            data.Add(path);
            foreach (var child in command.Subcommands) Add(child, $"{path} {child.Name}".Trim());
        }
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Every_command_has_help_with_an_example(string path)
    {
        var (code, output, _) = await Suite.Cli.RunAsync([.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.Equal(ExitCodes.Done, code);
        Assert.Contains($"Example:\n  ./engine {path}".TrimEnd(), output);
        Assert.Contains("Usage:\n  ./engine", output);
    }

    [Fact]
    public async Task The_list_of_commands_has_a_line_each()
    {
        var (_, output, _) = await Suite.Cli.RunAsync("--help");
        var list = output[output.IndexOf("Commands:", StringComparison.Ordinal)..output.IndexOf("Example:", StringComparison.Ordinal)];
        Assert.Equal(CommandTree.Create().Subcommands.Count, list.Split('\n').Count(l => l.Trim().Length > 0) - 1);
    }
}
