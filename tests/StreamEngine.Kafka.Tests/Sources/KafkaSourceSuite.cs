using System.Text;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Suite;

namespace StreamEngine.Kafka.Sources;

/// <summary>What a source reads of a topic: from which position, only what is committed, and up to which end.</summary>
public abstract class KafkaSourceSuite(Cluster cluster) : IDisposable
{
    private readonly MemoryScope _scope = new();

    public void Dispose()
    {
        Assert.Equal(0, _scope.BlocksOut);
        _scope.Dispose();
        GC.SuppressFinalize(this);
    }

    private KafkaSource Source(KafkaSourceOptions options, KafkaConnection? connection = null, TimeProvider? time = null) =>
        new(connection ?? cluster.Connection, options, _scope, time ?? TimeProvider.System, NullLogger.Instance);

    /// <summary>Looks at intervals a hundredth as long.</summary>
    private sealed class ShortTimers : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime / 100, period / 100);
    }

    /// <summary>A partition's records up to its first end, as OFFSET:VALUE, and that end.</summary>
    protected async Task<string> ReadAsync(string topic, int partition, long from, KafkaConnection? connection = null)
    {
        await using var source = Source(new KafkaSourceOptions("s", topic), connection);
        await source.OpenAsync(CancellationToken.None);
        var answers = new Answers();
        source.Start(new Dictionary<int, OffsetAndEpoch> { [partition] = from }, answers);
        return await DrainAsync(source, answers, partition);
    }

    private static async Task<string> DrainAsync(KafkaSource source, Answers answers, int partition)
    {
        var records = new List<string>();
        while (true)
        {
            while (source.TryTake(partition, out var batch))
            {
                Assert.Equal((partition, "s", BatchRole.Raw), (batch!.Records!.Partition, batch.Records.Name, batch.Role));
                records.AddRange(Shown(batch));
                batch.Dispose();
            }
            var answer = await answers.NextAsync<object>();
            if (answer is Exception failure) throw new InvalidOperationException(failure.Message, failure);
            if (answer is Answers.EndOfPartition end && end.Partition == partition) return $"{string.Join(' ', records)} end {end.Offset}".TrimStart();
        }
    }

    private static unsafe IEnumerable<string> Shown(Batch batch)
    {
        var shown = new List<string>();
        for (var i = 0; i < batch.Count; i++) shown.Add($"{batch.Records!.Offsets[i]}:{Encoding.UTF8.GetString(batch.Records.Values[i].Span)}");
        return shown;
    }

    [SkippableFact]
    public async Task A_partition_is_read_from_its_position_to_its_end()
    {
        var topic = await cluster.NewTopicAsync(2);
        await cluster.WriteAsync(topic, 0, "a", "b", "c");
        await cluster.WriteAsync(topic, 1, "x");
        Assert.Equal("0:a 1:b 2:c end 3", await ReadAsync(topic, 0, 0));
        Assert.Equal("2:c end 3", await ReadAsync(topic, 0, 2));
        Assert.Equal("end 3", await ReadAsync(topic, 0, 3));
        Assert.Equal("0:x end 1", await ReadAsync(topic, 1, 0));
    }

    [SkippableFact]
    public async Task Aborted_records_are_skipped_and_control_records_passed()
    {
        var topic = await cluster.NewTopicAsync();
        await cluster.TransactAsync(topic, 0, commit: true, "a");
        await cluster.TransactAsync(topic, 0, commit: false, "lost", "lost");
        await cluster.TransactAsync(topic, 0, commit: true, "b", "c");
        await cluster.TransactAsync(topic, 0, commit: false, "lost");
        // a, commit, lost, lost, abort, b, c, commit, lost, abort.
        Assert.Equal("0:a 5:b 6:c end 10", await ReadAsync(topic, 0, 0));
        // From inside of what is skipped there is no batch that could carry the offset: the end alone does.
        Assert.Equal("end 10", await ReadAsync(topic, 0, 7));
    }

    [SkippableFact]
    public async Task An_open_transaction_is_waited_for()
    {
        var topic = await cluster.NewTopicAsync();
        await cluster.WriteAsync(topic, 0, "a");
        using var producer = cluster.Producer(Cluster.Name("open"));
        producer.BeginTransaction();
        await producer.ProduceAsync(topic, new Message<byte[]?, byte[]?> { Value = "b"u8.ToArray() });
        await cluster.WriteAsync(topic, 0, "c");
        await using var source = Source(new KafkaSourceOptions("s", topic));
        await source.OpenAsync(CancellationToken.None);
        var answers = new Answers();
        source.Start(new Dictionary<int, OffsetAndEpoch> { [0] = 0 }, answers);
        Assert.Equal("0:a end 1", await DrainAsync(source, answers, 0));
        source.QueryEnds(0);
        Assert.Equal(new Answers.Ends(0, 1, 3), await answers.NextAsync<Answers.Ends>());
        producer.CommitTransaction();
        Assert.Equal("1:b 2:c end 4", await DrainAsync(source, answers, 0));
        source.QueryEnds(0);
        Assert.Equal(new Answers.Ends(0, 4, 4), await answers.NextAsync<Answers.Ends>());
    }

    [SkippableFact]
    public async Task Keys_headers_timestamps_and_nulls_are_kept()
    {
        var topic = await cluster.NewTopicAsync();
        using (var producer = cluster.Producer())
        {
            await producer.ProduceAsync(topic, new Message<byte[]?, byte[]?>
            {
                Key = "k"u8.ToArray(), Value = "v"u8.ToArray(), Timestamp = new Timestamp(1234, TimestampType.CreateTime),
                    Headers = new Headers { { "h", "1"u8.ToArray() }, { "empty", [] }, { "null", null } },
            });
            await producer.ProduceAsync(topic, new Message<byte[]?, byte[]?> { Key = [], Value = null, Timestamp = new Timestamp(5678, TimestampType.CreateTime) });
        }
        await using var source = Source(new KafkaSourceOptions("s", topic));
        await source.OpenAsync(CancellationToken.None);
        var answers = new Answers();
        source.Start(new Dictionary<int, OffsetAndEpoch> { [0] = 0 }, answers);
        await answers.NextAsync<Answers.Ready>();
        Assert.True(source.TryTake(0, out var batch));
        Assert.Equal(["1234 k v h=1,empty=,null=null", "5678  null "], Whole(batch!));
        batch!.Dispose();
    }

    private static unsafe List<string> Whole(Batch batch)
    {
        static string Text(Bytes bytes) => bytes.IsNull ? "null" : Encoding.UTF8.GetString(bytes.Span);
        var shown = new List<string>();
        for (var i = 0; i < batch.Count; i++)
        {
            var headers = new List<string>();
            foreach (var header in RecordHeaders.Read(batch.Records!.HeadersAt(i).Span))
                headers.Add($"{Encoding.UTF8.GetString(header.Name)}={(header.IsNull ? "null" : Encoding.UTF8.GetString(header.Value))}");
            shown.Add($"{batch.Records.Timestamps[i]} {Text(batch.Records.KeyAt(i))} {Text(batch.Records.Values[i])} {string.Join(',', headers)}");
        }
        return shown;
    }

    [SkippableTheory]
    [InlineData(3, 1 << 20, 3)]
    [InlineData(2048, 25, 2)]
    [InlineData(2048, 1, 1)]
    public async Task Batches_are_cut_by_rows_and_by_bytes(int rows, int bytes, int most)
    {
        var topic = await cluster.NewTopicAsync();
        var values = Enumerable.Range(0, 20).Select(i => $"{i:d10}").ToArray();
        await cluster.WriteAsync(topic, 0, values);
        await using var source = Source(new KafkaSourceOptions("s", topic) { BatchRows = rows, BatchBytes = bytes });
        await source.OpenAsync(CancellationToken.None);
        var answers = new Answers();
        source.Start(new Dictionary<int, OffsetAndEpoch> { [0] = 0 }, answers);
        var read = new List<string>();
        var sizes = new List<int>();
        while (read.Count < values.Length)
        {
            while (source.TryTake(0, out var batch))
            {
                sizes.Add(batch!.Count);
                read.AddRange(Shown(batch).Select(r => r[(r.IndexOf(':', StringComparison.Ordinal) + 1)..]));
                batch.Dispose();
            }
            if (read.Count < values.Length) await answers.NextAsync<Answers.Ready>();
        }
        Assert.Equal(values, read);
        Assert.Equal(most, sizes.Max());
    }

    [SkippableFact]
    public async Task A_partition_that_is_not_taken_from_is_not_read_on()
    {
        var topic = await cluster.NewTopicAsync(2);
        await cluster.WriteAsync(topic, 0, [.. Enumerable.Range(0, 50).Select(i => $"{i}")]);
        await cluster.WriteAsync(topic, 1, "other");
        await using var source = Source(new KafkaSourceOptions("s", topic) { BatchRows = 1, WaitingBatches = 2 });
        await source.OpenAsync(CancellationToken.None);
        var answers = new Answers();
        source.Start(new Dictionary<int, OffsetAndEpoch> { [0] = 0, [1] = 0 }, answers);
        // The other partition goes on, although this one is full.
        Assert.Equal("0:other end 1", await DrainAsync(source, answers, 1));
        var blocks = _scope.BlocksOut;
        Assert.InRange(blocks, 1, 2 * 4);
        Assert.Equal(string.Concat(Enumerable.Range(0, 50).Select(i => $"{i}:{i} ")) + "end 50", await DrainAsync(source, answers, 0));
    }

    [SkippableFact]
    public async Task Where_a_new_pipeline_starts_is_its_choice()
    {
        var topic = await cluster.NewTopicAsync(2);
        using (var producer = cluster.Producer())
            foreach (var time in new long[] { 1000, 2000, 3000 })
                await producer.ProduceAsync(new TopicPartition(topic, 0), new Message<byte[]?,
                    byte[]?> { Value = [1], Timestamp = new Timestamp(time, TimestampType.CreateTime) });
        async Task<SourceLayout> Open(KafkaSourceOptions options)
        {
            await using var source = Source(options);
            return await source.OpenAsync(CancellationToken.None);
        }
        var earliest = await Open(new KafkaSourceOptions("s", topic));
        Assert.Equal((topic, 2), (earliest.Topic, earliest.Partitions));
        Assert.NotEmpty(earliest.TopicId);
        Assert.Equal([0, 0], earliest.Starts.OrderBy(s => s.Key).Select(s => s.Value));
        Assert.Equal([3, 0], (await Open(new KafkaSourceOptions("s", topic, StartPosition.Latest))).Starts.OrderBy(s => s.Key).Select(s => s.Value));
        Assert.Equal([1, 0], (await Open(new KafkaSourceOptions("s", topic, StartPosition.Time, 1500))).Starts.OrderBy(s => s.Key).Select(s => s.Value));
        Assert.Equal([3, 0], (await Open(new KafkaSourceOptions("s", topic, StartPosition.Time, 9000))).Starts.OrderBy(s => s.Key).Select(s => s.Value));
    }

    [SkippableFact]
    public async Task A_topic_that_does_not_exist_is_an_error_that_says_what_to_do_or_is_created()
    {
        var topic = Cluster.Name("missing");
        await using var source = Source(new KafkaSourceOptions("flights", topic));
        var missing = await Assert.ThrowsAsync<StartupException>(() => source.OpenAsync(CancellationToken.None));
        Assert.Equal($"""
            topic '{topic}' does not exist on {cluster.Bootstrap}
              create it:                    ./engine topic create {topic} --partitions 4 --bootstrap {cluster.Bootstrap}
              or let the pipeline do it:    sources.flights.create {"{ partitions = 4 }"}
            """, missing.Message);
        await using var creating = Source(new KafkaSourceOptions("flights", topic, CreatePartitions: 3));
        Assert.Equal(3, (await creating.OpenAsync(CancellationToken.None)).Partitions);
    }

    [SkippableFact]
    public async Task A_partition_that_is_added_is_found_at_the_next_opening()
    {
        var topic = await cluster.NewTopicAsync();
        await cluster.WriteAsync(topic, 0, "a");
        await cluster.AddPartitionsAsync(topic, 3);
        await cluster.WriteAsync(topic, 2, "new");
        await using var source = Source(new KafkaSourceOptions("s", topic));
        var layout = await source.OpenAsync(CancellationToken.None);
        Assert.Equal([0, 1, 2], layout.Starts.Keys.Order());
        var answers = new Answers();
        source.Start(layout.Starts.ToDictionary(s => s.Key, s => new OffsetAndEpoch(s.Value)), answers);
        Assert.Equal("0:new end 1", await DrainAsync(source, answers, 2));
    }

    [SkippableFact]
    public async Task A_partition_that_is_added_under_the_source_asks_for_a_new_incarnation()
    {
        var topic = await cluster.NewTopicAsync();
        await using var source = Source(new KafkaSourceOptions("s", topic), time: new ShortTimers());
        await source.OpenAsync(CancellationToken.None);
        var answers = new Answers();
        source.Start(new Dictionary<int, OffsetAndEpoch> { [0] = 0 }, answers);
        await cluster.AddPartitionsAsync(topic, 2);
        var failure = await answers.NextAsync<Exception>();
        Assert.IsNotType<StartupException>(failure);
        Assert.StartsWith($"topic '{topic}' has 2 partitions now, it had 1", failure.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task An_offset_that_retention_has_deleted_is_an_error_that_says_what_to_do()
    {
        var topic = await cluster.NewTopicAsync();
        await cluster.WriteAsync(topic, 0, "a", "b", "c");
        using (var topics = cluster.Topics()) await topics.DeleteRecordsAsync(topic, 0, 2, CancellationToken.None);
        await using var source = Source(new KafkaSourceOptions("s", topic));
        var layout = await source.OpenAsync(CancellationToken.None);
        Assert.Equal(2, layout.Starts[0]);
        var answers = new Answers();
        source.Start(new Dictionary<int, OffsetAndEpoch> { [0] = 1 }, answers);
        var failure = await answers.NextAsync<Exception>();
        Assert.IsType<StartupException>(failure);
        Assert.StartsWith($"{topic}-0: offset 1 does not exist any more", failure.Message, StringComparison.Ordinal);
        Assert.Contains("--reset", failure.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task An_offset_behind_the_end_of_the_log_is_not_taken_for_retention()
    {
        var topic = await cluster.NewTopicAsync();
        await cluster.WriteAsync(topic, 0, "a", "b", "c");
        await using var source = Source(new KafkaSourceOptions("s", topic));
        await source.OpenAsync(CancellationToken.None);
        var answers = new Answers();
        source.Start(new Dictionary<int, OffsetAndEpoch> { [0] = 7 }, answers);
        var failure = await answers.NextAsync<Exception>();
        Assert.IsType<StartupException>(failure);
        Assert.StartsWith($"{topic}-0: the log was cut off below what was read of it: offset 7 was next, and the log ends at offset 3", failure.Message,
            StringComparison.Ordinal);
        Assert.Contains("--reset", failure.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task The_position_of_a_manifest_with_its_epoch_is_read_on()
    {
        var topic = await cluster.NewTopicAsync();
        await cluster.WriteAsync(topic, 0, "a", "b");
        OffsetAndEpoch position;
        await using (var first = Source(new KafkaSourceOptions("s", topic)))
        {
            await first.OpenAsync(CancellationToken.None);
            var heard = new Answers();
            first.Start(new Dictionary<int, OffsetAndEpoch> { [0] = 0 }, heard);
            Assert.Equal("0:a 1:b end 2", await DrainAsync(first, heard, 0));
            position = new OffsetAndEpoch(2, first.LeaderEpochBefore(0, 2));
        }
        Assert.True(position.LeaderEpoch >= 0);
        await cluster.WriteAsync(topic, 0, "c");
        await using var second = Source(new KafkaSourceOptions("s", topic));
        await second.OpenAsync(CancellationToken.None);
        var answers = new Answers();
        second.Start(new Dictionary<int, OffsetAndEpoch> { [0] = position }, answers);
        Assert.Equal("2:c end 3", await DrainAsync(second, answers, 0));
    }

    [SkippableTheory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Gzip)]
    [InlineData(CompressionType.Snappy)]
    [InlineData(CompressionType.Lz4)]
    [InlineData(CompressionType.Zstd)]
    public async Task What_another_client_has_compressed_is_read(CompressionType compression)
    {
        var topic = await cluster.NewTopicAsync();
        var values = Enumerable.Range(0, 300).Select(i => $"a value that repeats itself {i}").ToArray();
        var config = new ProducerConfig { BootstrapServers = cluster.Bootstrap, CompressionType = compression, LingerMs = 50 };
        using (var producer = new ProducerBuilder<byte[]?, byte[]?>(config).Build())
        {
            foreach (var value in values) producer.Produce(topic, new Message<byte[]?, byte[]?> { Value = Encoding.UTF8.GetBytes(value) });
            producer.Flush(CancellationToken.None);
        }
        Assert.Equal(string.Concat(values.Select((v, i) => $"{i}:{v} ")) + "end 300", await ReadAsync(topic, 0, 0));
    }

    [SkippableFact]
    public async Task A_topic_that_is_deleted_under_the_source_stops_it()
    {
        var topic = await cluster.NewTopicAsync();
        await cluster.WriteAsync(topic, 0, "a", "b", "c");
        await using var source = Source(new KafkaSourceOptions("s", topic));
        await source.OpenAsync(CancellationToken.None);
        var answers = new Answers();
        source.Start(new Dictionary<int, OffsetAndEpoch> { [0] = 0 }, answers);
        Assert.Equal("0:a 1:b 2:c end 3", await DrainAsync(source, answers, 0));
        using (var topics = cluster.Topics())
        {
            await topics.DeleteAsync(topic, CancellationToken.None);
            // Its successor is told by its id, however many records it has: nothing of it is taken for the old one's.
            for (var made = false; !made;)
            {
                await Task.Delay(100);
                if (await topics.FindAsync(topic, CancellationToken.None) is not null) continue;
                await topics.CreateAsync(topic, 1, null, CancellationToken.None);
                made = true;
            }
        }
        await cluster.WriteAsync(topic, 0, "d", "e", "f", "g", "h");
        var failure = await answers.NextAsync<Exception>();
        Assert.IsType<StartupException>(failure);
        Assert.Contains("--reset", failure.Message, StringComparison.Ordinal);
        Assert.False(source.TryTake(0, out _));
    }
}
