using Confluent.Kafka;

namespace StreamEngine.Cli.Bench;

/// <summary>An ordinary read_committed consumer, which says when each record became visible to it.</summary>
internal sealed class CommittedReader : IDisposable
{
    private readonly IConsumer<byte[]?, byte[]?> _consumer;

    /// <summary>Reads all partitions of a topic from their beginning.</summary>
    public CommittedReader(string bootstrap, string topic, int partitions)
        : this(bootstrap, Enumerable.Range(0, partitions).Select(p => new TopicPartition(topic, p)))
    {
    }

    /// <summary>Reads partitions from their beginning.</summary>
    /// <param name="bootstrap">The cluster.</param>
    /// <param name="partitions">What is read.</param>
    /// <param name="ends">Whether it says, between the records, when it has come to the end of a partition.</param>
    public CommittedReader(string bootstrap, IEnumerable<TopicPartition> partitions, bool ends = false)
    {
        _consumer = new ConsumerBuilder<byte[]?, byte[]?>(new Dictionary<string, string>
        {
            ["bootstrap.servers"] = bootstrap,
            ["client.id"] = "streamengine-bench",
            ["group.id"] = "streamengine-bench",
            ["enable.auto.commit"] = "false",
            ["enable.partition.eof"] = ends ? "true" : "false",
            ["isolation.level"] = "read_committed",
            ["auto.offset.reset"] = "earliest",
            ["allow.auto.create.topics"] = "false",
            ["fetch.error.backoff.ms"] = "5",
        }).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        _consumer.Assign(partitions.Select(p => new TopicPartitionOffset(p, Offset.Beginning)));
    }

    /// <summary>The timestamp of the next record, milliseconds; null when none came in time.</summary>
    public long? Next(TimeSpan wait) => _consumer.Consume(wait)?.Message.Timestamp.UnixTimestampMs;

    /// <summary>The next record, or end of a partition; null when none came in time.</summary>
    /// <exception cref="ConsumeException">A broker is away, or worse: it goes on where it was.</exception>
    public ConsumeResult<byte[]?, byte[]?>? Consume(TimeSpan wait) => _consumer.Consume(wait);

    public void Dispose()
    {
        _consumer.Close();
        _consumer.Dispose();
    }
}
