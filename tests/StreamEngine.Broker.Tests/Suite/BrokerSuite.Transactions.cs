using Confluent.Kafka;

namespace StreamEngine.Broker.Suite;

public abstract partial class BrokerSuite
{
    [SkippableFact]
    public async Task Committed_and_aborted_records_are_told_apart()
    {
        var topic = await NewTopicAsync();
        using var producer = Transactional(NewName("tx"));
        producer.InitTransactions(Patience);
        Transact(producer, topic, commit: true, "a", "b");
        Transact(producer, topic, commit: false, "x", "y", "z");
        Transact(producer, topic, commit: true, "c");
        Transact(producer, topic, commit: false, "w");
        await ClosedAsync(topic);

        Assert.Equal(["a", "b", "c"], Values(topic));
        Assert.Equal(["a", "b", "x", "y", "z", "c", "w"], Values(topic, committed: false));
        // Each marker takes one offset: 2 + 1 + 3 + 1 + 1 + 1 + 1 + 1.
        Assert.Equal(11, HighWatermark(topic));
    }

    [SkippableFact]
    public async Task An_open_transaction_hides_what_comes_after_it()
    {
        var topic = await NewTopicAsync();
        using var open = Transactional(NewName("tx"));
        using var plain = Producer();
        open.InitTransactions(Patience);
        await plain.ProduceAsync(topic, Record("before"));
        open.BeginTransaction();
        open.Produce(topic, Record("open"));
        open.Flush(Patience);
        await plain.ProduceAsync(topic, Record("after"));

        Assert.Equal(["before"], Values(topic));
        Assert.Equal(["before", "open", "after"], Values(topic, committed: false));
        Assert.Equal(1, ListedEnd(topic, IsolationLevel.ReadCommitted));
        Assert.Equal(3, ListedEnd(topic, IsolationLevel.ReadUncommitted));

        open.CommitTransaction(Patience);
        await ClosedAsync(topic);
        Assert.Equal(["before", "open", "after"], Values(topic));
        Assert.Equal(4, ListedEnd(topic, IsolationLevel.ReadCommitted));
    }

    [SkippableFact]
    public async Task A_transaction_spans_partitions_and_topics()
    {
        var (one, two) = (await NewTopicAsync(3), await NewTopicAsync(2));
        using var producer = Transactional(NewName("tx"));
        producer.InitTransactions(Patience);
        producer.BeginTransaction();
        for (var p = 0; p < 3; p++) producer.Produce(new TopicPartition(one, p), Record($"one {p}"));
        for (var p = 0; p < 2; p++) producer.Produce(new TopicPartition(two, p), Record($"two {p}"));
        producer.CommitTransaction(Patience);
        await ClosedAsync(one, partitions: 3);
        await ClosedAsync(two, partitions: 2);
        for (var p = 0; p < 3; p++) Assert.Equal([$"one {p}"], Values(one, partition: p));
        for (var p = 0; p < 2; p++) Assert.Equal([$"two {p}"], Values(two, partition: p));
    }

    [SkippableFact]
    public async Task Offsets_are_committed_with_the_transaction_that_holds_them()
    {
        var (topic, group) = (await NewTopicAsync(2), NewName("group"));
        using var consumer = Consumer(group: group);
        consumer.Assign([new TopicPartition(topic, 0), new TopicPartition(topic, 1)]);
        using var producer = Transactional(NewName("tx"));
        producer.InitTransactions(Patience);
        await Producing(topic, 20);

        producer.BeginTransaction();
        producer.SendOffsetsToTransaction([new TopicPartitionOffset(topic, 0, 5), new TopicPartitionOffset(topic, 1, 7)], consumer.ConsumerGroupMetadata, Patience);
        producer.CommitTransaction(Patience);
        Assert.Equal([5, 7], CommittedOffsets(topic, group));

        producer.BeginTransaction();
        producer.SendOffsetsToTransaction([new TopicPartitionOffset(topic, 0, 9)], consumer.ConsumerGroupMetadata, Patience);
        producer.AbortTransaction(Patience);
        Assert.Equal([5, 7], CommittedOffsets(topic, group));
    }

    [SkippableFact]
    public async Task A_newer_producer_fences_the_older_and_aborts_what_it_left()
    {
        var (topic, id) = (await NewTopicAsync(), NewName("tx"));
        using var old = Transactional(id);
        old.InitTransactions(Patience);
        old.BeginTransaction();
        old.Produce(topic, Record("left open"));
        old.Flush(Patience);
        using var young = Transactional(id);
        young.InitTransactions(Patience);
        // On return nothing is open any more: readers of committed records are at the end.
        Assert.Empty(Values(topic));
        Transact(young, topic, commit: true, "young");

        var error = Assert.ThrowsAny<KafkaException>(() =>
        {
            old.Produce(topic, Record("zombie"));
            old.CommitTransaction(Patience);
        });
        Assert.Equal(ErrorCode.Local_Fenced, error.Error.Code);
        await ClosedAsync(topic);
        Assert.Equal(["young"], Values(topic));
        Assert.Equal(["left open", "young"], Values(topic, committed: false));
    }

