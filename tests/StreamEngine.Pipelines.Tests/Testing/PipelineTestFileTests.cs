using StreamEngine.Config;

namespace StreamEngine.Pipelines.Testing;

/// <summary>A test file that is none says so.</summary>
public class PipelineTestFileTests
{
    [Theory]
    [InlineData("flights.conf", "include \"common.conf\"")]
    [InlineData("flights.txt", "# a comment", "pipeline {", "  name = flights", "}")]
    [InlineData("flights.txt", "pipeline.name = flights")]
    public void A_pipeline_file_is_told_from_a_test_of_one(string path, params string[] lines) => Assert.Equal($"""
        {path} is a pipeline file, not a test of one
          check it:    ./engine pipeline check {path}
          test it:     ./engine pipeline test flights.test, a file of input rows and expected rows
        """, Assert.Throws<ConfigException>(() => PipelineTestFile.Parse(path, lines)).Message);

    [Theory]
    [InlineData("pipeline ./flights.conf")]
    [InlineData("pipeline ../pipelines/flights.conf")]
    public void A_test_names_its_pipeline(string line) =>
        Assert.Equal("flights.conf", Path.GetFileName(PipelineTestFile.Parse("other.test", [line, "input flights", "@0 {}", "end", "expect late"]).Pipeline));
}
