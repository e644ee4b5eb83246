using StreamEngine.Cli.Demo;
using StreamEngine.Cli.Tests.Suite;
using StreamEngine.Cli.Tests.Topics;

namespace StreamEngine.Cli.Tests.Demo;

[Collection(ConsoleCollection.Name)]
public sealed class DemoTests(BrokerFixture broker) : IClassFixture<BrokerFixture>
{
    [Fact]
    public void One_of_a_hundred_flights_is_spoilt_in_ten_ways_in_every_partition()
    {
        var records = DirtyFlights.Read(Path.Combine(Repository.Root, "data", "flights.ndjson"));
        var dirty = records.Index().Where(r => r.Item.Clean is null).ToList();
        Assert.Equal((20_000, 200), (records.Count, dirty.Count));
        Assert.Equal([50, 50, 50, 50], dirty.GroupBy(r => r.Index % DemoRun.Partitions).Select(g => g.Count()));
        var expected = ExpectedRows.Of(records, DemoRun.Partitions);
        Assert.Equal((19_800, 200), (expected.Clean, expected.Dirty));
        Assert.NotEmpty(expected.Hourly);
        Assert.NotEmpty(expected.Routes);
    }

    [Fact]
    public async Task The_broker_names_the_transaction_that_is_open()
    {
        var topic = broker.NewTopic("open");
        await Suite.Cli.RunAsync("topic", "create", topic, "--bootstrap", broker.Bootstrap);
        using var producer = Transactions.Producer(broker.Bootstrap, "worker-0");
        Assert.Null(await OpenTransactions.FindAsync("127.0.0.1", broker.Port, "worker-0", CancellationToken.None));
        await Transactions.SendAsync(producer, topic, "x", _ => { });
        var open = await OpenTransactions.FindAsync("127.0.0.1", broker.Port, "worker-0", CancellationToken.None);
        Assert.Equal([(topic, 0)], open!.Partitions);
        producer.CommitTransaction();
        Assert.Null(await OpenTransactions.FindAsync("127.0.0.1", broker.Port, "worker-0", CancellationToken.None));
    }

    [Fact]
    public async Task It_ends_by_itself_and_leaves_nothing_behind()
    {
        var before = Directory.GetDirectories(Path.GetTempPath(), "streamengine-demo-*");
        var (code, output, error) = await Suite.Cli.RunAsync("demo");
        Assert.True(code == ExitCodes.Done, output + error);
        Assert.Contains("inside the open transaction 'flights-0'", output);
        Assert.Contains("nothing was lost, nothing was doubled", output);
        Assert.Contains("200 of 200 spoilt flights", output);
        Assert.Empty(Directory.GetDirectories(Path.GetTempPath(), "streamengine-demo-*").Except(before));
    }
}
