using StreamEngine.Cli.Commands;
using StreamEngine.Core;

namespace StreamEngine.Cli.Tests.Usage;

/// <summary>The file of client settings that commands without a pipeline file take.</summary>
public sealed class ClusterOptionsTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Settings_are_read_with_their_comments_and_spaces()
    {
        File.WriteAllText(_file, "# a cluster\n! of ours\n\nsecurity.protocol = SASL_SSL\n  sasl.password=a=b \n");
        var connection = ClusterOptions.Connect("h:1", _file);
        Assert.Equal("h:1", connection.Bootstrap);
        Assert.Equal(new Dictionary<string, string> { ["security.protocol"] = "SASL_SSL", ["sasl.password"] = "a=b" }, connection.Settings);
        Assert.Empty(ClusterOptions.Connect("h:1", null).Settings);
    }

    [Theory]
    [InlineData("security.protocol=SSL\nsecret", ":2: this is no setting: write key=value")]
    [InlineData("=secret", ":1: this is no setting: write key=value")]
    [InlineData("plugin.library.paths=secret", ":1: 'plugin.library.paths' is not a setting that may be given; these are: ")]
    [InlineData("\nsasl.password=secret\nsasl.password=secret", ":3: 'sasl.password' stands there twice")]
    public void What_is_wrong_is_told_with_its_line_and_without_a_value(string text, string message)
    {
        File.WriteAllText(_file, text);
        var error = Assert.Throws<StartupException>(() => ClusterOptions.Connect("h:1", _file)).Message;
        Assert.StartsWith(_file + message, error, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_there_is_told() => Assert.Contains("cannot be read",
        Assert.Throws<StartupException>(() => ClusterOptions.Connect("h:1", _file + ".none")).Message, StringComparison.Ordinal);
}
