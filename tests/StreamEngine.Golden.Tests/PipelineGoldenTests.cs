using Akka.Actor;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Pipelines.Testing;

namespace StreamEngine.Golden;

/// <summary>Every text file of tests/Golden/pipelines and hocon/pipelines: whole, one row a batch, killed after each row; on one lane and on three.</summary>
public sealed class PipelineGoldenTests : IAsyncLifetime
{
    private ActorSystem _system = null!;

    public Task InitializeAsync()
    {
        _system = EngineSystem.Start(PipelineFile.Defaults(), Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => _system.Terminate();

    public static TheoryData<string, string, int> Files()
    {
        var data = new TheoryData<string, string, int>();
        foreach (var folder in new[] { "tests/Golden/pipelines", "hocon/pipelines" })
            foreach (var file in Directory.GetFiles(Path.Combine(RepositoryRoot.Path, folder), "*.test").Order(StringComparer.Ordinal))
                foreach (var mode in Enum.GetNames<TestMode>())
                    foreach (var lanes in new[] { 1, 3 }) data.Add($"{folder}/{Path.GetFileName(file)}", mode, lanes);
        return data;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public async Task A_pipeline_gives_what_its_file_expects(string file, string mode, int lanes)
    {
        var test = PipelineTestFile.Load(Path.Combine(RepositoryRoot.Path, file));
        var pipeline = PipelineFile.Load(test.Pipeline, settings: [$"parallelism={lanes}"]);
        var differences = await PipelineTestRunner.RunAsync(pipeline, test, Enum.Parse<TestMode>(mode), _system);
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Theory]
    [InlineData("Whole")]
    [InlineData("Killed")]
    public async Task A_group_may_keep_more_text_than_a_record_of_state_has_room_for(string mode)
    {
        var (long1, long2) = (new string('z', 250_000), new string('y', 250_000));
        var item = string.Join(',', Enumerable.Range(0, 60_000).Select(i => $"\"{i % 10}234567\""));
        var test = PipelineTestFile.Parse("long.test",
        [
            "input t", $"@0 {{\"at\":\"2026-01-01T00:00:10Z\",\"s\":\"{long1}\",\"u\":\"a\",\"l\":[{item}]}}",
            $"@0 {{\"at\":\"2026-01-01T00:00:20Z\",\"s\":\"b\",\"u\":\"{long2}\",\"l\":[{item}]}}", "end", "expect out",
            $"{{\"window_start\":\"2026-01-01T00:00:00Z\",\"s\":\"{long1}\",\"u\":\"{long2}\",\"d\":1}}",
        ]);
        var pipeline = PipelineFile.Parse("""
            pipeline {
              name = long
              sources.t { topic = t, schema = "at TIMESTAMP NOT NULL, s STRING, u STRING, l ARRAY<STRING>", event-time { column = at } }
              sql = "INSERT INTO out SELECT window_start, max(s) AS s, max(u) AS u, count(DISTINCT l) AS d FROM TUMBLE(t, at, INTERVAL '1' MINUTE) GROUP BY window_start"
              sinks.out { topic = out }
            }
            """, "long.conf");
        var differences = await PipelineTestRunner.RunAsync(pipeline, test, Enum.Parse<TestMode>(mode), _system);
        Assert.True(differences.Count == 0, string.Join('\n', differences.Select(d => d.Length > 300 ? d[..300] : d)));
    }

    [Fact]
    public async Task A_wrong_expectation_fails_and_says_where()
    {
        var test = PipelineTestFile.Parse("wrong.test", ["input t", "@0 {\"id\":1}", "end", "expect out", "{\"id\":2}"]);
        var pipeline = PipelineFile.Parse("""
            pipeline {
              name = wrong
              sources.t { topic = t, schema = "id INT" }
              sql = "INSERT INTO out SELECT id FROM t"
              sinks.out { topic = out }
            }
            """, "wrong.conf");
        var differences = await PipelineTestRunner.RunAsync(pipeline, test, TestMode.Whole, _system);
        Assert.Equal(["wrong.test:5: missing in out: {\"id\":2}", "wrong.test:4: not expected in out: {\"id\":1}"], differences);
    }
}
