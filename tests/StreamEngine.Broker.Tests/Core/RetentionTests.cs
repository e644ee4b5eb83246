using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker.Core;

/// <summary>Settings of topics and what follows from them, by the core's clock alone: in memory and on disk, with the core started again on what is stored.</summary>
public abstract class RetentionTests : IDisposable
{
    private const long Day = 86_400_000;
    private ILogStorage _storage;
    private CoreClient _client;

    protected RetentionTests()
    {
        _storage = OpenStorage(null);
        _client = new CoreClient(_storage);
    }

    private protected abstract ILogStorage OpenStorage(ILogStorage? before);

    public virtual void Dispose() => _storage.Dispose();

    /// <summary>A crash: the core is dropped, and another one finds what it left.</summary>
    private void Restart()
    {
        var now = _client.Now;
        _storage = OpenStorage(_storage);
        _client = new CoreClient(new BrokerCore(new BrokerOptions { Seed = 7 }, _storage, now)) { Now = now };
    }

    private void Pass(long milliseconds)
    {
        _client.Now += milliseconds;
        _client.Core.Advance(_client.Now);
    }

    private Log.PartitionLog LogOf(string topic) => _client.Core.Topics.Find(topic, 0)!.Log;

    /// <summary>Batches of some 1000 bytes at the present time; segments of 4000 take three of them.</summary>
    private void Write(string topic, int count)
    {
        for (var i = 0; i < count; i++) Assert.Equal(ErrorCode.None, _client.Produce(topic, Batches.Make(2, time: _client.Now, size: 450)).Error);
    }

    [Fact]
    public void Settings_are_changed_one_by_one_and_found_again()
    {
        _client.CreateTopic("t", 1, ("retention.ms", "5000"));
        Assert.Equal((ErrorCode.None, null), _client.Alter("t", "max.message.bytes", "200"));
        Assert.Equal((ErrorCode.None, null), _client.Alter("t", "message.timestamp.type", "LogAppendTime"));
        Assert.Equal((ErrorCode.None, null), _client.Alter("t", "retention.ms", "7000", validateOnly: true));
        Assert.Equal((ErrorCode.None, null), _client.Alter("t", "cleanup.policy", "delete", operation: 2));
        for (var round = 0; round < 2; round++)
        {
            var configs = _client.Configs("t");
            Assert.Equal(("200", 1), configs["max.message.bytes"]);
            Assert.Equal(("LogAppendTime", 1), configs["message.timestamp.type"]);
            Assert.Equal(("5000", 1), configs["retention.ms"]);
            Assert.Equal(("67108864", 5), configs["segment.bytes"]);
            Assert.Equal(ErrorCode.MessageTooLarge, _client.Produce("t", Batches.Make(1, size: 200)).Error);
            Restart();
        }
        Assert.Equal((ErrorCode.None, null), _client.Alter("t", "max.message.bytes", null, operation: 1));
        Restart();
        Assert.Equal(("1048588", 5), _client.Configs("t")["max.message.bytes"]);
        Assert.Equal(ErrorCode.None, _client.Produce("t", Batches.Make(1, size: 200)).Error);
    }

    [Fact]
    public void Settings_survive_a_journal_that_was_written_anew()
    {
        _client.CreateTopic("t");
        _client.Alter("t", "retention.bytes", "12345");
        // Each commit of offsets is a record of the journal, until it is replaced by what the broker knows.
        var before = _storage.Journal.Size;
        var (_, id, epoch) = _client.InitProducerId("a");
        for (var i = 0; _storage.Journal.Size >= before; i++)
        {
            before = Math.Max(before, _storage.Journal.Size);
            _client.AddOffsets("a", id, epoch, new string('g', 20_000));
            _client.End("a", id, epoch, commit: false);
        }
        Restart();
        Assert.Equal(("12345", 1), _client.Configs("t")["retention.bytes"]);
    }

