using StreamEngine.Broker.Log;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Core;

/// <summary>Appending and reading on the core alone.</summary>
public class LogTests
{
    private readonly CoreClient _client = new();

    public LogTests() => _client.CreateTopic("t");

    private (ErrorCode Error, long Offset) Write(long id, short epoch, int sequence, int count = 1) => _client.Produce("t", Batches.Make(count, id, epoch, sequence));

    [Fact]
    public void Sequences_of_an_idempotent_producer_are_checked()
    {
        var (_, id, _) = _client.InitProducerId(null);
        Assert.Equal((ErrorCode.None, 0), Write(id, 0, 0, 2));
        Assert.Equal((ErrorCode.None, 2), Write(id, 0, 2, 3));
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, Write(id, 0, 6).Error);
        Assert.Equal((ErrorCode.None, 5), Write(id, 0, 5));
        // A retry of what is there gives the offset it has, and writes nothing.
        Assert.Equal((ErrorCode.None, 2), Write(id, 0, 2, 3));
        Assert.Equal(6, _client.Fetch("t").HighWatermark);
        // A new epoch begins at 0; the old one is refused from then on.
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, Write(id, 1, 6).Error);
        Assert.Equal((ErrorCode.None, 6), Write(id, 1, 0));
        Assert.Equal(ErrorCode.InvalidProducerEpoch, Write(id, 0, 6).Error);
    }

    [Fact]
    public void The_last_five_batches_are_known_and_an_older_one_is_out_of_order()
    {
        var (_, id, _) = _client.InitProducerId(null);
        for (var i = 0; i < 8; i++) Assert.Equal((ErrorCode.None, i), Write(id, 0, i));
        for (var i = 3; i < 8; i++) Assert.Equal((ErrorCode.None, i), Write(id, 0, i));
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, Write(id, 0, 2).Error);
    }

    [Fact]
    public void Sequences_wrap_around()
    {
        Assert.Equal((ErrorCode.None, 0), Write(5, 0, int.MaxValue - 1, 2));
        Assert.Equal((ErrorCode.None, 2), Write(5, 0, 0));
        Assert.Equal((ErrorCode.None, 3), Write(6, 0, int.MaxValue - 1, 3));
        Assert.Equal((ErrorCode.None, 6), Write(6, 0, 1));
    }

    [Theory]
    [InlineData(0, ErrorCode.CorruptMessage)]
    [InlineData(20, ErrorCode.CorruptMessage)]
    [InlineData(16, ErrorCode.UnsupportedForMessageFormat)]
    [InlineData(17, ErrorCode.CorruptMessage)]
    [InlineData(30, ErrorCode.CorruptMessage)]
    [InlineData(70, ErrorCode.CorruptMessage)]
    [InlineData(11, ErrorCode.InvalidRecord)]
    internal void A_batch_that_is_not_sound_is_refused(int flip, ErrorCode expected)
    {
        var batch = Batches.Make(3);
        if (flip == 0) batch = batch[..40];
        else if (flip == 11) batch[11] -= 5;
        else batch[flip] ^= 1;
        Assert.Equal(expected, _client.Produce("t", batch).Error);
        Assert.Equal(0, _client.Fetch("t").HighWatermark);
    }

    [Fact]
    public void Clients_cannot_write_markers() => Assert.Equal(ErrorCode.InvalidRecord, _client.Produce("t", ControlBatch.Create(1, 0, true, 0, 1)).Error);

    [Fact]
    public void A_batch_from_the_future_is_refused()
    {
        Assert.Equal(ErrorCode.None, _client.Produce("t", Batches.Make(time: _client.Now + 3_600_000)).Error);
        Assert.Equal(ErrorCode.InvalidTimestamp, _client.Produce("t", Batches.Make(time: _client.Now + 3_600_001)).Error);
        Assert.Equal(ErrorCode.InvalidTimestamp, _client.Produce("t", Batches.Make(time: long.MaxValue)).Error);
    }

    [Fact]
    public void Acks_0_wants_no_answer()
    {
        var exchange = _client.Send(ApiKey.Produce, 9, w => CoreClient.WriteProduce(w, "t", Batches.Make(), acks: 0));
        Assert.True(exchange.IsComplete);
        Assert.Null(exchange.Response);
        Assert.Equal(1, _client.Fetch("t").HighWatermark);
    }

    [Fact]
    public void A_fetch_waits_for_its_bytes_or_its_time()
    {
        var waiting = _client.SendFetch("t", 0, committed: true, maxWait: 500, minBytes: 200);
        Assert.False(waiting.IsComplete);
        _client.Produce("t", Batches.Make());
        Assert.False(waiting.IsComplete);
        _client.Produce("t", Batches.Make(size: 100));
        Assert.True(waiting.IsComplete);
        Assert.Equal(2, CoreClient.ReadFetch(waiting).Records.Count);

        var idle = _client.SendFetch("t", 2, committed: true, maxWait: 500);
        Assert.Equal(_client.Now + 500, _client.Core.NextDeadline);
        _client.Now += 499;
        _client.Core.Advance(_client.Now);
        Assert.False(idle.IsComplete);
        _client.Now += 1;
        _client.Core.Advance(_client.Now);
        Assert.Empty(CoreClient.ReadFetch(idle).Records);
        Assert.Equal(0, _client.Core.Waits.Count);
    }

    [Fact]
    public void A_fetch_of_committed_records_waits_for_the_end_of_the_transaction()
    {
        var (_, id, epoch) = _client.InitProducerId("a");
        _client.AddPartition("a", id, epoch, "t");
        var committed = _client.SendFetch("t", 0, committed: true, maxWait: 500);
        var all = _client.SendFetch("t", 0, committed: false, maxWait: 500);
        _client.Produce("t", Batches.Make(1, id, epoch, 0, transactional: true));
        Assert.True(all.IsComplete);
        Assert.False(committed.IsComplete);
        _client.End("a", id, epoch, commit: true);
        Assert.Equal(["v0", $"commit {id}"], CoreClient.ReadFetch(committed).Values);
    }

    [Fact]
    public void A_deleted_topic_answers_those_who_wait_for_it()
    {
        var waiting = _client.SendFetch("t", 0, committed: true, maxWait: 500);
        Assert.Equal(ErrorCode.None, _client.DeleteTopic("t"));
        Assert.True(waiting.IsComplete);
        Assert.Equal(ErrorCode.UnknownTopicOrPartition, _client.Fetch("t").Error);
    }

    [Fact]
    public void Fetches_give_whole_batches_within_their_limits_and_one_in_any_case()
    {
        for (var i = 0; i < 200; i++) _client.Produce("t", Batches.Make(3, size: 300));
        var size = Batches.Make(3, size: 300).Length;
        Assert.Equal(3 * 4, CoreClient.ReadFetch(_client.SendFetch("t", 0, true, partitionBytes: 4 * size + 5)).Records.Count);
        Assert.Equal(3, CoreClient.ReadFetch(_client.SendFetch("t", 30, true, partitionBytes: 10)).Records.Count);
        // Segments in memory begin at 16 KiB: this read crosses several.
        var all = _client.Fetch("t").Records;
        Assert.Equal(Enumerable.Range(0, 600).Select(i => (long)i), all.Select(r => r.Offset));
        // An offset inside of a batch: the batch comes whole, as from Kafka.
        for (var offset = 0; offset < 600; offset++)
            Assert.Equal(offset / 3 * 3, CoreClient.ReadFetch(_client.SendFetch("t", offset, true, partitionBytes: 10)).Records[0].Offset);
    }

    [Fact]
    public void Offsets_outside_of_the_log_are_refused()
    {
        _client.Produce("t", Batches.Make(5));
        Assert.Equal(ErrorCode.None, _client.Fetch("t", 5).Error);
        Assert.Equal(ErrorCode.OffsetOutOfRange, _client.Fetch("t", 6).Error);
        Assert.Equal(ErrorCode.OffsetOutOfRange, _client.Fetch("t", -1).Error);
        Assert.Equal(ErrorCode.UnknownTopicOrPartition, _client.Fetch("t", 0, partition: 1).Error);
        Assert.Equal(ErrorCode.UnknownTopicOrPartition, _client.Produce("nowhere", Batches.Make()).Error);
    }

    [Fact]
    public void Checksums_are_those_of_the_definition()
    {
        // RFC 3720, B.4, and lengths around the lanes against the bytewise definition.
        Assert.Equal(0xE3069283u, Crc32C.Compute("123456789"u8));
        var bytes = new byte[60_000];
        new Random(1).NextBytes(bytes);
        foreach (var length in new[] { 0, 1, 7, 8, 255, 767, 768, 769, 1535, 24575, 24576, 24577, 50_001, 60_000 })
        {
            var crc = 0xFFFFFFFFu;
            foreach (var b in bytes.AsSpan(0, length))
            {
                crc ^= b;
                for (var k = 0; k < 8; k++) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
            }
            Assert.Equal(~crc, Crc32C.Compute(bytes.AsSpan(0, length)));
        }
    }
}
