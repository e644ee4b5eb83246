using System.Text.Json;

namespace StreamEngine.Config.Tests;

/// <summary>The pipeline files of ../shared/pipelines, right and wrong.</summary>
public class SharedFilesTests
{
    private static HoconDocument Load(string path)
        => HoconParser.Load([HoconLayer.File(path, Path.GetFileName(path))], new HoconOptions { Root = Path.GetDirectoryName(path), Environment = _ => null });

    [SkippableFact]
    public void Every_real_pipeline_reads()
    {
        string root = Reading.Shared("pipelines");
        var files = Directory.GetFiles(root, "pipeline.conf", SearchOption.AllDirectories).Where(f => !f.Contains("errors", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            var document = Load(file);
            var pipeline = document.Reader().Root.GetRequiredSection("pipeline");
            Assert.True(pipeline.GetRequiredSection("sources").Sections().Count > 0);
            Assert.True(pipeline.GetRequiredDuration("commit-interval") > TimeSpan.Zero);
            var sql = pipeline.GetRequiredText("sql")!;
            int at = sql.Text.IndexOf("FROM", StringComparison.Ordinal);
            var place = sql.At(at);
            Assert.Equal("FROM", place.Source!.Text.Substring(place.Offset, 4));
            Assert.Equal(document.Render(), Reading.Parse(document.Render()).Render());
        }
    }

    [SkippableTheory]
    [InlineData("brace-missing")]
    [InlineData("substitution-cycle")]
    [InlineData("include-broken")]
    [InlineData("duration-unit")]
    [InlineData("key-unknown")]
    [InlineData("key-missing")]
    public void A_wrong_file_gets_the_error_it_should(string name)
    {
        string folder = Reading.Shared("pipelines", "errors", name);
        using var index = JsonDocument.Parse(File.ReadAllText(Reading.Shared("pipelines", "errors", "index.json")));
        var expected = index.RootElement.EnumerateArray().Single(e => e.GetProperty("name").GetString() == name);
        var error = Assert.Single(Errors(Path.Combine(folder, "pipeline.conf")));
        Assert.Equal(expected.GetProperty("file").GetString(), error.File);
        Assert.Contains(error.Line, expected.GetProperty("lines").EnumerateArray().Select(l => l.GetInt32()));
        Assert.All(expected.GetProperty("names").EnumerateArray(), n => Assert.Contains(n.GetString()!, error.ToString()));
        Assert.Contains(expected.GetProperty("hints").EnumerateArray(), h => error.ToString().Contains(h.GetString()!, StringComparison.OrdinalIgnoreCase));
    }

    [SkippableFact]
    public void The_golden_errors()
    {
        Skip.IfNot(Directory.Exists(Reading.Shared("pipelines", "errors")));
        string[] names = ["brace-missing", "substitution-cycle", "include-broken", "duration-unit", "key-unknown", "key-missing"];
        string all = ErrorRenderer.Render(names.SelectMany(n => Errors(Reading.Shared("pipelines", "errors", n, "pipeline.conf"))));
        Assert.Equal("""
            pipeline.conf:3:19: the block of 'sources.flights', opened in line 3, is not closed
                  sources.flights {
                                  ^
              the '}' of line 31 closes it, but is indented like line 1; put a '}' where 'sources.flights' ends

            pipeline.conf:2:5: substitution cycle: a -> b -> a
                b = ${a}
                    ^^^^
              one of them needs a value of its own

            common.conf:3:14: the quoted string is not closed on its line
                pipeline.x = "open
                             ^^^^^
              put a closing " behind it; a text of several lines stands in ""\" .. ""\"

            pipeline.conf:12:54: pipeline.sources.flights.event-time.out-of-orderness: unknown unit 'fortnight' of a duration
                    event-time { column = date, out-of-orderness = 1 fortnight, idle-timeout = 30s }
                                                                     ^^^^^^^^^
              use ns, us, ms, s, m, h, d

            pipeline.conf:4:24: unknown key 'topik' in pipeline.sources.flights
                    connector = kafka, topik = err.flights, format = json
                                       ^^^^^
              did you mean 'topic'?

            pipeline.conf:3:11: missing required key 'topic' in pipeline.sources.flights
                  sources.flights {
                          ^^^^^^^
            """.Replace("\"\\\"", "\"\"", StringComparison.Ordinal).ReplaceLineEndings("\n"), all);
    }

    private static IReadOnlyList<ConfigError> Errors(string file) => Assert.Throws<ConfigException>(() =>
    {
        var reader = Load(file).Reader();
        var pipeline = reader.Root.GetRequiredSection("pipeline");
        foreach (string key in (string[])["name", "sql", "sinks", "dead-letters", "commit-interval"]) pipeline.Accept(key);
        foreach (var source in pipeline.GetSection("sources").Sections())
        {
            foreach (string key in (string[])["connector", "topic", "format", "schema"]) source.GetRequiredString(key);
            source.GetSection("rules").Texts();
            var time = source.GetSection("event-time");
            time.FindString("column");
            time.FindDuration("out-of-orderness");
            time.FindDuration("idle-timeout");
        }
        reader.Finish();
        reader.ThrowIfErrors();
    }).Errors;
}
