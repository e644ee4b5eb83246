using System.Text;
using StreamEngine.Cli.Tests.Suite;
using StreamEngine.Core;
using StreamEngine.Kafka.Topics;
using StreamEngine.Pipelines.Commands.Topics;

namespace StreamEngine.Cli.Tests.Topics;

[Collection(ConsoleCollection.Name)]
public sealed class ProduceConsumeTests(BrokerFixture broker) : IClassFixture<BrokerFixture>, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("streamengine-cli-tests-");

    public void Dispose() => _folder.Delete(recursive: true);

    private string Write(string name, string text)
    {
        var file = Path.Combine(_folder.FullName, name);
        File.WriteAllText(file, text);
        return file;
    }

    private Task<(int Code, string Out, string Error)> Run(params string[] arguments) => Suite.Cli.RunAsync([.. arguments, "--bootstrap", broker.Bootstrap]);

    private static string Text(byte[]? bytes) => Encoding.UTF8.GetString(bytes ?? []);

    [Fact]
    public async Task Lines_become_records_round_robin_and_blank_ones_do_not()
    {
        var topic = broker.NewTopic("lines");
        var (code, output, _) = await Run("produce", "--topic", topic, "--file", Write("a.ndjson", "{\"a\":1}\r\n\n  \n{\"a\":2}\nno json\n{\"a\":4}"), "--partitions",
            "2", "--json");
        Assert.Equal(ExitCodes.Done, code);
        Assert.Contains("\"records\":4", output);
        var records = await broker.ReadAsync(new ReadRequest(topic));
        Assert.Equal(["{\"a\":1}", "no json"], records.Where(r => r.Partition == 0).Select(r => Text(r.Value)));
        Assert.Equal(["{\"a\":2}", "{\"a\":4}"], records.Where(r => r.Partition == 1).Select(r => Text(r.Value)));
        Assert.All(records, r => Assert.Null(r.Key));
    }

    [Fact]
    public async Task A_record_that_the_broker_refuses_fails_the_command()
    {
        var topic = broker.NewTopic("refused");
        using (var topics = new KafkaTopics(new Kafka.KafkaConnection(broker.Bootstrap), Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance))
            await topics.CreateAsync(topic, 1, new Dictionary<string, string> { ["max.message.bytes"] = "200" }, CancellationToken.None);
        var (code, _, error) = await Run("produce", "--topic", topic, "--file", Write("large.ndjson", new string('x', 1000)));
        Assert.Equal(ExitCodes.Failed, code);
        Assert.Contains($"1 of 1 records were not delivered to {topic}", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_field_becomes_the_key_and_chooses_the_partition_as_Java_does()
    {
        var topic = broker.NewTopic("keys");
        var (_, _, error) = await Run("produce", "--topic", topic, "--file", Write("k.ndjson", "{\"o\":{\"k\":\"ATL\"}}\n{\"o\":{\"k\":17}}\nno json\n{\"o\":{\"k\":null}}\n"),
            "--partitions", "4", "--key", "o.k");
        var records = await broker.ReadAsync(new ReadRequest(topic));
        Assert.Equal(Murmur2.PartitionOf("ATL"u8, 4), records.Single(r => Text(r.Key) == "ATL").Partition);
        Assert.Equal(Murmur2.PartitionOf("17"u8, 4), records.Single(r => Text(r.Key) == "17").Partition);
        Assert.Equal(2, records.Count(r => r.Key is null));
        Assert.Contains("2 of 4 records have no field 'o.k': they went without a key", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_csv_record_may_hold_line_breaks_and_its_header_names_the_key()
    {
        var topic = broker.NewTopic("csv");
        var (code, _, _) = await Run("produce", "--topic", topic, "--file", Write("a.csv", "id,text\n1,\"two\nlines\"\n2,\"a \"\"b\"\"\"\n"), "--skip-header", "--key",
            "TEXT");
        Assert.Equal(ExitCodes.Done, code);
        var records = await broker.ReadAsync(new ReadRequest(topic));
        Assert.Equal(["1,\"two\nlines\"", "2,\"a \"\"b\"\"\""], records.Select(r => Text(r.Value)));
        Assert.Equal(["two\nlines", "a \"b\""], records.Select(r => Text(r.Key)));
        Assert.Equal(ExitCodes.Failed, (await Run("produce", "--topic", topic, "--file", Path.Combine(_folder.FullName, "a.csv"), "--key", "text")).Code);
    }

    [Fact]
    public async Task A_topic_with_other_partitions_is_refused()
    {
        var topic = broker.NewTopic("partitions");
        var file = Write("a.ndjson", "{}\n");
        Assert.Equal(ExitCodes.Done, (await Run("produce", "--topic", topic, "--file", file, "--partitions", "2")).Code);
        var (code, _, error) = await Run("produce", "--topic", topic, "--file", file, "--partitions", "3");
        Assert.Equal(ExitCodes.Failed, code);
        Assert.Contains("2 partitions instead of 3", error);
        Assert.Single(await broker.ReadAsync(new ReadRequest(topic)));
    }

    [Fact]
    public async Task Reading_begins_where_it_is_told_and_ends_at_the_end()
    {
        var topic = broker.NewTopic("from");
        await Run("produce", "--topic", topic, "--file", Write("a.ndjson", string.Concat(Enumerable.Range(0, 50).Select(i => $"{i}\n"))));
        Assert.Equal(50, (await broker.ReadAsync(new ReadRequest(topic))).Count);
        Assert.Equal(["48", "49"], (await broker.ReadAsync(new ReadRequest(topic) { From = "48" })).Select(r => Text(r.Value)));
        Assert.Equal(3, (await broker.ReadAsync(new ReadRequest(topic) { Max = 3 })).Count);
        Assert.Empty(await broker.ReadAsync(new ReadRequest(topic) { From = "latest" }));
        Assert.Empty(await broker.ReadAsync(new ReadRequest(topic) { From = "50" }));
        Assert.Contains("it has 0 to 50", (await Assert.ThrowsAsync<StartupException>(() => broker.ReadAsync(new ReadRequest(topic) { From = "51" }))).Message);
        Assert.Contains("no partition 1", (await Assert.ThrowsAsync<StartupException>(() => broker.ReadAsync(new ReadRequest(topic) { Partition = 1 }))).Message);
    }

    [Fact]
    public async Task A_committed_reader_sees_neither_open_nor_aborted_records_and_still_ends()
    {
        var topic = broker.NewTopic("transactions");
        await Run("topic", "create", topic);
        using var producer = Transactions.Producer(broker.Bootstrap, $"{topic}-id");
        await Transactions.SendAsync(producer, topic, "committed", t => t.CommitTransaction());
        await Transactions.SendAsync(producer, topic, "aborted", t => t.AbortTransaction());
        await Transactions.SendAsync(producer, topic, "open", _ => { });
        var committed = await broker.ReadAsync(new ReadRequest(topic) { ReadCommitted = true }).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(["committed"], committed.Select(r => Text(r.Value)));
        Assert.Equal(["committed", "aborted", "open"], (await broker.ReadAsync(new ReadRequest(topic))).Select(r => Text(r.Value)));
        producer.AbortTransaction();
    }

    [Theory]
    [InlineData("consume")]
    [InlineData("dlq list")]
    public async Task A_topic_that_is_not_there_is_exit_code_1(string command)
    {
        var (code, _, error) = await Run([.. command.Split(' '), "--topic", "nowhere"]);
        Assert.Equal(ExitCodes.Failed, code);
        Assert.Contains("topic 'nowhere' does not exist", error);
    }
}