    [Theory]
    [InlineData("segment.ms", "1000", ErrorCode.InvalidConfig, "segment.ms cannot be changed")]
    [InlineData("min.insync.replicas", "2", ErrorCode.InvalidConfig, "min.insync.replicas cannot be changed")]
    [InlineData("segment.ms", "604800000", ErrorCode.None, null)]
    [InlineData("cleanup.policy", "compact", ErrorCode.InvalidConfig, "does not compact")]
    [InlineData("no.such", "1", ErrorCode.InvalidConfig, "Unknown topic config name: no.such")]
    [InlineData("retention.ms", "-2", ErrorCode.InvalidConfig, "retention.ms")]
    [InlineData("retention.ms", null, ErrorCode.InvalidConfig, "retention.ms")]
    [InlineData("segment.bytes", "12", ErrorCode.InvalidConfig, "segment.bytes")]
    internal void What_the_broker_does_not_do_is_refused_by_name(string name, string? value, ErrorCode error, string? says)
    {
        _client.CreateTopic("t");
        var answer = _client.Alter("t", name, value);
        Assert.Equal(error, answer.Error);
        if (says is not null) Assert.Contains(says, answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_topics_that_exist_are_altered()
    {
        Assert.Equal(ErrorCode.UnknownTopicOrPartition, _client.Alter("t", "retention.ms", "1").Error);
        Assert.Equal(ErrorCode.InvalidTopic, _client.Alter("t t", "retention.ms", "1").Error);
        Assert.Equal(ErrorCode.InvalidRequest, _client.Alter("1", "log.retention.ms", "1", type: 4).Error);
        Assert.Equal(ErrorCode.InvalidConfig, _client.CreateTopic("compacted", 1, ("cleanup.policy", "compact")));
    }

    [Fact]
    public void Segments_that_are_too_old_go_and_the_log_begins_after_them()
    {
        _client.CreateTopic("t", 1, ("segment.bytes", "4000"), ("retention.ms", $"{Day}"));
        Write("t", 6);
        Pass(Day / 2);
        Write("t", 6);
        var segments = LogOf("t").SegmentCount;
        Pass(Day / 2 - 60_000);
        Assert.Equal((0, segments), (LogOf("t").StartOffset, LogOf("t").SegmentCount));
        Pass(180_000);
        // The segment that holds both old and new records stays whole.
        var start = LogOf("t").StartOffset;
        Assert.InRange(start, 8, 12);
        Assert.True(LogOf("t").SegmentCount < segments);
        Assert.Equal(ErrorCode.OffsetOutOfRange, _client.Fetch("t", start - 1).Error);
        Assert.Equal((start, 24L), (_client.Fetch("t", start).StartOffset, _client.Fetch("t", start).HighWatermark));
        Assert.Equal(Enumerable.Range((int)start, 24 - (int)start).Select(i => (long)i), _client.Fetch("t", start).Records.Select(r => r.Offset));
        Restart();
        Assert.Equal(start, LogOf("t").StartOffset);
        // All of it, the newest segment as well; offsets go on.
        Pass(Day);
        Assert.Equal((24L, 24L), (LogOf("t").StartOffset, LogOf("t").EndOffset));
        Assert.Equal(0, LogOf("t").Bytes);
        Restart();
        Assert.Equal(24, _client.Produce("t", Batches.Make(time: _client.Now)).Offset);
    }

    [Fact]
    public void Segments_that_are_too_much_go_from_the_oldest()
    {
        _client.CreateTopic("t", 1, ("segment.bytes", "4000"));
        Write("t", 30);
        Pass(Day * 100);
        Assert.Equal(0, LogOf("t").StartOffset);
        _client.Alter("t", "retention.bytes", "9000");
        Pass(60_000);
        // What stays is at least what the setting keeps, and less than a segment more.
        Assert.InRange(LogOf("t").Bytes, 9000, 9000 + 4000);
        var start = LogOf("t").StartOffset;
        Assert.Equal(60, LogOf("t").EndOffset);
        Assert.Equal(ErrorCode.OffsetOutOfRange, _client.Fetch("t", 0).Error);
        Assert.Equal(60 - start, _client.Fetch("t", start).Records.Count);
        // The newest segment stays whatever the size.
        _client.Alter("t", "retention.bytes", "0");
        Pass(60_000);
        Assert.True(LogOf("t").StartOffset is > 50 and < 60);
    }

    [Fact]
    public void A_transaction_that_is_open_keeps_its_records_and_all_after_them()
    {
        _client.CreateTopic("t", 1, ("segment.bytes", "4000"), ("retention.ms", "1000"));
        Write("t", 6);
        var (_, id, epoch) = _client.InitProducerId("a", timeout: 900_000);
        _client.AddPartition("a", id, epoch, "t");
        _client.Produce("t", Batches.Make(1, id, epoch, 0, transactional: true, time: _client.Now));
        Write("t", 12);
        Pass(300_000);
        Assert.InRange(LogOf("t").StartOffset, 6, 12);
        Assert.Equal(12, LogOf("t").StableOffset);
        _client.End("a", id, epoch, commit: true);
        Pass(60_000);
        // The marker is of now: its segment stays.
        Assert.True(LogOf("t").StartOffset > 13);
        Pass(60_000);
        Assert.Equal(LogOf("t").EndOffset, LogOf("t").StartOffset);
    }

    [Fact]
    public void A_start_that_the_journal_has_lost_is_that_of_the_segments()
    {
        _client.CreateTopic("t", 1, ("segment.bytes", "4000"), ("retention.bytes", "9000"));
        Write("t", 30);
        var journal = _storage.Journal.Size;
        Pass(60_000);
        var start = LogOf("t").StartOffset;
        Assert.True(start > 0);
        // A power cut: the segments are gone, and what the journal said of it as well.
        _storage.Journal.Truncate(journal);
        Restart();
        Assert.Equal(start, LogOf("t").StartOffset);
        Assert.Equal(ErrorCode.OffsetOutOfRange, _client.Fetch("t", start - 1).Error);
    }

    [Fact]
    public void A_reader_that_waits_below_the_new_start_is_told()
    {
        _client.CreateTopic("t", 1, ("segment.bytes", "4000"), ("retention.ms", "50000"));
        Write("t", 10);
        Pass(55_000);
        var waiting = _client.SendFetch("t", 3, committed: true, maxWait: 30_000, minBytes: 1 << 20);
        Pass(10_000);
        Assert.False(waiting.IsComplete);
        Pass(20_000);
        Assert.Equal(ErrorCode.OffsetOutOfRange, CoreClient.ReadFetch(waiting).Error);
    }

    [Fact]
    public void Deleted_records_and_endless_retention_are_left_alone()
    {
        _client.CreateTopic("t", 1, ("segment.bytes", "4000"));
        Write("t", 10);
        _client.Core.Topics.MoveStart(_client.Core.Topics.Find("t", 0)!, 5);
        Pass(Day * 1000);
        Assert.Equal((5, 20L), (LogOf("t").StartOffset, LogOf("t").EndOffset));
        _client.Alter("t", "retention.bytes", "1000000");
        Pass(60_000);
        Assert.Equal(5, LogOf("t").StartOffset);
        // Records without a time do not age.
        _client.CreateTopic("timeless", 1, ("retention.ms", "1000"));
        _client.Produce("timeless", Batches.Make(time: -1));
        Pass(Day);
        Assert.Equal(0, LogOf("timeless").StartOffset);
    }
}

public sealed class MemoryRetentionTests : RetentionTests
{
    private protected override ILogStorage OpenStorage(ILogStorage? before) => before ?? new MemoryStorage();
}

public sealed class DiskRetentionTests : RetentionTests
{
    private string? _folder;

    private protected override ILogStorage OpenStorage(ILogStorage? before)
    {
        before?.Dispose();
        return new DiskStorage(_folder ??= Directory.CreateTempSubdirectory("broker-retention-").FullName);
    }

    public override void Dispose()
    {
        base.Dispose();
        Directory.Delete(_folder!, recursive: true);
    }
}
