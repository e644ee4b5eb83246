using StreamEngine.EndToEnd.Tests.Suite;

namespace StreamEngine.EndToEnd.Tests;

/// <summary>run --preview: what a pipeline would write, on the screen.</summary>
public class PreviewTests
{
    [Fact]
    public async Task It_shows_so_many_rows_of_each_output_however_many_faults_come_first_and_writes_nothing()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        using var folder = new TemporaryFolder();
        var bad = string.Concat(Enumerable.Range(0, 20).Select(i => $"no json {i}\n"));
        var good = string.Concat(Enumerable.Range(0, 20).Select(i => $$"""{"n":{{i}}}""" + "\n"));
        await RunAsync("produce", "--topic", "numbers", "--file", folder.Write("rows.ndjson", bad + good));
        var file = folder.Write("preview.conf", """
            pipeline {
              name = preview
              sources.numbers { topic = numbers, schema = "n INT NOT NULL" }
              sql = "INSERT INTO evens SELECT n FROM numbers WHERE n % 2 = 0; INSERT INTO thirds SELECT n FROM numbers WHERE n % 3 = 0"
              sinks { evens { topic = evens }, thirds { topic = thirds } }
            }
            """);
        var lines = (await RunAsync("run", file, "--preview", "3")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["evens  {\"n\":0}", "evens  {\"n\":2}", "evens  {\"n\":4}"], lines.Where(l => l.StartsWith("evens", StringComparison.Ordinal)));
        Assert.Equal(["thirds  {\"n\":0}", "thirds  {\"n\":3}", "thirds  {\"n\":6}"], lines.Where(l => l.StartsWith("thirds", StringComparison.Ordinal)));
        Assert.Equal(3, lines.Count(l => l.Contains("decode: ", StringComparison.Ordinal)));
        using var cluster = new Cluster(broker.Bootstrap);
        Assert.Empty(cluster.Partitions("evens", "thirds", "preview.epochs", "preview.state", "preview.dlq"));

        async Task<string> RunAsync(params string[] arguments)
        {
            await using var engine = ChildProcess.Engine(arguments[0], folder.Path, [.. arguments, "--bootstrap", broker.Bootstrap]);
            Assert.True(await engine.WaitForExitAsync() == 0, engine.Tail);
            return engine.Output;
        }
    }
}
