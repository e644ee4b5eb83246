using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using StreamEngine.Core;
using StreamEngine.Kafka.Fetching;
using StreamEngine.Kafka.Native;
using StreamEngine.Kafka.Suite;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Commits;

/// <summary>What is read back of a partition before a graph runs: what is committed, up to where its end was, whatever happens to it meanwhile.</summary>
public sealed class PartitionReaderTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ScriptedCluster _cluster = new();
    private readonly ScriptedBroker _broker;
    private readonly List<string> _read = [];
    private KafkaTopics? _topics;

    public PartitionReaderTests() => _broker = _cluster.Start(1);

    public void Dispose()
    {
        _topics?.Dispose();
        _cluster.Dispose();
    }

    private ScriptedLog Log => _cluster.Logs[0];

    private string Records => string.Join(' ', _read);

    private void Keep(long offset, ReadOnlySpan<byte> value) => _read.Add($"{offset}:{Encoding.UTF8.GetString(value)}");

    private PartitionReader Reader(TimeSpan? timeout = null, params (string Name, string Value)[] settings)
    {
        var all = new Dictionary<string, string> { ["reconnect.backoff.ms"] = "10", ["reconnect.backoff.max.ms"] = "100", ["fetch.wait.max.ms"] = "50" };
        foreach (var (name, value) in settings) all[name] = value;
        _topics = new KafkaTopics(new KafkaConnection(_cluster.Bootstrap, all), NullLogger.Instance) { Timeout = Patience };
        return new PartitionReader(_topics, ScriptedCluster.Topic, 0, timeout ?? Patience, TimeProvider.System, NullLogger.Instance);
    }

    /// <summary>Gives one batch for each question, and no more than one before that is read.</summary>
    private PartitionReader SlowReader() => Reader(null, ("fetch.message.max.bytes", "1"), ("queued.max.messages.kbytes", "1"));

    // It blocks: a test that fails is not to wait for ever.
    private static Task<T> OnThread<T>(Func<T> call) =>
        Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).WaitAsync(Patience);

    private Task<long> ReadAsync(PartitionReader reader, long from, StateRecordHandler? handler = null, CancellationToken cancellation = default) =>
        OnThread(() =>
        {
            var (_, end) = reader.Bounds(cancellation);
            reader.Read(from, end, handler ?? Keep, cancellation);
            return end;
        });

    private Task ReadKeptAsync(PartitionReader reader, long from, StateRecordHandler? handler = null) => OnThread(() =>
    {
        var (_, end) = reader.Bounds(CancellationToken.None);
        reader.ReadKept(from, end, handler ?? Keep, CancellationToken.None);
        return true;
    });

    private void AppendOf(long producer, string value) =>
        _cluster.Append(0, 1, first => RecordBatches.Encode([new LogRecord(first, value)], producer: producer, transactional: true));

    private void AppendEnd(long producer, bool commit) => _cluster.Append(0, 1, first => RecordBatches.Marker(first, producer, commit));

    private async Task OpenAsync(int connections) =>
        await ScriptedCluster.UntilAsync(() => _broker.OpenConnections == connections, $"not {connections} connections are open");

    [Fact]
    public async Task Only_what_is_committed_is_read_and_control_records_are_passed()
    {
        _cluster.Append(0, "a");
        AppendOf(7, "lost");
        AppendOf(8, "b");
        AppendEnd(7, commit: false);
        AppendEnd(8, commit: true);
        _cluster.Append(0, "c");
        AppendOf(9, "lost");
        AppendEnd(9, commit: false);
        _cluster.Change(c => c.Logs[0].Stable = c.Logs[0].End);
        AppendOf(10, "open");
        _cluster.Append(0, "behind it");
        Log.Aborted.AddRange([(7, 1), (9, 6)]);
        var reader = Reader();
        Assert.Equal((0L, 8L), await OnThread(() => reader.Bounds(CancellationToken.None)));
        Assert.Equal(8, await ReadAsync(reader, 0));
        Assert.Equal("0:a 2:b 5:c", Records);
        _read.Clear();
        Assert.Equal(8, await ReadAsync(reader, 3));
        Assert.Equal("5:c", Records);
        _read.Clear();
        // Nothing but the end of a transaction, and nothing at all.
        Assert.Equal(8, await ReadAsync(reader, 6));
        Assert.Equal(8, await ReadAsync(reader, 8));
        await ReadKeptAsync(reader, 7);
        Assert.Empty(_read);
    }

    [Fact]
    public async Task An_empty_partition_has_nothing()
    {
        _cluster.Change(c => c.Logs[0].Start = 5);
        var reader = Reader();
        Assert.Equal(5, await ReadAsync(reader, 5));
        await ReadKeptAsync(reader, 0);
        Assert.Empty(_read);
    }

    [Fact]
    public async Task A_record_without_a_value_is_empty()
    {
        _cluster.Append(0, 2, first => RecordBatches.Encode([new LogRecord(first, null), new LogRecord(first + 1, "")]));
        Assert.Equal(2, await ReadAsync(Reader(), 0));
        Assert.Equal("0: 1:", Records);
    }

    [Fact]
    public async Task It_stops_where_the_end_was_although_more_is_appended()
    {
        _cluster.Append(0, "a");
        _cluster.Append(0, "b");
        // The first question, which comes when the end is known, is lost: the second gets all of it at once.
        _broker.Misdeeds.Enqueue(new Misdeed.Late(new Misdeed.Reset(0)));
        var read = ReadAsync(Reader(), 0);
        await ScriptedCluster.UntilAsync(() => _broker.StandsStill, "nothing is fetched");
        _cluster.Append(0, "more");
        _broker.GoOn();
        Assert.Equal(2, await read);
        Assert.Equal("0:a 1:b", Records);
    }

    [Fact]
    public async Task It_stops_within_a_batch_where_the_end_was()
    {
        _cluster.Append(0, "a");
        _cluster.Append(0, "b", "c", "d");
        _cluster.Change(c => c.Logs[0].Stable = 2);
        Assert.Equal(2, await ReadAsync(SlowReader(), 0, (offset, value) =>
        {
            Keep(offset, value);
            _cluster.Change(c => c.Logs[0].Stable = null);
        }));
        Assert.Equal("0:a 1:b", Records);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    public async Task An_offset_that_is_not_there_is_told_and_what_is_kept_is_read_all_the_same(long offset)
    {
        _cluster.Change(c => c.Logs[0].Start = 5);
        _cluster.Append(0, "a", "b");
        var reader = Reader();
        var gone = await Assert.ThrowsAsync<OffsetGoneException>(() => ReadAsync(reader, offset));
        Assert.Equal($"partition 0 has no offset {offset} ({(offset == 8 ? "it ends at 7" : $"broker 1 at 127.0.0.1:{_broker.Port}: OffsetOutOfRange (1)")})", gone.Message);
        await ReadKeptAsync(reader, offset);
        Assert.Equal(offset == 4 ? "5:a 6:b" : "", Records);
    }

    [Fact]
    public async Task What_is_deleted_while_it_is_read_is_stepped_over()
    {
        // Each as large as what may wait, so that not all of it was fetched before.
        for (var i = 0; i < 10; i++) _cluster.Append(0, $"{i}{new string('x', 2000)}");
        var reader = SlowReader();
        await ReadKeptAsync(reader, 0, (offset, value) =>
        {
            _read.Add($"{offset}");
            Assert.Equal($"{offset}", Encoding.UTF8.GetString(value[..1]));
            if (offset == 0) _cluster.Change(c => c.Logs[0].Start = 7);
        });
        Assert.Equal("0", _read[0]);
        Assert.Equal(["7", "8", "9"], _read[^3..]);
        Assert.Equal(_read.Distinct(), _read);
        Assert.True(_read.Count < 10, Records);
    }

    [Fact]
    public async Task Deletion_under_a_reader_that_needs_all_is_told()
    {
        for (var i = 0; i < 10; i++) _cluster.Append(0, $"{i}{new string('x', 2000)}");
        var gone = await Assert.ThrowsAsync<OffsetGoneException>(() => ReadAsync(SlowReader(), 0, (_, _) => _cluster.Change(c => c.Logs[0].Start = 7)));
        Assert.Contains($"(broker 1 at 127.0.0.1:{_broker.Port}: OffsetOutOfRange (1))", gone.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_broker_that_always_says_that_an_offset_is_gone_is_told()
    {
        _cluster.Append(0, "a");
        for (var i = 0; i < 100; i++) _broker.Misdeeds.Enqueue(new Misdeed.Error(1));
        var told = await Assert.ThrowsAsync<KafkaClientException>(() => ReadKeptAsync(Reader(), 0));
        Assert.StartsWith($"{ScriptedCluster.Topic}-0 cannot be read: partition 0 has no offset 0", told.Message, StringComparison.Ordinal);
        Assert.Equal(99, _broker.Misdeeds.Count);
        await OpenAsync(1);
    }

    [Fact]
    public async Task A_broker_that_does_not_answer_is_given_up_after_the_timeout()
    {
        _cluster.Append(0, "a");
        _broker.Misdeeds.Enqueue(new Misdeed.Stall());
        var silent = await Assert.ThrowsAsync<KafkaClientException>(() => ReadAsync(Reader(TimeSpan.FromMilliseconds(200)), 0));
        Assert.Equal(LibRdKafka.TimedOut, silent.Code);
        Assert.StartsWith($"{ScriptedCluster.Topic}-0: no answer for 0 s while reading back from offset 0", silent.Message, StringComparison.Ordinal);
        Assert.Empty(_read);
    }

    /// <summary>A leader of the past has less, and says so again and again.</summary>
    [Fact]
    public async Task An_end_that_is_known_and_never_reached_is_no_end()
    {
        _cluster.Append(0, "a", "b");
        var reader = Reader(TimeSpan.FromMilliseconds(500), ("fetch.wait.max.ms", "10"));
        var silent = await Assert.ThrowsAsync<KafkaClientException>(() => OnThread(() =>
        {
            reader.Read(0, 5, Keep, CancellationToken.None);
            return true;
        }));
        Assert.Equal(LibRdKafka.TimedOut, silent.Code);
        Assert.Contains("while reading back from offset 2", silent.Message, StringComparison.Ordinal);
        Assert.Equal("0:a 1:b", Records);
    }

    [Fact]
    public async Task A_partition_that_loses_its_leader_is_read_on_once_it_has_one()
    {
        _cluster.Start(2);
        for (var i = 0; i < 5; i++) _cluster.Append(0, $"{i}{new string('x', 2000)}");
        var read = ReadAsync(SlowReader(), 0, (offset, _) =>
        {
            _read.Add($"{offset}");
            if (offset == 0) _cluster.Change(c => (c.Logs[0].Leader, c.Logs[0].Epoch) = (2, 2));
        });
        Assert.Equal(5, await read);
        Assert.Equal("0 1 2 3 4", Records);
        Assert.Contains(_cluster.Fetches, f => f.Node == 2);
    }

    [Fact]
    public async Task It_ends_when_nobody_waits_for_it_any_more()
    {
        _cluster.Append(0, "a");
        _broker.Misdeeds.Enqueue(new Misdeed.Stall());
        using var cancellation = new CancellationTokenSource();
        var read = ReadAsync(Reader(), 0, cancellation: cancellation.Token);
        await _cluster.FetchedAsync(_ => true);
        Assert.False(read.IsCompleted);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        Assert.Empty(_read);
    }

    [Theory]
    [InlineData(TestCodec.Gzip)]
    [InlineData(TestCodec.Snappy)]
    [InlineData(TestCodec.SnappyFramed)]
    [InlineData(TestCodec.Lz4)]
    [InlineData(TestCodec.Zstd)]
    public async Task Compressed_batches_are_read(TestCodec codec)
    {
        // More than are handed on at once.
        LogRecord[] Batch(long first) => [.. Enumerable.Range(0, 1500).Select(i => new LogRecord(first + i, $"a value that repeats itself {first + i}"))];
        for (var i = 0; i < 2; i++) _cluster.Append(0, 1500, first => RecordBatches.Encode(Batch(first), codec));
        Assert.Equal(3000, await ReadAsync(Reader(), 10));
        Assert.Equal(Enumerable.Range(10, 2990).Select(i => $"{i}:a value that repeats itself {i}"), _read);
    }

    [Theory]
    [InlineData(TestCodec.None)]
    [InlineData(TestCodec.Zstd)]
    public async Task A_value_is_read_that_is_larger_than_a_fetch(TestCodec codec)
    {
        var large = new string('x', 3 << 20);
        _cluster.Append(0, "a");
        _cluster.Append(0, 3, first => RecordBatches.Encode([new LogRecord(first, "b"), new LogRecord(first + 1, large), new LogRecord(first + 2, large)], codec));
        _cluster.Append(0, "c");
        Assert.Equal(5, await ReadAsync(Reader(), 0, (offset, value) => _read.Add($"{offset}:{value.Length}")));
        Assert.Equal("0:1 1:1 2:3145728 3:3145728 4:1", Records);
    }

    [Fact]
    public async Task What_the_handler_throws_comes_through_and_nothing_stays_open()
    {
        for (var i = 0; i < 5; i++) _cluster.Append(0, $"{i}{new string('x', 2000)}");
        var (reader, mine) = (Reader(), new InvalidOperationException("mine"));
        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => ReadAsync(reader, 0, (offset, value) =>
        {
            Keep(offset, value[..1]);
            if (offset == 2) throw mine;
        }));
        Assert.Same(mine, thrown);
        Assert.Equal("0:0 1:1 2:2", Records);
        // The one of the questions is kept for the next.
        await OpenAsync(1);
        _read.Clear();
        Assert.Equal(5, await ReadAsync(reader, 3, (offset, value) => Keep(offset, value[..1])));
        Assert.Equal("3:3 4:4", Records);
        await OpenAsync(1);
        _topics!.Dispose();
        await OpenAsync(0);
    }

    [Fact]
    public async Task A_batch_that_is_damaged_is_told_with_its_place_and_nothing_of_it_is_handed_on()
    {
        _cluster.Append(0, "a");
        _broker.Misdeeds.Enqueue(new Misdeed.Damage());
        var reader = Reader();
        var told = await Assert.ThrowsAsync<KafkaClientException>(() => ReadAsync(reader, 0));
        Assert.StartsWith($"broker 1 at 127.0.0.1:{_broker.Port} has sent of {ScriptedCluster.Topic}-0 at offset 0: the checksum of the batch at offset 0",
            told.Message, StringComparison.Ordinal);
        Assert.Empty(_read);
        Assert.Equal(1, await ReadAsync(reader, 0));
    }

    [Theory]
    [InlineData(29, "TopicAuthorizationFailed (29)")]
    [InlineData(76, "UnsupportedCompressionType (76)")]
    public async Task A_refusal_is_told_with_the_brokers_reason(short error, string reason)
    {
        _cluster.Append(0, "a");
        _broker.Misdeeds.Enqueue(new Misdeed.Error(error));
        var told = await Assert.ThrowsAsync<KafkaClientException>(() => ReadAsync(Reader(), 0));
        Assert.Contains($"{ScriptedCluster.Topic}-0: broker 1 at 127.0.0.1:{_broker.Port} refuses to be read from offset 0: {reason}", told.Message,
            StringComparison.Ordinal);
    }
}
