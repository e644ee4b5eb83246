using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;
using StreamEngine.Kafka.Fetching;
using StreamEngine.Kafka.Native;
using StreamEngine.Kafka.Topics;

namespace StreamEngine.Kafka.Commits;

/// <summary>
/// Epochs as Kafka transactions. Blocking calls of the client are made on the log's own thread; appending is a call from the graph that never blocks. Its offsets are
/// sent under the group of the pipeline's name for people to see; the manifest's are the truth.
/// </summary>
internal sealed class KafkaCommitLog : ICommitLog
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>A client that was cut off within a call is replaced after that call, whatever it comes to, and often does not come back from it.</summary>
    private static readonly TimeSpan GraceCutOff = TimeSpan.FromSeconds(10);

    /// <summary>Clients that were left behind by this process: a few are a nuisance, many are a leak.</summary>
    private const int MostLeftBehind = 8;
    private const int LeftBehind = 1;
    private const int Ended = 2;
    private static int _leftBehind;
    private int _end;

    private readonly KafkaConnection _connection;
    private readonly KafkaCommitLogOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly KafkaTopics _topics;
    private readonly EpochsReader _epochs;
    private readonly PartitionReader _state;
    private readonly BlockingCollection<Action> _work = new(16);
    private readonly Thread _thread;
    private readonly PartitionChoice _partitions = new();
    private readonly CancellationTokenSource _stopping = new();
    private TransactionalProducer? _producer;
    private ICommitLogListener? _listener;
    private long _incarnation;
    private bool _open;
    private bool _stateTouched;
    private int _resumeAt;
    private int _writableWanted;
    private long _writableAt;
    private bool _failed;
    private readonly ITimer _watch;
    private readonly Lock _telling = new();
    private readonly Succession _succession;
    private readonly SlotTrim _trim;
    private long _callSince;
    private TimeSpan _callLimit;
    private volatile string _calling = "";
    private volatile bool _stuck;
    private Exception? _untold;
    private long _lastManifest;
    private long _writtenAt;
    private string _epochsId = "";
    private Task _look = Task.CompletedTask;

    public KafkaCommitLog(KafkaConnection connection, KafkaCommitLogOptions options, TimeProvider time, ILogger logger)
    {
        _connection = connection;
        _options = options;
        _time = time;
        _logger = logger;
        _topics = new KafkaTopics(connection, logger);
        _epochs = new EpochsReader(_topics, options.EpochsTopic, options.Slot, options.CallTimeout, time, logger);
        _state = new PartitionReader(_topics, options.StateTopic, options.Slot, options.CallTimeout, time, logger);
        _succession = new Succession(_topics, _epochs, options, logger, _stopping.Token);
        _trim = new SlotTrim(_topics, _epochs, options, time, logger);
        _thread = new Thread(Run) { IsBackground = true, Name = $"kafka commit {options.TransactionalId}" };
        _thread.Start();
        _watch = time.CreateTimer(_ => Watch(), null, options.IdleLook < Grace ? options.IdleLook : Grace, TimeSpan.FromSeconds(1));
    }

    public long StateEnd { get; private set; }

    public EpochClaim? Claim { get; private set; }

    private void Run()
    {
        foreach (var action in _work.GetConsumingEnumerable())
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                // Nothing that happens here may end the process without a word: the graph fails with it.
                _failed = true;
                Tell(e);
            }
        }
        // It was left behind, and has come back after all.
        if (Interlocked.CompareExchange(ref _end, Ended, 0) != LeftBehind) return;
        _producer?.Dispose();
        _topics.Dispose();
        Interlocked.Decrement(ref _leftBehind);
    }

    private Task<T> OnThread<T>(Func<T> call)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                done.SetResult(call());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return done.Task;
    }

    public async Task<CommitLogState> OpenAsync(EpochClaim? before, CancellationToken cancellation)
    {
        var internals = InternalTopics.Settings;
        // Whoever deleted it has cancelled or reset what this worker runs: it must not come back to life.
        if (before is not null && await _succession.ReplacedAsync(before, cancellation) is { } replaced) throw replaced;
        // Beside all that follows: its first connections take a while, and nobody is fenced by them.
        var made = OnThread(() => _producer = new TransactionalProducer(_connection, _options.TransactionalId, _options.TransactionTimeout, _options.MaxMessageBytes,
            _logger, OnDelivered, _options.QueueRecords));
        // Side by side: Apache Kafka takes some 50 ms to make one.
        var outputs = _options.Outputs.DistinctBy(t => t.Name).ToList();
        var ensured = Task.WhenAll([EnsureAsync(_options.StateTopic, _options.Slots, internals, cancellation),
            EnsureAsync(_options.EpochsTopic, _options.Slots, internals, cancellation), .. outputs.Select(o => EnsureAsync(o.Name, o.Partitions, null, cancellation)),
            .. _options.RedriveTopic is { } redrive ? [EnsureAsync(redrive, 1, internals, cancellation)] : Array.Empty<Task<KafkaTopic>>()]);
        await Task.WhenAll(made, ensured);
        var topics = await ensured;
        foreach (var topic in topics.Take(2 + outputs.Count)) _partitions.Know(topic.Name, topic.Partitions);
        foreach (var topic in topics.Take(2).Where(t => t.Partitions < _options.Slots))
            throw new StartupException($"topic '{topic.Name}' has {topic.Partitions} partitions, fewer than the pipeline's {_options.Slots} slots");
        _epochsId = topics[1].Id;
        await InternalTopics.CheckAsync(_topics, _partitions.Topics, _options, cancellation);
        var opened = await OnThread(() => Open(before, cancellation));
        if (opened.Last is null && !_options.IgnoreGroupOffsets) await RefuseGroupOffsetsAsync(cancellation);
        await _trim.ManifestsAsync(_lastManifest, cancellation);
        return opened;
    }

    /// <summary>
    /// Offsets without a manifest are another program's, or what is left of a pipeline whose epochs topic was deleted: a person has to say what they mean.
    /// </summary>
    private async Task RefuseGroupOffsetsAsync(CancellationToken cancellation)
    {
        var offsets = await _topics.GroupOffsetsAsync(_options.Pipeline, cancellation);
        if (offsets.Count == 0) return;
        var (topic, partition, offset) = offsets[0];
        throw new StartupException($"group '{_options.Pipeline}' has committed offsets ({topic}-{partition} at {offset}), but topic '{_options.EpochsTopic}' has no manifest: whose they are cannot be told\n  to start at a place of your choice:    ./engine run FILE --start-from earliest\n  to forget all that is left:            ./engine run FILE --reset");
    }

    /// <summary>Deletes all that a pipeline has written about itself: state, manifests, offsets. Its outputs stay.</summary>
    public static async Task ResetAsync(KafkaConnection connection, string pipeline, ILogger logger, CancellationToken cancellation)
    {
        using var topics = new KafkaTopics(connection, logger);
        var options = new KafkaCommitLogOptions(pipeline);
        foreach (var topic in new[] { options.StateTopic, options.EpochsTopic })
            if (await topics.FindAsync(topic, cancellation) is not null) await topics.DeleteAsync(topic, cancellation);
        await topics.DeleteGroupAsync(pipeline, cancellation);
    }

    private Task<KafkaTopic> EnsureAsync(string name, int partitions, IReadOnlyDictionary<string, string>? configs, CancellationToken cancellation) =>
        _topics.EnsureAsync(name, partitions, configs, _time, cancellation, _options.ReplicationFactor);

    private CommitLogState Open(EpochClaim? before, CancellationToken cancellation)
    {
        // A worker that starts again must not fence its own successor: that one's claim is looked for before InitTransactions.
        if (before is not null && _succession.Find(before, cancellation) is { } successor) throw successor;
        try
        {
            _producer!.InitTransactions(_options.CallTimeout);
        }
        catch (KafkaClientException e) when (e.Code == 50)
        {
            throw new StartupException($"the transaction timeout of {_options.TransactionTimeout.TotalSeconds:0} s is above the broker's transaction.max.timeout.ms", e);
        }
        var found = _epochs.ReadLast(cancellation);
        var last = found.Manifest;
        _lastManifest = found.Offset;
        _incarnation = found.Incarnation + 1;
        Claim = new EpochClaim(_options.Slot, _incarnation, _options.Host, _options.Process, _time.GetUtcNow()) { TopicId = _epochsId };
        _producer.Begin();
        Produce(_options.EpochsTopic, ManifestJson.Write(Claim));
        _producer.Flush(_options.CallTimeout);
        _producer.Commit(_options.EndTimeout);
        if (_producer.WasCutOff) throw new KafkaClientException(LibRdKafka.Transport, "no broker could be reached for a while: a new client goes on");
        StateEnd = _state.Bounds(cancellation).Stable;
        if (last is not null && last.State.End > StateEnd)
            throw new StartupException($"{_options.StateTopic}-{_options.Slot} ends at {StateEnd}, but the last manifest's state ends at {last.State.End}: the topic was deleted, by somebody else or by a --reset that was killed\n  to forget all that is left and start anew:    ./engine run FILE --reset");
        Volatile.Write(ref _writtenAt, _time.GetTimestamp());
        return new CommitLogState(_incarnation, last);
    }

    public Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation)
    {
        // Nobody writes behind it but this worker, which has not begun.
        var end = StateEnd;
        return OnThread(() =>
        {
            try
            {
                _state.Read(from, end, apply, cancellation);
                return end;
            }
            catch (OffsetGoneException e)
            {
                // A successor that ran on has trimmed what it does not need any more: nothing is lost then.
                if (_succession.Look(Claim!, cancellation, e) is { } successor) throw successor;
                var (low, high) = _state.Bounds(cancellation);
                throw new StartupException($"{_options.StateTopic}-{_options.Slot} holds offsets {low} to {high}, but the last manifest's state begins at {from}: records of the pipeline's state were deleted by somebody else\n  to forget all that is left and start anew:    ./engine run FILE --reset", e);
            }
        });
    }

    public void Listen(ICommitLogListener listener)
    {
        lock (_telling)
        {
            _listener = listener;
            if (_untold is { } cause) listener.OnFailed(cause);
        }
    }

    /// <summary>A failure that comes before anybody listens, a successor's claim during a long restore say, is told to the first who does.</summary>
    private void Tell(Exception cause)
    {
        lock (_telling)
        {
            if (_listener is { } listener) listener.OnFailed(cause);
            else _untold ??= cause;
        }
    }

    public unsafe bool TryAppend(Batch batch)
    {
        if (_failed) return false;
        var records = batch.Records!;
        try
        {
            if (!_open)
            {
                _producer!.Begin();
                _open = true;
            }
            var state = batch.Role == BatchRole.Changelog;
            // A record is stamped now at the latest: a source's stamp that lies ahead would be refused by the broker, again and again.
            var now = records.Timestamps is null ? 0 : _time.GetUtcNow().ToUnixTimeMilliseconds();
            var topic = state ? _options.StateTopic : records.Topic;
            for (; _resumeAt < records.Count; _resumeAt++)
            {
                var i = _resumeAt;
                var partition = state ? _options.Slot : _partitions.Of(records, i);
                if (!_producer!.TryProduce(topic, partition, records.KeyAt(i), records.Values[i], records.HeadersAt(i), records.Timestamps is null ? -1
                    : Math.Min(records.Timestamps[i], now)))
                {
                    // Half empty again: waking for each delivery would cost a message per record.
                    Volatile.Write(ref _writableAt, _producer.Outstanding / 2);
                    Interlocked.Exchange(ref _writableWanted, 1);
                    // Deliveries may have come between the refusal and the flag.
                    OnDelivered();
                    return false;
                }
                if (!state) continue;
                StateEnd++;
                _stateTouched = true;
            }
        }
        catch (Exception e)
        {
            _failed = true;
            _work.Add(() => Fail(e));
            return false;
        }
        _resumeAt = 0;
        batch.Dispose();
        return true;
    }

    private void OnDelivered()
    {
        if (Volatile.Read(ref _writableWanted) != 0 && _producer!.Outstanding <= Volatile.Read(ref _writableAt) && Interlocked.Exchange(ref _writableWanted, 0) != 0)
            _listener!.OnWritable();
    }

    private unsafe void Produce(string topic, byte[] value)
    {
        // The queue may be full of what the graph has just handed over.
        fixed (byte* p = value)
            while (!_producer!.TryProduce(topic, _options.Slot, Bytes.Null, new Bytes(p, value.Length), Bytes.Null, -1)) _producer.Flush(_options.CallTimeout);
    }

    public void Commit(EpochManifest manifest) => _work.Add(() => CommitNow(manifest));

    private void CommitNow(EpochManifest manifest)
    {
        try
        {
            if (_producer!.WasCutOff) throw new KafkaClientException(LibRdKafka.Transport, "no broker could be reached since the last commit: a new client goes on");
            if (!_open) _producer.Begin();
            Call("deliver the records before a manifest", _options.CallTimeout, () => Produce(_options.EpochsTopic, ManifestJson.Write(manifest)));
            Call("deliver the records", _options.CallTimeout, () => _producer.Flush(_options.CallTimeout));
            Call("take the offsets", _options.EndTimeout, () => _producer.SendOffsets(_options.Pipeline,
                manifest.Sources.Values.SelectMany(s => s.Partitions.Select(p => (s.Topic, p.Key, p.Value.Offset))).Concat(Redriven(manifest)), _options.EndTimeout));
            Call("commit", _options.EndTimeout, () => _producer.Commit(_options.EndTimeout));
            _open = false;
            // The commit marker takes an offset in every partition that the transaction touched.
            if (_stateTouched) StateEnd++;
            _stateTouched = false;
        }
        catch (Exception e)
        {
            Fail(e);
            return;
        }
        Volatile.Write(ref _writtenAt, _time.GetTimestamp());
        _listener!.OnCommitted(manifest.Epoch);
        _trim.StateAsync(manifest, _stopping.Token).GetAwaiter().GetResult();
        if (_trim.IsDue) _trim.ManifestsAsync(null, _stopping.Token).GetAwaiter().GetResult();
    }

    // Each source reads the topic for itself: what all have read is what the slowest has.
    private IEnumerable<(string Topic, int Partition, long Offset)> Redriven(EpochManifest manifest) =>
        _options.RedriveTopic is { } topic && manifest.Sources.Values.Min(s => s.Redrive?.Offset ?? 0) is > 0 and var offset ? [(topic, 0, offset)] : [];

    /// <summary>A call of the client, whose end is waited for by somebody else too.</summary>
    private void Call(string what, TimeSpan limit, Action call)
    {
        (_calling, _callLimit) = (what, limit + Grace);
        Interlocked.Exchange(ref _callSince, _time.GetTimestamp());
        try
        {
            call();
        }
        finally
        {
            Interlocked.Exchange(ref _callSince, 0);
        }
    }

    /// <summary>
    /// The library does not keep its own time limits in every call: what hangs is given up, and a new incarnation starts with a new client, which fences this one.
    /// </summary>
    private void Watch()
    {
        if (_look.IsCompleted && !_failed && !_stopping.IsCancellationRequested && Volatile.Read(ref _writtenAt) is not 0 and var written
            && _time.GetElapsedTime(written) > _options.IdleLook) _look = LookAroundAsync();
        if (Interlocked.Read(ref _callSince) is not (> 0 and var since) || _stuck) return;
        var limit = _producer!.WasCutOff && _callLimit > GraceCutOff ? GraceCutOff : _callLimit;
        if (_time.GetElapsedTime(since) < limit) return;
        _stuck = true;
        _failed = true;
        _logger.LogError("the Kafka client of {Id} does not come back from the call to {What}; it is left behind", _options.TransactionalId, _calling);
        Tell(new TimeoutException($"the Kafka client did not {_calling} in {limit.TotalSeconds:0} s"));
    }

    private void Fail(Exception cause)
    {
        _failed = true;
        Tell(cause is KafkaClientException client ? _succession.Explain(Claim!, client, _producer!.HasFatalError) : cause);
    }

    private async Task LookAroundAsync()
    {
        try
        {
            if (await _succession.LookAsync(Claim!) is { } successor) Fail(successor);
        }
        catch (Exception e)
        {
            // What cannot be foreseen is told to the graph: nobody else would hear of it.
            Fail(e);
        }
        Volatile.Write(ref _writtenAt, _time.GetTimestamp());
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _work.CompleteAdding();
        await _watch.DisposeAsync();
        await _look;
        if (_stuck && !_thread.Join(TimeSpan.FromSeconds(1)))
        {
            // It holds copies of its records and nothing of the worker's memory: it may stay where it is. Its transaction is ended by the next incarnation.
            if (Interlocked.Increment(ref _leftBehind) > MostLeftBehind) Environment.FailFast($"{MostLeftBehind} Kafka clients of this process hang");
            if (Interlocked.CompareExchange(ref _end, LeftBehind, 0) == 0) return;
            Interlocked.Decrement(ref _leftBehind);
        }
        // Four calls of the client may still be under way, each of which ends. A thread that stays is not to commit what nobody waits for: the process ends before it.
        if (!_thread.Join(_options.CallTimeout * 5))
            Environment.FailFast($"the commit thread of {_options.TransactionalId} did not end in {_options.CallTimeout.TotalSeconds * 5:0} s");
        _producer?.Dispose();
        _topics.Dispose();
        _work.Dispose();
        _stopping.Dispose();
    }
}
