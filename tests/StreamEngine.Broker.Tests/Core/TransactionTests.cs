using StreamEngine.Broker.Protocol;
using StreamEngine.Broker.Storage;

namespace StreamEngine.Broker.Core;

/// <summary>Transactions (KIP-98) on the core alone: what readers see, who is fenced, what time does.</summary>
public class TransactionTests
{
    private readonly CoreClient _client = new();

    public TransactionTests() => _client.CreateTopic("t", 2);

    private (long Id, short Epoch) Begin(string id, int timeout = 60_000)
    {
        var (error, producer, epoch) = _client.InitProducerId(id, timeout);
        Assert.Equal(ErrorCode.None, error);
        Assert.Equal(ErrorCode.None, _client.AddPartition(id, producer, epoch, "t"));
        return (producer, epoch);
    }

    private long Write((long Id, short Epoch) producer, int sequence, string prefix = "v", int count = 1)
    {
        var (error, offset) = _client.Produce("t", Batches.Make(count, producer.Id, producer.Epoch, sequence, transactional: true, prefix: prefix));
        Assert.Equal(ErrorCode.None, error);
        return offset;
    }

    [Fact]
    public void The_last_stable_offset_is_the_start_of_the_oldest_open_transaction()
    {
        var a = Begin("a");
        var b = Begin("b");
        Write(a, 0, "a", 3);
        Write(b, 0, "b", 2);
        _client.Produce("t", Batches.Make(prefix: "plain"));
        Assert.Equal((6, 0), (_client.Fetch("t").HighWatermark, _client.Fetch("t").StableOffset));
        Assert.Empty(_client.Fetch("t").Records);

        Assert.Equal(ErrorCode.None, _client.End("a", a.Id, a.Epoch, commit: true));
        var afterA = _client.Fetch("t");
        Assert.Equal((7, 3), (afterA.HighWatermark, afterA.StableOffset));
        Assert.Equal(["a0", "a1", "a2"], afterA.Values);

        Assert.Equal(ErrorCode.None, _client.End("b", b.Id, b.Epoch, commit: false));
        var afterB = _client.Fetch("t");
        Assert.Equal((8, 8), (afterB.HighWatermark, afterB.StableOffset));
        Assert.Equal([(b.Id, 3L)], afterB.Aborted);
        Assert.Equal(["a0", "a1", "a2", "b0", "b1", "plain0", $"commit {a.Id}", $"abort {b.Id}"], afterB.Values);
        // A reader that is past the marker need not know of it; one that reads everything is told nothing.
        Assert.Empty(_client.Fetch("t", 8).Aborted);
        Assert.Empty(_client.Fetch("t", committed: false).Aborted);
    }

    [Fact]
    public void A_marker_takes_one_offset_in_each_partition_that_was_touched()
    {
        var a = Begin("a");
        Assert.Equal(ErrorCode.None, _client.AddPartition("a", a.Id, a.Epoch, "t", 1));
        Write(a, 0, count: 10);
        _client.End("a", a.Id, a.Epoch, commit: true);
        Assert.Equal(11, _client.Fetch("t").HighWatermark);
        Assert.Equal(1, _client.Fetch("t", partition: 1).HighWatermark);
    }

    [Fact]
    public void An_end_that_is_repeated_is_answered_as_before_and_its_opposite_is_refused()
    {
        var a = Begin("a");
        Write(a, 0);
        Assert.Equal(ErrorCode.None, _client.End("a", a.Id, a.Epoch, commit: true));
        Assert.Equal(ErrorCode.None, _client.End("a", a.Id, a.Epoch, commit: true));
        Assert.Equal(ErrorCode.InvalidTxnState, _client.End("a", a.Id, a.Epoch, commit: false));
        Assert.Equal(2, _client.Fetch("t").HighWatermark);
    }

    [Fact]
    public void A_new_incarnation_fences_the_old_one_everywhere()
    {
        var old = Begin("a");
        Write(old, 0, "old");
        var (error, id, epoch) = _client.InitProducerId("a");
        Assert.Equal((ErrorCode.None, old.Id), (error, id));
        Assert.True(epoch > old.Epoch);
        Assert.Equal([(old.Id, 0L)], _client.Fetch("t").Aborted);

        Assert.Equal(ErrorCode.InvalidProducerEpoch, _client.Produce("t", Batches.Make(1, old.Id, old.Epoch, 1, transactional: true)).Error);
        Assert.Equal(ErrorCode.ProducerFenced, _client.AddPartition("a", old.Id, old.Epoch, "t"));
        Assert.Equal(ErrorCode.ProducerFenced, _client.AddOffsets("a", old.Id, old.Epoch, "g"));
        Assert.Equal(ErrorCode.InvalidProducerEpoch, _client.CommitOffset("a", "g", old.Id, old.Epoch, "t", 1));
        Assert.Equal(ErrorCode.ProducerFenced, _client.End("a", old.Id, old.Epoch, commit: true));
        Assert.Equal(2, _client.Fetch("t").HighWatermark);

        Assert.Equal(ErrorCode.None, _client.AddPartition("a", id, epoch, "t"));
        Write((id, epoch), 0, "new");
        Assert.Equal(ErrorCode.None, _client.End("a", id, epoch, commit: true));
    }

