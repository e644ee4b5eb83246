using StreamEngine.Core;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Commits;

/// <summary>A client is destroyed with nothing under way: the library is not left alone with records whose delivery nobody has heard of.</summary>
public sealed class TransactionalProducerTests(Cluster cluster) : IClassFixture<Cluster>
{
    [Fact]
    public async Task Records_that_are_still_queued_come_back_before_the_client_is_destroyed()
    {
        var (lines, topic, delivered) = (new List<string>(), await cluster.NewTopicAsync(), 0);
        // They linger for longer than the test runs, so that all are in the queue when the client ends. A batch that is full (batch.size, 1 MB) would not.
        var connection = new KafkaConnection(cluster.Bootstrap, new Dictionary<string, string> { ["linger.ms"] = "20000" });
        TransactionalProducer producer;
        using (producer = new TransactionalProducer(connection, topic, TimeSpan.FromSeconds(60), 1_000_000, new Lines(lines),
            () => Interlocked.Increment(ref delivered)))
        {
            producer.InitTransactions(TimeSpan.FromSeconds(30));
            producer.Begin();
            Produce(producer, topic, 900);
            Assert.Equal(900, producer.Outstanding);
        }
        Assert.Equal(0, producer.Outstanding);
        // Nobody is woken by a client that ends.
        Assert.Equal(0, delivered);
        lock (lines) Assert.DoesNotContain(lines, l => l.Contains("still in queue", StringComparison.Ordinal));
    }

    private static unsafe void Produce(TransactionalProducer producer, string topic, int records)
    {
        var value = new byte[1000];
        fixed (byte* bytes = value)
            for (var i = 0; i < records; i++) Assert.True(producer.TryProduce(topic, 0, Bytes.Null, new Bytes(bytes, value.Length), Bytes.Null, -1));
    }
}