    [SkippableFact]
    public async Task A_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced()
    {
        var (topic, producer) = await OpenForAMomentAsync();
        using var slow = producer;
        Assert.True(await BecomesAsync(() => ListedEnd(topic, IsolationLevel.ReadCommitted) == 2));
        Assert.Empty(Values(topic));
        var error = Assert.ThrowsAny<KafkaException>(() => slow.CommitTransaction(Patience));
        Assert.Equal(ErrorCode.Local_Fenced, error.Error.Code);
    }

    /// <summary>
    /// A transaction of 1.5 s with one record. The record itself may take longer on a busy machine: then there is nothing to abort, and another one begins.
    /// </summary>
    private async Task<(string Topic, IProducer<byte[]?, byte[]?> Producer)> OpenForAMomentAsync()
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var topic = await NewTopicAsync();
            var producer = Transactional(NewName("tx"), timeoutMs: 1500);
            try
            {
                producer.InitTransactions(Patience);
                producer.BeginTransaction();
                await producer.ProduceAsync(topic, Record("slow"));
                return (topic, producer);
            }
            catch (KafkaException) when (TimeProvider.System.GetElapsedTime(began) < Patience)
            {
                producer.Dispose();
            }
        }
    }

    [SkippableFact]
    public void A_timeout_above_the_brokers_maximum_is_refused()
    {
        using var producer = Transactional(NewName("tx"), timeoutMs: 900_001);
        var error = Assert.ThrowsAny<KafkaException>(() => producer.InitTransactions(Patience));
        Assert.Equal(ErrorCode.InvalidTransactionTimeout, error.Error.Code);
    }

    [SkippableFact]
    public async Task A_producer_goes_on_over_many_transactions()
    {
        var topic = await NewTopicAsync(2);
        using var producer = Transactional(NewName("tx"));
        producer.InitTransactions(Patience);
        for (var i = 0; i < 30; i++) Transact(producer, topic, commit: i % 3 != 2, $"{i}");
        var expected = Enumerable.Range(0, 30).Where(i => i % 3 != 2).Select(i => $"{i}").Order(StringComparer.Ordinal);
        Assert.Equal(expected, Values(topic).Concat(Values(topic, partition: 1)).Order(StringComparer.Ordinal));
    }

    private static void Transact(IProducer<byte[]?, byte[]?> producer, string topic, bool commit, params string[] values)
    {
        producer.BeginTransaction();
        foreach (var value in values) producer.Produce(topic, Record(value));
        producer.Flush(Patience);
        if (commit) producer.CommitTransaction(Patience);
        else producer.AbortTransaction(Patience);
    }

    private async Task Producing(string topic, int count)
    {
        using var producer = Producer();
        await Task.WhenAll(Enumerable.Range(0, count).Select(i => producer.ProduceAsync(new TopicPartition(topic, i % 2), Record($"{i}"))));
    }

    private long[] CommittedOffsets(string topic, string group)
    {
        using var consumer = Consumer(group: group);
        return [.. consumer.Committed([new TopicPartition(topic, 0), new TopicPartition(topic, 1)], Patience).Select(o => o.Offset.Value)];
    }

    private long HighWatermark(string topic)
    {
        using var consumer = Consumer();
        return consumer.QueryWatermarkOffsets(new TopicPartition(topic, 0), Patience).High.Value;
    }

    /// <summary>Kafka answers the end of a transaction before its markers are written: waits until nothing is open any more.</summary>
    private async Task ClosedAsync(string topic, int partitions = 1)
    {
        using var admin = Admin();
        var isClosed = await BecomesAsync(() => Enumerable.Range(0, partitions)
            .All(p => ListedEnd(admin, topic, IsolationLevel.ReadCommitted, p) == ListedEnd(admin, topic, IsolationLevel.ReadUncommitted, p)));
        Assert.True(isClosed, $"a transaction stays open in {topic}");
    }

    private long ListedEnd(string topic, IsolationLevel level)
    {
        using var admin = Admin();
        return ListedEnd(admin, topic, level, 0);
    }

    private static long ListedEnd(IAdminClient admin, string topic, IsolationLevel level, int partition)
    {
        var listed = admin.ListOffsetsAsync([new() { TopicPartition = new TopicPartition(topic, partition), OffsetSpec = Confluent.Kafka.Admin.OffsetSpec.Latest() }],
            new Confluent.Kafka.Admin.ListOffsetsOptions { IsolationLevel = level, RequestTimeout = Patience });
        return listed.GetAwaiter().GetResult().ResultInfos[0].TopicPartitionOffsetError.Offset.Value;
    }

    private static async Task<bool> BecomesAsync(Func<bool> condition)
    {
        for (var i = 0; i < 300; i++)
        {
            if (condition()) return true;
            await Task.Delay(100);
        }
        return false;
    }
}
