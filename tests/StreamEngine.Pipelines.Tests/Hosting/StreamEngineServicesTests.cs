using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace StreamEngine.Pipelines.Hosting;

/// <summary>The engine in a .NET host.</summary>
public sealed class StreamEngineServicesTests
{
    private static Pipeline Copy(string name, string column) => Pipeline.Create(name).Source("t", s => s.Kafka("t").Json("n INT"))
        .Sql($"INSERT INTO out SELECT {column} FROM t").Sink("out", s => s.Kafka("out").Json());

    [Theory]
    [InlineData("wrong", "sound")]
    [InlineData("sound", "wrong")]
    public async Task Pipelines_of_all_calls_are_run_by_one_engine(string first, string second)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        Add(services, first);
        // What another part of the program has under a key is not ours.
        services.AddKeyedSingleton("other", new StreamEngineBuilder());
        Add(services, second);
        await using var provider = services.BuildServiceProvider();
        var engine = Assert.IsAssignableFrom<BackgroundService>(Assert.Single(provider.GetServices<IHostedService>()));
        await engine.StartAsync(CancellationToken.None);
        // Whichever was added first is planned: its error says so.
        var wrong = await Assert.ThrowsAsync<ArgumentException>(() => engine.ExecuteTask!);
        Assert.Contains("column 'm' does not exist", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_builder_takes_the_pipelines_of_every_call()
    {
        var services = new ServiceCollection();
        services.AddStreamEngine().AddPipeline(Copy("a", "n"));
        services.AddStreamEngine().AddPipeline(Copy("b", "n")).AddPipeline(Copy("c", "n"));
        Assert.Equal(["a", "b", "c"], services.AddStreamEngine().Pipelines.Select(p => p.Name));
    }

    private static void Add(ServiceCollection services, string name) => services.AddStreamEngine().AddPipeline(Copy(name, name == "wrong" ? "m" : "n"));
}
