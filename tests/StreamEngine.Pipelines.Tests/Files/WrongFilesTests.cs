using StreamEngine.Config;

namespace StreamEngine.Pipelines.Files;

/// <summary>tests/Golden/wrong: files with errors, and beside each all that check says of it. With GOLDEN_UPDATE=1 the texts are written anew.</summary>
public class WrongFilesTests
{
    public static TheoryData<string> Names()
    {
        var names = new TheoryData<string>();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(PipelineFileTests.Root, "tests", "Golden", "wrong"), "*.conf").Order(StringComparer.Ordinal))
            names.Add(Path.GetFileNameWithoutExtension(file));
        return names;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void All_errors_of_a_file_come_at_once_in_the_order_of_the_file(string name)
    {
        var path = Path.Combine(PipelineFileTests.Root, "tests", "Golden", "wrong", name);
        var errors = Assert.Throws<ConfigException>(() => PipelineFile.Parse(File.ReadAllText($"{path}.conf"), $"{name}.conf")).Message + "\n";
        if (Environment.GetEnvironmentVariable("GOLDEN_UPDATE") == "1") File.WriteAllText($"{path}.txt", errors);
        Assert.Equal(File.ReadAllText($"{path}.txt").Split('\n'), errors.Split('\n'));
    }
}
