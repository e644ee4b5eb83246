using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace StreamEngine.Broker.Suite;

public abstract partial class BrokerSuite
{
    [SkippableFact]
    public async Task Topics_are_created_described_and_deleted()
    {
        using var admin = Admin();
        var topic = await NewTopicAsync(3, new() { ["max.message.bytes"] = "20000", ["retention.ms"] = "-1" });
        var described = (await admin.DescribeTopicsAsync(TopicCollection.OfTopicNames([topic]))).TopicDescriptions[0];
        Assert.Equal([0, 1, 2], described.Partitions.Select(p => p.Partition));
        Assert.NotEqual(0, described.TopicId.MostSignificantBits);
        var resource = new ConfigResource { Type = ResourceType.Topic, Name = topic };
        var configs = (await admin.DescribeConfigsAsync([resource]))[0].Entries;
        Assert.Equal("20000", configs["max.message.bytes"].Value);
        Assert.Equal("delete", configs["cleanup.policy"].Value);

        var again = await Assert.ThrowsAsync<CreateTopicsException>(() => admin.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = 1 }]));
        Assert.Equal(ErrorCode.TopicAlreadyExists, again.Results[0].Error.Code);

        await admin.DeleteTopicsAsync([topic]);
        Assert.True(await BecomesAsync(() => admin.GetMetadata(Patience).Topics.All(t => t.Topic != topic)));
        var gone = await Assert.ThrowsAsync<DeleteTopicsException>(() => admin.DeleteTopicsAsync([topic]));
        Assert.Equal(ErrorCode.UnknownTopicOrPart, gone.Results[0].Error.Code);
    }

    [SkippableFact]
    public async Task A_topic_created_again_is_another_topic()
    {
        using var admin = Admin();
        var topic = await NewTopicAsync();
        using (var producer = Producer()) await producer.ProduceAsync(topic, Record("old"));
        var before = (await admin.DescribeTopicsAsync(TopicCollection.OfTopicNames([topic]))).TopicDescriptions[0].TopicId;
        await admin.DeleteTopicsAsync([topic]);
        Assert.True(await BecomesAsync(() => admin.GetMetadata(Patience).Topics.All(t => t.Topic != topic)));
        await admin.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = 1 }]);
        await SeenAsync(admin, topic);
        var after = (await admin.DescribeTopicsAsync(TopicCollection.OfTopicNames([topic]))).TopicDescriptions[0].TopicId;
        Assert.NotEqual(before.ToString(), after.ToString());
        Assert.Empty(Values(topic));
    }

    [SkippableTheory]
    [InlineData("bad name!", 1, 1, null, ErrorCode.TopicException)]
    [InlineData("bad-replicas", 1, 5, null, ErrorCode.InvalidReplicationFactor)]
    [InlineData("bad-config", 1, 1, "no.such.setting", ErrorCode.InvalidConfig)]
    [InlineData("bad-value", 1, 1, "retention.ms", ErrorCode.InvalidConfig)]
    public async Task Topics_that_cannot_be_are_refused(string name, int partitions, short replicas, string? config, ErrorCode code)
    {
        using var admin = Admin();
        var specification = new TopicSpecification { Name = name, NumPartitions = partitions, ReplicationFactor = replicas };
        if (config is not null) specification.Configs = new() { [config] = "abc" };
        var error = await Assert.ThrowsAsync<CreateTopicsException>(() => admin.CreateTopicsAsync([specification]));
        Assert.Equal(code, error.Results[0].Error.Code);
    }

    [SkippableFact]
    public async Task A_topic_that_does_not_exist_is_not_made_by_asking()
    {
        using var admin = Admin();
        var name = NewName("missing");
        Assert.Equal(ErrorCode.UnknownTopicOrPart, admin.GetMetadata(name, Patience).Topics[0].Error.Code);
        using var producer = Producer(c =>
        {
            c.EnableIdempotence = false;
            c.TopicMetadataPropagationMaxMs = 100;
        });
        var error = await Assert.ThrowsAnyAsync<KafkaException>(() => producer.ProduceAsync(name, Record("x")));
        Assert.Contains(error.Error.Code, new[] { ErrorCode.UnknownTopicOrPart, ErrorCode.Local_UnknownTopic });
    }

    [SkippableFact]
    public async Task Deleted_records_are_gone_and_the_rest_stays()
    {
        var topic = await NewTopicAsync();
        using var admin = Admin();
        using var producer = Producer();
        for (var i = 0; i < 20; i++) await producer.ProduceAsync(topic, Record($"{i}"));
        var deleted = await admin.DeleteRecordsAsync([new TopicPartitionOffset(topic, 0, 8)]);
        Assert.Equal(8, deleted[0].Offset.Value);
        using (var consumer = Consumer())
        {
            var ends = consumer.QueryWatermarkOffsets(new TopicPartition(topic, 0), Patience);
            Assert.Equal((8, 20), (ends.Low.Value, ends.High.Value));
        }
        Assert.Equal(Enumerable.Range(8, 12).Select(i => $"{i}"), ReadToEnd(topic, from: 8).Select(r => Text(r.Message.Value)));
        // An offset that is gone: the reader is told, and begins at the earliest as it was set to.
        Assert.Equal(12, ReadToEnd(topic, from: 3).Count);
        // -1 is everything.
        await admin.DeleteRecordsAsync([new TopicPartitionOffset(topic, 0, Offset.End)]);
        Assert.Empty(ReadToEnd(topic, from: 20));
        await producer.ProduceAsync(topic, Record("next"));
        Assert.Equal(20, ReadToEnd(topic, from: 20).Single().Offset.Value);
        var beyond = await Assert.ThrowsAsync<DeleteRecordsException>(() => admin.DeleteRecordsAsync([new TopicPartitionOffset(topic, 0, 999)]));
        Assert.Equal(ErrorCode.OffsetOutOfRange, beyond.Results[0].Error.Code);
    }

    [SkippableTheory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Gzip)]
    [InlineData(CompressionType.Snappy)]
    [InlineData(CompressionType.Lz4)]
    [InlineData(CompressionType.Zstd)]
    public async Task Offsets_are_found_by_time(CompressionType codec)
    {
        var topic = await NewTopicAsync();
        using var producer = Producer(c =>
        {
            c.CompressionType = codec;
            c.LingerMs = 50;
        });
        var start = new DateTimeOffset(2001, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
        // Out of order within the batches: the first record at or after a time counts, in the order of the log.
        var times = Enumerable.Range(0, 300).Select(i => start + (i ^ 5) * 1000L).ToList();
        await Task.WhenAll(times.Select((t, i) =>
            producer.ProduceAsync(topic, new Message<byte[]?, byte[]?> { Value = new byte[100], Timestamp = new Timestamp(t, TimestampType.CreateTime) })));
        using var consumer = Consumer();
        foreach (var wanted in new[] { start - 5, start, start + 1, start + 100_000, start + 250_500, start + 299_000 })
        {
            var found = consumer.OffsetsForTimes([new TopicPartitionTimestamp(topic, 0, new Timestamp(wanted, TimestampType.CreateTime))], Patience);
            Assert.Equal(times.FindIndex(t => t >= wanted), found[0].Offset.Value);
        }
        var none = consumer.OffsetsForTimes([new TopicPartitionTimestamp(topic, 0, new Timestamp(start + 400_000, TimestampType.CreateTime))], Patience);
        Assert.Equal(Offset.End, none[0].Offset);
    }

    [SkippableFact]
    public async Task What_is_too_large_or_from_the_future_is_refused()
    {
        var topic = await NewTopicAsync(configs: new() { ["max.message.bytes"] = "5000" });
        using var producer = Producer(c => c.EnableIdempotence = false);
        var large = await Assert.ThrowsAnyAsync<KafkaException>(() => producer.ProduceAsync(topic, Record(new string('x', 6000))));
        Assert.Equal(ErrorCode.MsgSizeTooLarge, large.Error.Code);
        var ahead = new Message<byte[]?, byte[]?> { Value = [1], Timestamp = new Timestamp(DateTime.UtcNow.AddHours(3)) };
        var future = await Assert.ThrowsAnyAsync<KafkaException>(() => producer.ProduceAsync(topic, ahead));
        Assert.Equal(ErrorCode.InvalidTimestamp, future.Error.Code);
        await producer.ProduceAsync(topic, new Message<byte[]?, byte[]?> { Value = [1], Timestamp = new Timestamp(DateTime.UtcNow.AddMinutes(50)) });
    }

    [SkippableFact]
    public async Task The_broker_may_stamp_the_time()
    {
        var topic = await NewTopicAsync(configs: new() { ["message.timestamp.type"] = "LogAppendTime" });
        using var producer = Producer();
        await producer.ProduceAsync(topic, new Message<byte[]?, byte[]?> { Value = [1], Timestamp = new Timestamp(new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc)) });
        var read = ReadToEnd(topic).Single().Message.Timestamp;
        Assert.Equal(TimestampType.LogAppendTime, read.Type);
        Assert.True(read.UtcDateTime.Year >= 2024);
    }

    [SkippableFact]
    public async Task Settings_of_a_topic_are_changed_and_described()
    {
        var topic = await NewTopicAsync();
        using var admin = Admin();
        var resource = new ConfigResource { Type = ResourceType.Topic, Name = topic };
        async Task<ConfigEntryResult> ReadAsync(string name) => (await admin.DescribeConfigsAsync([resource]))[0].Entries[name];
        Task AlterAsync(AlterConfigOpType operation, string name, string value) => admin.IncrementalAlterConfigsAsync(
            new() { [resource] = [new ConfigEntry { Name = name, Value = value, IncrementalOperation = operation }] });

        await AlterAsync(AlterConfigOpType.Set, "retention.ms", "86400000");
        await AlterAsync(AlterConfigOpType.Set, "max.message.bytes", "5000");
        Assert.True(await BecomesAsync(() => ReadAsync("max.message.bytes").GetAwaiter().GetResult().Value == "5000"));
        var retention = await ReadAsync("retention.ms");
        Assert.Equal(("86400000", ConfigSource.DynamicTopicConfig, false), (retention.Value, retention.Source, retention.IsDefault));
        using (var producer = Producer(c => c.EnableIdempotence = false))
        {
            var large = await Assert.ThrowsAnyAsync<KafkaException>(() => producer.ProduceAsync(topic, Record(new string('x', 6000))));
            Assert.Equal(ErrorCode.MsgSizeTooLarge, large.Error.Code);
        }
        await AlterAsync(AlterConfigOpType.Delete, "max.message.bytes", "");
        Assert.True(await BecomesAsync(() => ReadAsync("max.message.bytes").GetAwaiter().GetResult().Value == "1048588"));
        Assert.NotEqual(ConfigSource.DynamicTopicConfig, (await ReadAsync("max.message.bytes")).Source);

        // The older request replaces all settings of the topic.
        await admin.AlterConfigsAsync(new() { [resource] = [new ConfigEntry { Name = "segment.bytes", Value = "2000000" }] });
        Assert.True(await BecomesAsync(() => ReadAsync("segment.bytes").GetAwaiter().GetResult().Value == "2000000"));
        Assert.NotEqual(ConfigSource.DynamicTopicConfig, (await ReadAsync("retention.ms")).Source);

        foreach (var (name, value) in new[] { ("no.such.setting", "1"), ("retention.ms", "soon") })
        {
            var refused = await Assert.ThrowsAsync<IncrementalAlterConfigsException>(() => AlterAsync(AlterConfigOpType.Set, name, value));
            Assert.Equal(ErrorCode.InvalidConfig, refused.Results[0].Error.Code);
        }
    }

    [SkippableFact]
    public async Task Partitions_are_added()
    {
        var topic = await NewTopicAsync(2);
        using var admin = Admin();
        await admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = topic, IncreaseTo = 5 }]);
        Assert.True(await BecomesAsync(() => admin.GetMetadata(topic, Patience).Topics[0].Partitions.Count == 5));
        var fewer = await Assert.ThrowsAsync<CreatePartitionsException>(() =>
            admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = topic, IncreaseTo = 3 }]));
        Assert.Equal(ErrorCode.InvalidPartitions, fewer.Results[0].Error.Code);
    }
}
