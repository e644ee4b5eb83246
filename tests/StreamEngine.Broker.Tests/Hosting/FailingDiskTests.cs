using Confluent.Kafka;
using Confluent.Kafka.Admin;
using StreamEngine.Broker.Core;
using StreamEngine.Broker.Storage;
using StreamEngine.Broker.Suite;

namespace StreamEngine.Broker.Hosting;

/// <summary>
/// A disk that is full or fails: the broker stops and acknowledges nothing more, since nobody knows what the disk holds; what was acknowledged before is there.
/// </summary>
public sealed class FailingDiskTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("broker-disk-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [SkippableFact]
    public async Task A_broker_whose_disk_is_full_stops_and_has_all_that_it_acknowledged()
    {
        Skip.IfNot(File.Exists("/dev/full"), "there is no /dev/full here, which answers every write as a full disk does");
        var options = new BrokerOptions { DataDirectory = _folder };
        var log = new LogLines();
        var host = await BrokerHost.StartAsync(options, log, TimeProvider.System);
        using (var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = host.Bootstrap }).Build())
            await admin.CreateTopicsAsync([new TopicSpecification { Name = "t", NumPartitions = 2 }]);
        string full;
        var settings = new ProducerConfig { BootstrapServers = host.Bootstrap, LingerMs = 0 };
        using (var producer = new ProducerBuilder<Null, string>(settings).SetLogHandler((_, _) => { }).Build())
        {
            await producer.ProduceAsync(new TopicPartition("t", 0), new Message<Null, string> { Value = "kept" });
            // The next partition's first segment lies on a full disk.
            full = Path.Combine(Assert.Single(Directory.GetDirectories(Path.Combine(_folder, "topics"))), "1");
            Directory.CreateDirectory(full);
            File.CreateSymbolicLink(Path.Combine(full, "00000000000000000000.log"), "/dev/full");
            producer.Produce(new TopicPartition("t", 1), new Message<Null, string> { Value = "refused" });
            await Assert.ThrowsAnyAsync<IOException>(() => host.Stopped.WaitAsync(Patience));
        }
        Assert.Contains(log.Lines, l => l.StartsWith("Critical: The broker stops", StringComparison.Ordinal));
        await host.DisposeAsync();
        Directory.Delete(full, recursive: true);
        await using var again = await BrokerHost.StartAsync(options, new LogLines(), TimeProvider.System);
        var reading = new ConsumerConfig { BootstrapServers = again.Bootstrap, GroupId = "g", EnableAutoCommit = false };
        using var consumer = new ConsumerBuilder<Null, string>(reading).Build();
        consumer.Assign(new TopicPartitionOffset("t", 0, 0));
        Assert.Equal("kept", consumer.Consume(Patience).Message.Value);
    }

    [Fact]
    public void A_record_that_cannot_be_forced_to_the_disk_is_not_acknowledged()
    {
        using var storage = new FailingStorage();
        var client = new CoreClient(storage, new BrokerOptions { Seed = 7, Fsync = FsyncPolicy.Always });
        client.CreateTopic("t");
        storage.Fails = true;
        Assert.Throws<IOException>(() => client.Produce("t", Batches.Make()));
    }

    [Fact]
    public async Task An_error_of_the_flushes_in_the_background_is_told()
    {
        using var storage = new FailingStorage { Fails = true };
        var told = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var flusher = new DiskFlusher(storage, TimeSpan.FromMilliseconds(1), told.SetResult);
        Assert.IsType<IOException>(await told.Task.WaitAsync(Patience));
    }

    /// <summary>Storage in memory that cannot be made durable.</summary>
    private sealed class FailingStorage : ILogStorage
    {
        private readonly MemoryStorage _inner = new();

        public bool Fails { get; set; }

        public IJournalFile Journal => _inner.Journal;

        public List<ISegment> OpenSegments(Guid topicId, int partition) => _inner.OpenSegments(topicId, partition);

        public ISegment CreateSegment(Guid topicId, int partition, long baseOffset, int firstBatch) => _inner.CreateSegment(topicId, partition, baseOffset, firstBatch);

        public void DeleteTopic(Guid topicId) => _inner.DeleteTopic(topicId);

        public IReadOnlyCollection<Guid> StoredTopics() => _inner.StoredTopics();

        public void Sync()
        {
            if (Fails) throw new IOException("the disk has failed");
        }

        public void Dispose() => _inner.Dispose();
    }
}