    [Fact]
    public void A_batch_outside_of_an_open_transaction_is_refused()
    {
        var (_, id, epoch) = _client.InitProducerId("a");
        Assert.Equal(ErrorCode.InvalidTxnState, _client.Produce("t", Batches.Make(1, id, epoch, 0, transactional: true)).Error);
        _client.AddPartition("a", id, epoch, "t", 1);
        Assert.Equal(ErrorCode.InvalidTxnState, _client.Produce("t", Batches.Make(1, id, epoch, 0, transactional: true)).Error);
        Assert.Equal(ErrorCode.InvalidProducerIdMapping, _client.Produce("t", Batches.Make(1, 99, 0, 0, transactional: true)).Error);
        // A batch that comes after the end (KIP-890): nobody would ever close what it opens.
        _client.AddPartition("a", id, epoch, "t");
        Write((id, epoch), 0);
        _client.End("a", id, epoch, commit: true);
        Assert.Equal(ErrorCode.InvalidTxnState, _client.Produce("t", Batches.Make(1, id, epoch, 1, transactional: true)).Error);
    }

    [Fact]
    public void A_transaction_times_out_by_the_cores_clock_alone()
    {
        var a = Begin("a", timeout: 5000);
        Write(a, 0);
        _client.Now += 4999;
        _client.Core.Advance(_client.Now);
        Assert.Equal(0, _client.Fetch("t").StableOffset);
        Assert.Equal(_client.Now + 1, _client.Core.NextDeadline);
        _client.Now += 1;
        _client.Core.Advance(_client.Now);
        Assert.Equal((2, 2), (_client.Fetch("t").StableOffset, _client.Fetch("t").HighWatermark));
        Assert.Equal([(a.Id, 0L)], _client.Fetch("t").Aborted);
        Assert.Equal(ErrorCode.ProducerFenced, _client.End("a", a.Id, a.Epoch, commit: true));
        Assert.Equal(ErrorCode.InvalidProducerEpoch, _client.Produce("t", Batches.Make(1, a.Id, a.Epoch, 1, transactional: true)).Error);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(900_001)]
    public void A_timeout_that_cannot_be_is_refused(int timeout) => Assert.Equal(ErrorCode.InvalidTransactionTimeout, _client.InitProducerId("a", timeout).Error);

    [Fact]
    public void Offsets_wait_for_the_end_of_their_transaction()
    {
        var a = Begin("a");
        Assert.Equal(ErrorCode.InvalidTxnState, _client.CommitOffset("a", "g", a.Id, a.Epoch, "t", 7));
        Assert.Equal(ErrorCode.None, _client.AddOffsets("a", a.Id, a.Epoch, "g"));
        Assert.Equal(ErrorCode.None, _client.CommitOffset("a", "g", a.Id, a.Epoch, "t", 7));
        Assert.Equal((ErrorCode.UnstableOffsetCommit, -1), _client.FetchOffset("g", "t"));
        Assert.Equal((ErrorCode.None, -1), _client.FetchOffset("g", "t", stable: false));
        _client.End("a", a.Id, a.Epoch, commit: true);
        Assert.Equal((ErrorCode.None, 7), _client.FetchOffset("g", "t"));

        Assert.Equal(ErrorCode.None, _client.AddOffsets("a", a.Id, a.Epoch, "g"));
        Assert.Equal(ErrorCode.None, _client.CommitOffset("a", "g", a.Id, a.Epoch, "t", 9));
        _client.End("a", a.Id, a.Epoch, commit: false);
        Assert.Equal((ErrorCode.None, 7), _client.FetchOffset("g", "t"));
    }

