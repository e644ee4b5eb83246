using Akka.Actor;
using Akka.Streams;
using Akka.Streams.Dsl;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Pipelines.Files;
using StreamEngine.Pipelines.Running;
using StreamEngine.Pipelines.Testing;
using StreamEngine.Plan.Physical;
using StreamEngine.Sql.Planning;

namespace StreamEngine.Pipelines.Documented;

/// <summary>What docs/csharp.md shows is this code, and it runs.</summary>
public sealed class CSharpExamplesTests : IAsyncLifetime
{
    private ActorSystem _system = null!;

    public Task InitializeAsync()
    {
        _system = EngineSystem.Start(PipelineFile.Defaults(), NullLoggerFactory.Instance);
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => _system.Terminate();

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "StreamEngine.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("the project's root is not above the tests");
        return folder;
    }

    private static string Plain(IEnumerable<string> lines) => string.Join('\n', lines.Select(l => l.Trim()).Where(l => l.Length > 0));

    [Theory]
    [InlineData("records")]
    [InlineData("flow")]
    [InlineData("chain")]
    public void The_document_shows_the_code_that_runs(string mark)
    {
        var code = File.ReadAllLines(Path.Combine(Root(), "tests", "StreamEngine.Pipelines.Tests", "Documented", "CSharpExamples.cs"));
        var shown = code.SkipWhile(l => l.Trim() != $"// begin {mark}").Skip(1).TakeWhile(l => l.Trim() != "// end");
        Assert.Contains(Plain(shown), Plain(File.ReadAllLines(Path.Combine(Root(), "docs", "csharp.md"))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_users_flow_stands_in_the_middle_of_the_pipeline()
    {
        var log = new MemoryLog();
        log.Create("flights", 1);
        foreach (var origin in new[] { "ATL", "YYZ", "DFW" })
            log.Append("flights", 0, new MemoryRecord(null,
                System.Text.Encoding.UTF8.GetBytes($$"""{"date":"2001/01/01 06:10","delay":5,"distance":300,"origin":"{{origin}}","destination":"LAX"}"""), [],
                1_893_456_000_000));
        log.Finish();
        var definition = CSharpExamples.Enriching().Definition;
        var time = new ManualTime();
        var worker = new PipelineWorker(definition, PhysicalPlanner.Plan(definition, SqlPlanner.Plan), new MemoryConnectors(log, Batch.DefaultRows, time), _system, time,
            NullLogger.Instance);
        await worker.RunAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(["""{"window_start":"2001-01-01T06:00:00Z","country":"CA","flights":1}""", """{"window_start":"2001-01-01T06:00:00Z","country":"US","flights":2}"""],
            log.ReadAll("flights.hourly").Select(r => System.Text.Encoding.UTF8.GetString(r.Value!)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task One_of_our_chains_stands_in_a_users_graph()
    {
        var flights = new[] { 30, 90, 180 }.Select(d => new CSharpExamples.Flight(default, d, 300, "ATL", "DFW"));
        Assert.Equal([new CSharpExamples.Late("ATL", 1.5), new CSharpExamples.Late("ATL", 3)],
            await CSharpExamples.LongDelays(Source.From(flights), _system.Materializer()));
    }
}
