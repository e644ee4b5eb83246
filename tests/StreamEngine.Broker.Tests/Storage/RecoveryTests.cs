using StreamEngine.Broker.Core;
using StreamEngine.Broker.Log;
using StreamEngine.Broker.Protocol;

namespace StreamEngine.Broker.Storage;

/// <summary>
/// What a broker finds again after a crash: the core is dropped without an end, only its files (or arrays) stay. Each test runs on disk and in memory
/// where the medium does not matter.
/// </summary>
public sealed class RecoveryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("broker-recovery-").FullName;
    private readonly List<string> _notes = [];
    private ILogStorage? _storage;

    public void Dispose()
    {
        _storage?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private CoreClient Open(BrokerOptions? options = null)
    {
        _storage?.Dispose();
        _storage = new DiskStorage(_folder);
        return new CoreClient(_storage, options ?? new BrokerOptions { Seed = 7 }, _notes);
    }

    private string SegmentFile(int index = 0) =>
        Directory.GetFiles(Path.Combine(_folder, "topics"), "*.log", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ElementAt(index);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Records_topics_and_ids_are_found_again(bool orderly)
    {
        var client = Open();
        client.CreateTopic("t", 2, ("max.message.bytes", "5000"));
        for (var i = 0; i < 50; i++) client.Produce("t", Batches.Make(3, prefix: $"{i}-"), partition: i % 2);
        var (id, cluster) = (client.Core.Topics.Find("t")!.Id, client.Core.ClusterId);
        var before = client.Fetch("t", partition: 1).Records;
        if (orderly) client.Core.Dispose();

        client = Open();
        Assert.Empty(_notes);
        Assert.Equal((id, cluster), (client.Core.Topics.Find("t")!.Id, client.Core.ClusterId));
        Assert.Equal("5000", client.Core.Topics.Find("t")!.Configs["max.message.bytes"]);
        Assert.Equal(before, client.Fetch("t", partition: 1).Records);
        Assert.Equal(75, client.Produce("t", Batches.Make(), partition: 1).Offset);
        client = Open();
        Assert.Equal([.. before.Select(r => r.Value), "v0"], client.Fetch("t", partition: 1).Values);
        // A topic that is created later does not get the id of an earlier one.
        client.DeleteTopic("t");
        client = Open();
        client.CreateTopic("t");
        Assert.NotEqual(id, client.Core.Topics.Find("t")!.Id);
        Assert.Equal(0, client.Fetch("t").HighWatermark);
    }

    [Fact]
    public void A_torn_tail_is_cut_at_any_byte()
    {
        var client = Open();
        client.CreateTopic("t");
        for (var i = 0; i < 3; i++) client.Produce("t", Batches.Make(2));
        _storage!.Dispose();
        var file = SegmentFile();
        var whole = File.ReadAllBytes(file);
        var batch = whole.Length / 3;
        for (var size = whole.Length; size >= 0; size -= 7)
        {
            File.WriteAllBytes(file, whole[..size]);
            client = Open();
            var kept = size / batch;
            Assert.Equal(kept * 2, client.Fetch("t").HighWatermark);
            Assert.Equal(kept * 2, client.Fetch("t").Records.Count);
            Assert.Equal(kept * batch, new FileInfo(file).Length);
            if (size % batch != 0) Assert.Contains("cut", _notes[^1], StringComparison.Ordinal);
            Assert.Equal(kept * 2, client.Produce("t", Batches.Make()).Offset);
            _storage!.Dispose();
        }
    }

    [Fact]
    public void A_checkpoint_that_speaks_of_more_than_the_file_holds_is_not_believed_later()
    {
        var client = Open();
        client.CreateTopic("t");
        for (var i = 0; i < 6; i++) client.Produce("t", Batches.Make(2, prefix: "old"));
        client.Core.Dispose();
        _storage!.Dispose();
        // What a power cut may leave: the checkpoint whole, the data behind it not.
        var batch = new FileInfo(SegmentFile()).Length / 6;
        using (var file = new FileStream(SegmentFile(), FileMode.Open)) file.SetLength(3 * batch);
        client = Open();
        for (var i = 0; i < 20; i++) client.Produce("t", Batches.Make(1, prefix: "new"));
        client = Open();
        Assert.Equal(26, client.Fetch("t").HighWatermark);
        Assert.Equal(20, client.Fetch("t").Values.Count(v => v == "new0"));
        Assert.Equal("new0", client.Fetch("t", 6).Records.First(r => r.Offset == 6).Value);
    }

    [Fact]
    public void A_flipped_bit_in_the_newest_segment_cuts_the_log_there()
    {
        var client = Open();
        client.CreateTopic("t");
        for (var i = 0; i < 5; i++) client.Produce("t", Batches.Make(2));
        _storage!.Dispose();
        var file = SegmentFile();
        var bytes = File.ReadAllBytes(file);
        bytes[bytes.Length / 5 * 3 + 70] ^= 0x10;
        File.WriteAllBytes(file, bytes);
        client = Open();
        Assert.Equal(6, client.Fetch("t").HighWatermark);
        Assert.Contains(_notes, n => n.Contains("'t'", StringComparison.Ordinal) && n.Contains("ends at offset 6", StringComparison.Ordinal));
    }

    [Fact]
    public void Many_segments_are_found_again_with_and_without_checkpoints()
    {
        var client = Open();
        client.CreateTopic("t", 1, ("segment.bytes", "2000"));
        var (_, id, epoch) = client.InitProducerId("a");
        for (var i = 0; i < 40; i++)
        {
            client.AddPartition("a", id, epoch, "t");
            client.Produce("t", Batches.Make(5, id, epoch, i * 5, transactional: true, time: 1000 + i * 10, size: 60));
            client.End("a", id, epoch, commit: i % 4 != 0);
        }
        var log = client.Core.Topics.Find("t", 0)!.Log;
        Assert.True(log.SegmentCount > 5);
        var before = client.Fetch("t");
        var byTime = Enumerable.Range(0, 45).Select(i => log.FindByTime(995 + i * 10)).ToList();
        foreach (var lost in new[] { "none", "some", "all" })
        {
            _storage!.Dispose();
            foreach (var file in Directory.GetFiles(_folder, "*.checkpoint", SearchOption.AllDirectories))
                if (lost == "all" || (lost == "some" && file.GetHashCode(StringComparison.Ordinal) % 2 == 0)) File.Delete(file);
                else if (lost == "some") File.WriteAllBytes(file, [.. File.ReadAllBytes(file)[..^1], 77]);
            client = Open();
            Assert.Empty(_notes);
            var after = client.Fetch("t");
            Assert.Equal(before.Records, after.Records);
            Assert.Equal(before.Aborted, after.Aborted);
            Assert.Equal(before.StableOffset, after.StableOffset);
            Assert.Equal(byTime, Enumerable.Range(0, 45).Select(i => client.Core.Topics.Find("t", 0)!.Log.FindByTime(995 + i * 10)));
        }
        // The producer's sequence goes on.
        client.AddPartition("a", id, epoch, "t");
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, client.Produce("t", Batches.Make(1, id, epoch, 201, transactional: true)).Error);
        Assert.Equal(ErrorCode.None, client.Produce("t", Batches.Make(1, id, epoch, 200, transactional: true)).Error);
    }

    [Fact]
    public void A_bad_batch_under_later_segments_is_no_crash_and_is_refused()
    {
        var client = Open();
        client.CreateTopic("t", 1, ("segment.bytes", "2000"));
        for (var i = 0; i < 40; i++) client.Produce("t", Batches.Make(5));
        _storage!.Dispose();
        foreach (var file in Directory.GetFiles(_folder, "*.checkpoint", SearchOption.AllDirectories)) File.Delete(file);
        var bytes = File.ReadAllBytes(SegmentFile(1));
        bytes[100] ^= 1;
        File.WriteAllBytes(SegmentFile(1), bytes);
        var error = Assert.Throws<BrokerStorageException>(() => Open());
        Assert.Contains("bad batch", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_transaction_that_was_open_stays_open_and_can_be_committed()
    {
        var client = Open();
        client.CreateTopic("t");
        var (_, id, epoch) = client.InitProducerId("a");
        client.AddPartition("a", id, epoch, "t");
        client.Produce("t", Batches.Make(2, id, epoch, 0, transactional: true));
        client.AddOffsets("a", id, epoch, "g");
        client.CommitOffset("a", "g", id, epoch, "t", 42);

        client = Open();
        Assert.Equal((3 - 1, 0), (client.Fetch("t").HighWatermark, client.Fetch("t").StableOffset));
        Assert.Equal(ErrorCode.UnstableOffsetCommit, client.FetchOffset("g", "t").Error);
        Assert.Equal(ErrorCode.None, client.Produce("t", Batches.Make(1, id, epoch, 2, transactional: true)).Error);
        Assert.Equal(ErrorCode.None, client.End("a", id, epoch, commit: true));
        Assert.Equal(["v0", "v1", "v0", $"commit {id}"], client.Fetch("t").Values);
        Assert.Equal((ErrorCode.None, 42), client.FetchOffset("g", "t"));

        client = Open();
        Assert.Equal((ErrorCode.None, 42), client.FetchOffset("g", "t"));
        Assert.Equal(4, client.Fetch("t").StableOffset);
    }

    [Fact]
    public void A_transaction_that_was_open_is_aborted_by_the_next_incarnation_or_by_its_timeout()
    {
        var client = Open();
        client.CreateTopic("t");
        var (_, a, epochA) = client.InitProducerId("a");
        var (_, b, epochB) = client.InitProducerId("b", 5000);
        foreach (var (name, id, epoch) in new[] { ("a", a, epochA), ("b", b, epochB) })
        {
            client.AddPartition(name, id, epoch, "t");
            client.Produce("t", Batches.Make(1, id, epoch, 0, transactional: true));
        }
        client = Open();
        Assert.Equal(0, client.Fetch("t").StableOffset);
        var (error, sameId, next) = client.InitProducerId("a");
        Assert.Equal((ErrorCode.None, a), (error, sameId));
        Assert.True(next > epochA);
        Assert.Equal(1, client.Fetch("t").StableOffset);
        client.Now += 5000;
        client.Core.Advance(client.Now);
        Assert.Equal(4, client.Fetch("t").StableOffset);
        Assert.Equal([(a, 0L), (b, 1L)], client.Fetch("t").Aborted);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_transaction_that_was_decided_is_carried_out(bool commit)
    {
        var client = Open();
        client.CreateTopic("t", 2);
        var (_, id, epoch) = client.InitProducerId("a");
        client.AddPartition("a", id, epoch, "t", 0);
        client.AddPartition("a", id, epoch, "t", 1);
        client.Produce("t", Batches.Make(1, id, epoch, 0, transactional: true), partition: 0);
        client.Produce("t", Batches.Make(1, id, epoch, 0, transactional: true), partition: 1);
        client.AddOffsets("a", id, epoch, "g");
        client.CommitOffset("a", "g", id, epoch, "t", 42);
        client.End("a", id, epoch, commit);
        var (journal, log) = (_storage!.Journal.Size, new FileInfo(SegmentFile(1)).Length);
        _storage.Dispose();
        // As a crash after Prepare and the first marker leaves it: no whole Complete, no second marker.
        using (var file = new FileStream(Path.Combine(_folder, "journal.log"), FileMode.Open)) file.SetLength(journal - 1);
        using (var file = new FileStream(SegmentFile(1), FileMode.Open)) file.SetLength(log - ControlBatch.Size);

        client = Open();
        Assert.Contains(_notes, n => n.Contains(commit ? "PrepareCommit" : "PrepareAbort", StringComparison.Ordinal));
        for (var p = 0; p < 2; p++)
        {
            var read = client.Fetch("t", partition: p);
            Assert.Equal(read.HighWatermark, read.StableOffset);
            Assert.Equal(commit ? 0 : 1, read.Aborted.Count);
            Assert.Contains($"{(commit ? "commit" : "abort")} {id}", read.Values);
        }
        Assert.Equal((ErrorCode.None, commit ? 42 : -1), client.FetchOffset("g", "t"));
        Assert.Equal(ErrorCode.None, client.End("a", id, epoch, commit));
    }

    [Fact]
    public void A_transaction_whose_marker_was_lost_does_not_hold_readers_for_ever()
    {
        var client = Open();
        client.CreateTopic("t");
        var (_, id, epoch) = client.InitProducerId("a");
        client.AddPartition("a", id, epoch, "t");
        client.Produce("t", Batches.Make(1, id, epoch, 0, transactional: true));
        client.End("a", id, epoch, commit: true);
        var length = new FileInfo(SegmentFile()).Length;
        _storage!.Dispose();
        using (var file = new FileStream(SegmentFile(), FileMode.Open)) file.SetLength(length - 20);
        client = Open();
        Assert.Equal(["v0", $"commit {id}"], client.Fetch("t").Values);
        Assert.Equal(2, client.Fetch("t").StableOffset);
    }

    [Fact]
    public void A_journal_that_has_grown_is_written_anew_and_says_the_same()
    {
        var client = Open();
        client.CreateTopic("t");
        client.CreateTopic("gone");
        client.DeleteTopic("gone");
        var (_, open, openEpoch) = client.InitProducerId("open");
        client.AddPartition("open", open, openEpoch, "t");
        client.AddOffsets("open", open, openEpoch, "g2");
        client.CommitOffset("open", "g2", open, openEpoch, "t", 5);
        var (_, id, epoch) = client.InitProducerId("a");
        for (var i = 1; _storage!.Journal.Size > 100_000 || i < 1000; i++)
        {
            client.AddOffsets("a", id, epoch, "g");
            client.CommitOffset("a", "g", id, epoch, "t", i);
            client.End("a", id, epoch, commit: true);
            if (i > 40_000) Assert.Fail("the journal was not compacted");
        }
        var expected = client.FetchOffset("g", "t");
        var created = client.Core.Topics.Created;
        client = Open();
        Assert.Empty(_notes);
        Assert.Equal(expected, client.FetchOffset("g", "t"));
        Assert.Equal(created, client.Core.Topics.Created);
        Assert.Equal(ErrorCode.UnstableOffsetCommit, client.FetchOffset("g2", "t").Error);
        client.End("open", open, openEpoch, commit: true);
        Assert.Equal((ErrorCode.None, 5), client.FetchOffset("g2", "t"));
        Assert.NotEqual(id, client.InitProducerId("b").ProducerId);
    }

    [Fact]
    public void A_torn_journal_is_cut_and_a_damaged_one_is_refused()
    {
        var client = Open();
        client.CreateTopic("one");
        client.CreateTopic("two");
        _storage!.Dispose();
        var file = Path.Combine(_folder, "journal.log");
        var whole = File.ReadAllBytes(file);
        File.WriteAllBytes(file, whole[..^3]);
        client = Open();
        Assert.NotNull(client.Core.Topics.Find("one"));
        Assert.Null(client.Core.Topics.Find("two"));
        _storage!.Dispose();
        whole[15] ^= 1;
        File.WriteAllBytes(file, whole);
        Assert.Contains("journal", Assert.Throws<BrokerStorageException>(() => Open()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Deleted_records_free_their_segments_and_stay_deleted()
    {
        var client = Open();
        client.CreateTopic("t", 1, ("segment.bytes", "2000"));
        var (_, id, _) = client.InitProducerId(null);
        for (var i = 0; i < 60; i++) client.Produce("t", Batches.Make(5, id, 0, i * 5));
        var files = Directory.GetFiles(_folder, "*.log", SearchOption.AllDirectories).Length;
        client.Core.Topics.MoveStart(client.Core.Topics.Find("t", 0)!, 152);
        Assert.True(Directory.GetFiles(_folder, "*.log", SearchOption.AllDirectories).Length <= files / 2 + 2);
        client = Open();
        Assert.Equal(152, client.Fetch("t", 152).StartOffset);
        Assert.Equal(ErrorCode.OffsetOutOfRange, client.Fetch("t", 151).Error);
        Assert.Equal(300, client.Fetch("t", 152).HighWatermark);

        client.Core.Topics.MoveStart(client.Core.Topics.Find("t", 0)!, 300);
        Assert.Equal(2, Directory.GetFiles(_folder, "*.log", SearchOption.AllDirectories).Length);
        client = Open();
        // Neither the end of the log nor the producer's sequence is forgotten with the records.
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, client.Produce("t", Batches.Make(1, id, 0, 301)).Error);
        Assert.Equal((ErrorCode.None, 300), client.Produce("t", Batches.Make(1, id, 0, 300)));
    }

    [Fact]
    public void A_directory_has_one_broker()
    {
        Open();
        var error = Assert.Throws<IOException>(() => new DiskStorage(_folder));
        Assert.Contains("in use", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_deleted_topic_leaves_no_files()
    {
        var client = Open();
        client.CreateTopic("t", 3);
        for (var p = 0; p < 3; p++) client.Produce("t", Batches.Make(), partition: p);
        client.DeleteTopic("t");
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_folder, "topics")));
    }

    [Fact]
    public void Memory_outlives_the_core_as_well()
    {
        var storage = new MemoryStorage();
        var client = new CoreClient(storage);
        client.CreateTopic("t", 1, ("segment.bytes", "2000"));
        var (_, id, epoch) = client.InitProducerId("a");
        client.AddPartition("a", id, epoch, "t");
        for (var i = 0; i < 50; i++) client.Produce("t", Batches.Make(1, id, epoch, i, transactional: true, size: 100));
        client = new CoreClient(storage);
        Assert.Equal((50, 0), (client.Fetch("t").HighWatermark, client.Fetch("t").StableOffset));
        Assert.Equal(ErrorCode.None, client.End("a", id, epoch, commit: true));
        Assert.Equal(51, client.Fetch("t").Records.Count);
    }
}