    [Fact]
    public void A_producer_that_recovers_names_its_epoch_and_a_zombie_cannot()
    {
        var (_, id, epoch) = _client.InitProducerId("a");
        var (error, sameId, bumped) = _client.InitProducerId("a", knownId: id, knownEpoch: epoch);
        Assert.Equal((ErrorCode.None, id, (short)(epoch + 1)), (error, sameId, bumped));
        // The answer was lost and the request repeated: the same answer (KIP-360).
        Assert.Equal((ErrorCode.None, id, bumped), _client.InitProducerId("a", knownId: id, knownEpoch: epoch));
        var (_, _, successor) = _client.InitProducerId("a");
        Assert.Equal(bumped + 1, successor);
        Assert.Equal(ErrorCode.ProducerFenced, _client.InitProducerId("a", knownId: id, knownEpoch: bumped).Error);
        Assert.Equal(ErrorCode.ProducerFenced, _client.InitProducerId("a", knownId: id, knownEpoch: epoch).Error);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_zombie_that_recovers_one_epoch_behind_its_successor_does_not_get_that_ones_epoch(bool afterRestart)
    {
        var storage = new MemoryStorage();
        var client = new CoreClient(storage);
        var (_, id, epoch) = client.InitProducerId("a");
        var (_, sameId, successor) = client.InitProducerId("a");
        Assert.Equal((id, (short)(epoch + 1)), (sameId, successor));
        if (afterRestart) client = new CoreClient(storage);
        Assert.Equal(ErrorCode.ProducerFenced, client.InitProducerId("a", knownId: id, knownEpoch: epoch).Error);
        Assert.Equal(ErrorCode.None, client.AddPartition("a", id, successor, Topic(client)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_repeated_bump_is_answered_as_the_first_one(bool afterRestart)
    {
        var storage = new MemoryStorage();
        var client = new CoreClient(storage);
        var (_, id, epoch) = client.InitProducerId("a");
        client.AddPartition("a", id, epoch, Topic(client));
        var first = client.InitProducerId("a", knownId: id, knownEpoch: epoch);
        Assert.Equal((ErrorCode.None, id, (short)(epoch + 1)), first);
        if (afterRestart) client = new CoreClient(storage);
        Assert.Equal(first, client.InitProducerId("a", knownId: id, knownEpoch: epoch));
    }

    private static string Topic(CoreClient client)
    {
        client.CreateTopic("u");
        return "u";
    }

    [Fact]
    public void A_bump_that_uses_up_the_epochs_is_repeated_too()
    {
        var (_, id, epoch) = _client.InitProducerId("a");
        while (_client.Core.Transactions.Find("a")!.Epoch < short.MaxValue - 1)
            (_, id, epoch) = _client.Core.Transactions.InitProducerId("a", 1000, id, epoch, _client.Now);
        var first = _client.InitProducerId("a", knownId: id, knownEpoch: epoch);
        Assert.NotEqual(id, first.ProducerId);
        Assert.Equal(first, _client.InitProducerId("a", knownId: id, knownEpoch: epoch));
    }

    [Fact]
    public void The_journals_record_of_version_0_is_read_and_a_newer_one_is_refused()
    {
        var storage = new MemoryStorage();
        new CoreClient(storage).InitProducerId("other");
        var old = new Journal(storage.Journal);
        old.Append(JournalEntry.Transaction, 0, w =>
        {
            w.String("a");
            w.Int64(40);
            w.Int16(3);
            w.Int32(60_000);
            w.UInt8((byte)Transactions.TransactionStatus.Empty);
            w.Int64(-1);
            w.Int64(1_000_000);
            w.Count(0);
            w.Count(0);
        });
        var client = new CoreClient(storage);
        // Who was bumped is not known: a request that may be a zombie's is refused.
        Assert.Equal(ErrorCode.ProducerFenced, client.InitProducerId("a", knownId: 40, knownEpoch: 2).Error);
        Assert.Equal((ErrorCode.None, 40L, (short)4), client.InitProducerId("a", knownId: 40, knownEpoch: 3));
        Assert.Equal((ErrorCode.None, 40L, (short)4), client.InitProducerId("a", knownId: 40, knownEpoch: 3));
        old.Append(JournalEntry.Transaction, 2, static w => w.String("a"));
        Assert.Contains("newer broker", Assert.Throws<Log.BrokerStorageException>(() => new CoreClient(storage)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_id_whose_epochs_are_used_up_gets_a_new_producer_id()
    {
        var (_, first, _) = _client.InitProducerId("a");
        long id = first;
        short epoch = 0;
        for (var i = 0; i < short.MaxValue + 5; i++)
        {
            var before = (id, epoch);
            (_, id, epoch) = _client.Core.Transactions.InitProducerId("a", 1000, -1, -1, _client.Now);
            Assert.NotEqual(before, (id, epoch));
        }
        Assert.NotEqual(first, id);
        Assert.True(epoch < 100);
    }

    [Fact]
    public void A_silent_transactional_id_is_forgotten_after_a_week()
    {
        _client.InitProducerId("a");
        _client.Now += 7L * 24 * 3600 * 1000;
        _client.Core.Advance(_client.Now);
        Assert.Null(_client.Core.Transactions.Find("a"));
    }

    [Fact]
    public void The_same_requests_give_the_same_bytes()
    {
        byte[] Run()
        {
            var storage = new MemoryStorage();
            var client = new CoreClient(storage);
            client.CreateTopic("x", 3);
            var (_, id, epoch) = client.InitProducerId("tx");
            client.AddPartition("tx", id, epoch, "x");
            client.Produce("x", Batches.Make(5, id, epoch, 0, transactional: true));
            client.End("tx", id, epoch, commit: true);
            return [.. client.SendFetch("x", 0, committed: true).Response!.ToArray(), .. storage.Journal.ReadAll()];
        }
        Assert.Equal(Run(), Run());
    }
}
