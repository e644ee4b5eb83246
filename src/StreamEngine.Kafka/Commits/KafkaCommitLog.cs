using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using StreamEngine.Core;
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
    private bool _failed;
    private long _trimmed;
    private readonly ITimer _watch;
    private long _callSince;
    private TimeSpan _callLimit;
    private volatile string _calling = "";
    private volatile bool _stuck;
    private long _trimmedAt;
    private long _lastManifest;
    private long _writtenAt;
    private long _seenEnd = -1;
    private string _epochsId = "";
    private bool _hasCommitted;
    private Task _look = Task.CompletedTask;

    public KafkaCommitLog(KafkaConnection connection, KafkaCommitLogOptions options, TimeProvider time, ILogger logger)
    {
        _connection = connection;
        _options = options;
        _time = time;
        _logger = logger;
        _topics = new KafkaTopics(connection, logger);
        _thread = new Thread(Run) { IsBackground = true, Name = $"kafka commit {options.TransactionalId}" };
        _thread.Start();
        _watch = time.CreateTimer(_ => Watch(), null, Grace, TimeSpan.FromSeconds(1));
    }

    public long StateEnd { get; private set; }

    public EpochClaim? Claim { get; private set; }

    private EpochsReader Epochs => new(_connection, _options.EpochsTopic, _options.Slot, _options.CallTimeout, _time, _logger);

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
                _listener?.OnFailed(e);
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
        var internals = new Dictionary<string, string> { ["cleanup.policy"] = "delete", ["retention.ms"] = "-1" };
        // Whoever deleted it has cancelled or reset what this worker runs: it must not come back to life.
        if (before is not null && await ReplacedAsync(before, cancellation) is { } replaced) throw replaced;
        await EnsureAsync(_options.StateTopic, _options.Slots, internals, cancellation);
        _epochsId = (await EnsureAsync(_options.EpochsTopic, _options.Slots, internals, cancellation)).Id;
        if (_options.RedriveTopic is { } redrive) await _topics.EnsureAsync(redrive, 1, internals, _time, cancellation, _options.ReplicationFactor);
        foreach (var topic in _options.Outputs.DistinctBy(t => t.Name)) await EnsureAsync(topic.Name, topic.Partitions, null, cancellation);
        await CheckSettingsAsync(cancellation);
        var opened = await OnThread(() => Open(before, cancellation));
        if (opened.Last is null && !_options.IgnoreGroupOffsets) await RefuseGroupOffsetsAsync(cancellation);
        await TrimManifestsAsync(cancellation);
        return opened;
    }

    /// <summary>
    /// Offsets without a manifest are another program's, or what is left of a pipeline whose epochs topic was deleted: a person has to say what they mean.
    /// </summary>
    private async Task RefuseGroupOffsetsAsync(CancellationToken cancellation)
    {
        var offsets = await _topics.GroupOffsetsAsync(_options.Pipeline, _time, cancellation);
        if (offsets.Count == 0) return;
        var (topic, partition, offset) = offsets[0];
        throw new StartupException($"group '{_options.Pipeline}' has committed offsets ({topic}-{partition} at {offset}), but topic '{_options.EpochsTopic}' has no manifest: whose they are cannot be told\n  to start at a place of your choice:    ./engine run FILE --start-from earliest\n  to forget all that is left:            ./engine run FILE --reset");
    }

    /// <summary>Manifests older than they are kept are deleted when an incarnation starts and once an hour; the last one stays.</summary>
    private async Task TrimManifestsAsync(CancellationToken cancellation)
    {
        _trimmedAt = _time.GetTimestamp();
        try
        {
            var before = await _topics.OffsetOfTimeAsync(_options.EpochsTopic, _options.Slot, (_time.GetUtcNow() - _options.ManifestsKeep).ToUnixTimeMilliseconds(),
                cancellation);
            // The last manifest stays, which by now is one of this incarnation's.
            if (_hasCommitted) _lastManifest = (await Epochs.ReadLastAsync(cancellation)).Offset;
            // Without a record of that age or younger all are old.
            var kept = Math.Min(before ?? long.MaxValue, _lastManifest);
            if (kept > 0) await _topics.DeleteRecordsAsync(_options.EpochsTopic, _options.Slot, kept, cancellation);
        }
        catch (Exception e) when (e is Confluent.Kafka.KafkaException or StartupException { MayPass: true } or OperationCanceledException or KafkaClientException)
        {
            _logger.LogWarning(e, "old manifests of {Topic} could not be deleted; it is tried again", _options.EpochsTopic);
        }
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

    /// <summary>Whether the topic of the claim is gone or another one.</summary>
    private async Task<FencedException?> ReplacedAsync(EpochClaim own, CancellationToken cancellation)
    {
        var topic = await _topics.FindAsync(_options.EpochsTopic, cancellation);
        return topic?.Id == own.TopicId ? null
            : new FencedException($"topic '{_options.EpochsTopic}' was deleted{(topic is null ? "" : " and created again")} while incarnation {own.Incarnation} of slot {own.Slot} ran: the pipeline was cancelled or reset by somebody else");
    }

    private async Task<KafkaTopic> EnsureAsync(string name, int partitions, IReadOnlyDictionary<string, string>? configs, CancellationToken cancellation)
    {
        var topic = await _topics.EnsureAsync(name, partitions, configs, _time, cancellation, _options.ReplicationFactor);
        if (configs is not null && topic.Partitions < _options.Slots)
            throw new StartupException($"topic '{name}' has {topic.Partitions} partitions, fewer than the pipeline's {_options.Slots} slots");
        _partitions.Know(name, topic.Partitions);
        return topic;
    }

    /// <summary>What would make every commit fail later is refused now, by name.</summary>
    private async Task CheckSettingsAsync(CancellationToken cancellation)
    {
        var settings = await _topics.ConfigsAsync(_options.RedriveTopic is { } redrive ? [.. _partitions.Topics, redrive] : _partitions.Topics, cancellation);
        if (_options.RedriveTopic is { } kept) CheckKept(kept, settings[kept]("cleanup.policy"), settings[kept]("retention.ms"));
        foreach (var name in new[] { _options.StateTopic, _options.EpochsTopic })
        {
            var (policy, retention) = (settings[name]("cleanup.policy"), settings[name]("retention.ms"));
            if ((policy ?? "delete") != "delete" || (retention ?? "-1") != "-1")
                throw new StartupException($"topic '{name}' has cleanup.policy={policy} and retention.ms={retention}; the pipeline's state needs cleanup.policy=delete and retention.ms=-1, since the engine trims it itself");
        }
        foreach (var (name, of) in settings)
            if (long.TryParse(of("max.message.bytes"), out var most) && most < _options.MaxMessageBytes + 512)
                throw new StartupException($"topic '{name}' takes messages of {most} bytes, fewer than the {_options.MaxMessageBytes + 512} that the pipeline may write with their framing\n  write smaller ones only:    --set max-message-size={most - 512}\n  or raise the topic's max.message.bytes");
        if (long.TryParse(await _topics.BrokerConfigAsync("transaction.max.timeout.ms", cancellation), out var longest)
            && _options.TransactionTimeout.TotalMilliseconds > longest)
            throw new StartupException($"the transaction timeout of {_options.TransactionTimeout.TotalSeconds:0} s is above the broker's transaction.max.timeout.ms of {longest}\n  shorten it:    --set kafka.transaction-timeout={longest}ms");
    }

    /// <exception cref="StartupException">The topic would forget something.</exception>
    public static void CheckKept(string topic, string? policy, string? retention)
    {
        if ((policy ?? "delete") != "delete" || (retention ?? "-1") != "-1")
            throw new StartupException($"topic '{topic}' has cleanup.policy={policy} and retention.ms={retention}; it tells which dead letters were redriven and needs cleanup.policy=delete and retention.ms=-1, so that none is redriven twice");
    }

    private CommitLogState Open(EpochClaim? before, CancellationToken cancellation)
    {
        // A worker that starts again must not fence its own successor: that one's claim is looked for before InitTransactions.
        if (before is not null && Successor(before, cancellation) is { } successor) throw successor;
        _producer = new TransactionalProducer(_connection, _options.TransactionalId, _options.TransactionTimeout, _options.MaxMessageBytes, _logger, OnDelivered);
        try
        {
            _producer.InitTransactions(_options.CallTimeout);
        }
        catch (KafkaClientException e) when (e.Code == 50)
        {
            throw new StartupException($"the transaction timeout of {_options.TransactionTimeout.TotalSeconds:0} s is above the broker's transaction.max.timeout.ms", e);
        }
        var found = Epochs.ReadLast(cancellation);
        var last = found.Manifest;
        _lastManifest = found.Offset;
        _incarnation = found.Incarnation + 1;
        Claim = new EpochClaim(_options.Slot, _incarnation, _options.Host, _options.Process, _time.GetUtcNow()) { TopicId = _epochsId };
        _producer.Begin();
        Produce(_options.EpochsTopic, ManifestJson.Write(Claim));
        _producer.Flush(_options.CallTimeout);
        _producer.Commit(_options.EndTimeout);
        StateEnd = PartitionReader.Bounds(_connection, _options.StateTopic, _options.Slot, _options.CallTimeout, _logger).High;
        Volatile.Write(ref _writtenAt, _time.GetTimestamp());
        return new CommitLogState(_incarnation, last);
    }

    public Task ReadStateAsync(long from, StateRecordHandler apply, CancellationToken cancellation) =>
        OnThread(() => PartitionReader.Read(_connection, _options.StateTopic, _options.Slot, from, apply, _options.CallTimeout, _time, _logger, cancellation));

    public void Listen(ICommitLogListener listener) => _listener = listener;

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
                    Interlocked.Exchange(ref _writableWanted, 1);
                    // A delivery may have come between the refusal and the flag.
                    if (_producer.Outstanding == 0) OnDelivered();
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
        // Half empty again: waking for each delivery would cost a message per record.
        if (Volatile.Read(ref _writableWanted) != 0 && _producer!.Outstanding < 200_000 && Interlocked.Exchange(ref _writableWanted, 0) != 0) _listener!.OnWritable();
    }

    private unsafe void Produce(string topic, byte[] value)
    {
        fixed (byte* p = value)
            if (!_producer!.TryProduce(topic, _options.Slot, Bytes.Null, new Bytes(p, value.Length), Bytes.Null, -1))
                throw new InvalidOperationException($"the client's queue is full after a flush: {topic} cannot be written");
    }

    public void Commit(EpochManifest manifest) => _work.Add(() => CommitNow(manifest));

    private void CommitNow(EpochManifest manifest)
    {
        try
        {
            if (_producer!.WasCutOff) throw new KafkaClientException(LibRdKafka.Transport, "no broker could be reached since the last commit: a new client goes on");
            if (!_open) _producer.Begin();
            Produce(_options.EpochsTopic, ManifestJson.Write(manifest));
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
        _hasCommitted = true;
        _listener!.OnCommitted(manifest.Epoch);
        Trim(manifest);
        if (_time.GetElapsedTime(_trimmedAt) >= _options.ManifestTrims) TrimManifestsAsync(_stopping.Token).GetAwaiter().GetResult();
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
        _listener!.OnFailed(new TimeoutException($"the Kafka client did not {_calling} in {limit.TotalSeconds:0} s"));
    }

    /// <summary>Two copies that both wait for rows would live side by side until one has something to commit: the older one looks at the claims meanwhile.</summary>
    private async Task LookAroundAsync()
    {
        try
        {
            if (await ReplacedAsync(Claim!, _stopping.Token) is { } replaced)
            {
                _work.TryAdd(() => Fail(replaced));
                return;
            }
            var (end, _) = await _topics.EndsAsync(_options.EpochsTopic, _options.Slot, _stopping.Token);
            if (end == _seenEnd) return;
            var successor = await Task.Factory.StartNew(() => Successor(Claim!, _stopping.Token), _stopping.Token, TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            _seenEnd = end;
            if (successor is not null) _work.TryAdd(() => Fail(successor));
        }
        catch (Exception e) when (e is Confluent.Kafka.KafkaException or KafkaClientException or StartupException or OperationCanceledException
            or InvalidOperationException)
        {
            // No broker, or the log is being closed: whoever writes next learns of it.
            _logger.LogDebug(e, "the end of {Topic} cannot be asked", _options.EpochsTopic);
        }
        finally
        {
            Volatile.Write(ref _writtenAt, _time.GetTimestamp());
        }
    }

    private void Fail(Exception cause)
    {
        _failed = true;
        _listener!.OnFailed(cause is KafkaClientException client ? Fenced(client) : cause);
    }

    /// <summary>
    /// The claims tell what the client cannot: whether somebody else has taken over. They are looked at after every failure of the client, since the first sign of having
    /// been fenced may be a record that it purged, and a new incarnation that starts without looking would fence its own successor. Where the client knows that its epoch
    /// is old (fenced, or timed out) the successor may still be about to write its claim, so that it is looked for during a growing delay.
    /// </summary>
    private Exception Fenced(KafkaClientException cause)
    {
        var longest = cause.Code is LibRdKafka.Fenced or LibRdKafka.InvalidProducerEpoch or LibRdKafka.ProducerFenced || _producer!.HasFatalError ? 2000 : 0;
        for (var wait = 0; wait <= longest && !_stopping.IsCancellationRequested; wait = wait * 2 + 250)
        {
            if (wait > 0) _stopping.Token.WaitHandle.WaitOne(wait);
            if (LookForSuccessor(cause) is { } end) return end;
        }
        return cause;
    }

    /// <summary>A later worker's taking over, by its claim or by what it has committed; null where there is none.</summary>
    private FencedException? Successor(EpochClaim own, CancellationToken cancellation, Exception? cause = null)
    {
        var last = Epochs.ReadLast(cancellation);
        if (last.Claim is null && last.Incarnation > own.Incarnation) last = Epochs.ReadLast(cancellation, toClaim: true);
        if (last.Claim?.IsAfter(own) == true)
            return new FencedException($"incarnation {own.Incarnation} of slot {own.Slot} was fenced by incarnation {last.Claim.Incarnation}, process {last.Claim.Process} on {last.Claim.Host}, claimed at {last.Claim.At:O}", cause);
        return last.Incarnation > own.Incarnation ? new FencedException($"incarnation {own.Incarnation} of slot {own.Slot} was fenced by incarnation {last.Incarnation}",
            cause) : null;
    }

    private Exception? LookForSuccessor(KafkaClientException? cause)
    {
        try
        {
            return ReplacedAsync(Claim!, _stopping.Token).GetAwaiter().GetResult() ?? Successor(Claim!, _stopping.Token, cause);
        }
        catch (StartupException e) when (!e.MayPass)
        {
            // Only a newer engine writes what this one cannot read: it has taken over.
            return new FencedException($"incarnation {_incarnation} of slot {_options.Slot} was fenced by a newer engine: {e.Message}", e);
        }
        catch (Exception e) when (e is KafkaClientException or OperationCanceledException or StartupException or Confluent.Kafka.KafkaException)
        {
            _logger.LogWarning("the claims of {Topic} cannot be read: {Why}", _options.EpochsTopic, e.Message);
            return null;
        }
    }

    // State behind the older of the two newest snapshots is never read again.
    private void Trim(EpochManifest manifest)
    {
        if (manifest.State.Full.Count < 2 || manifest.State.Full[0] <= _trimmed) return;
        try
        {
            _topics.DeleteRecordsAsync(_options.StateTopic, _options.Slot, manifest.State.Full[0], _stopping.Token).GetAwaiter().GetResult();
            _trimmed = manifest.State.Full[0];
        }
        catch (Exception e) when (e is Confluent.Kafka.KafkaException or OperationCanceledException)
        {
            _logger.LogWarning(e, "state before offset {Offset} of {Topic} could not be deleted; it is tried again after the next snapshot", manifest.State.Full[0],
                _options.StateTopic);
        }
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
        // Three calls of the client may still be under way, each of which ends. A thread that stays is not to commit what nobody waits for: the process ends before it.
        if (!_thread.Join(_options.CallTimeout * 4))
            Environment.FailFast($"the commit thread of {_options.TransactionalId} did not end in {_options.CallTimeout.TotalSeconds * 4:0} s");
        _producer?.Dispose();
        _topics.Dispose();
        _work.Dispose();
        _stopping.Dispose();
    }
}
